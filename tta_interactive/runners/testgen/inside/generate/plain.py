"""How plain a statement is, and what would be plainer in its place. Pure.

People write `Item("a", Decimal("1.5"))`; a search leaves `Item("other4.90", Decimal("Infinity"))`.
Each form has one part put in the place of another that costs less to read: a constant by the
plainest of its kind, a call by what it was given, a chain by what it began with.
"""

import ast
import builtins
import copy
import itertools
import math
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from .fitting import PLAIN_OF, Fitting
from .recipes import TOOLS

TEXTS = ("a", "b", "abc", "1", "a b", "1.5")
NUMBERS = (1, 2, 3, 0, 10, 5, 100, -1)
FLOATS = (1.5, 2.0, 0.5, 1.0, 10.0, 0.0, -1.5)
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,15}")
PLAIN_SIGNS = frozenset(" _-.,:/=@")
MISFIT = 2.5  # what a value of another sort than the parameter says costs to read
EMPTY = ("[]", "{}", "()", "set()")
MOST_TEXTS = 10  # for one constant, beside itself with less
PARTS = (2, 4, 8, 16)
LONG = 12  # signs; of a longer text no single ones are taken
MAX_MADE = 3  # of one class, the plainest


@dataclass(frozen=True)
class Form:
    """A statement with one part put in the place of another."""

    text: str
    old: str
    new: str


class Plainness:
    """What reads well in the tests of one module.

    Args:
        words: Texts that the module itself names.
        objects: The class, as written -> expressions that make an object of it.
        fitting: Knows what sorts of values the parameters take.
    """

    def __init__(
        self,
        words: Collection[str],
        objects: Callable[[str], Sequence[str]] = lambda _: (),
        fitting: Fitting | None = None,
    ) -> None:
        self._fitting = fitting or Fitting(ast.Module([], []))
        self._words = frozenset(
            part for word in words for part in (word, *word.split()) if WORD.fullmatch(part)
        )
        self._objects = objects
        self._costs: dict[str, float] = {}
        self._forms: dict[str, list[Form]] = {}

    def cost(self, statement: str) -> float:
        """How much there is to read; less is plainer."""
        if statement not in self._costs:
            nodes = ast.walk(ast.parse(statement))
            self._costs[statement] = sum(self._cost(node) for node in nodes)
        return self._costs[statement]

    def forms(self, statement: str) -> list[Form]:
        """The statement with one part of it plainer; what makes most of a difference first."""
        if statement not in self._forms:
            self._forms[statement] = self._made(statement)
        return self._forms[statement]

    def _made(self, statement: str) -> list[Form]:
        lines = statement.encode().split(b"\n")
        is_coroutine = statement.startswith("async def ")
        if (len(lines) > 1 and not is_coroutine) or not "".join(
            statement.split("\n")
        ).isprintable():
            return []
        text = statement.encode()
        # Where each line begins.
        starts = [0, *itertools.accumulate(len(line) + 1 for line in lines)]
        found: dict[Form, float] = {}
        for node in ast.walk(ast.parse(statement)):
            if not isinstance(node, ast.expr):
                continue
            start = starts[node.lineno - 1] + node.col_offset
            end = starts[(node.end_lineno or 1) - 1] + (node.end_col_offset or 0)
            old = text[start:end].decode()
            mine = sum(self._cost(part) for part in ast.walk(node))
            for new in self._others(node):
                less = mine - self.cost(new)
                if less > 0 and new.isprintable():
                    whole = (text[:start] + new.encode() + text[end:]).decode()
                    if not _says_twice(whole):
                        found[Form(whole, old, new)] = less
        return sorted(found, key=lambda form: (-found[form], form.text))

    def everywhere(self, statements: Sequence[str]) -> Iterator[tuple[list[str], tuple[str, str]]]:
        """The statements with a constant that stands in several places plainer in all of them."""
        places: dict[str, list[tuple[int, ast.Constant]]] = {}
        for at, text in enumerate(statements):
            if "\n" not in text and text.isprintable():
                for node in ast.walk(ast.parse(text)):
                    if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float):
                        places.setdefault(repr(node.value), []).append((at, node))
        for old, nodes in places.items():
            for new in self._others(nodes[0][1]) if len(nodes) > 1 else ():
                if self.cost(new) < self.cost(old) and new.isprintable():
                    made = [text.encode() for text in statements]
                    for at, node in sorted(nodes, key=lambda one: -one[1].col_offset):
                        end = node.end_col_offset or 0
                        made[at] = made[at][: node.col_offset] + new.encode() + made[at][end:]
                    whole = [text.decode() for text in made]
                    if not any(map(_says_twice, whole)):
                        yield whole, (f"every {old}", new)

    def _cost(self, node: ast.AST) -> float:
        match node:
            case ast.Constant(value=str(text)):
                return self._text_cost(text)
            case ast.Constant(value=bytes(data)):
                return 0.5 + self._text_cost(data.decode("latin-1"))
            case ast.Constant(value=bool() | None):
                return 1.2  # a value of the right sort says more
            case ast.Constant(value=int(number)):
                return _number_cost(number)
            case ast.Constant(value=float(number)):
                return _float_cost(number)
            case ast.Call():
                return 2.0 + MISFIT * sum(1 for _ in self._fitting.misfits(node))
            case ast.Lambda() | ast.Dict() | ast.Set() | ast.Tuple() | ast.List():
                return 2.0
            case ast.UnaryOp() | ast.keyword() | ast.Name() | ast.Attribute():
                return 0.5
            case ast.expr():
                return 1.0
            case _:
                return 0.0

    def _text_cost(self, text: str) -> float:
        if text in TEXTS:
            return 1.0 + TEXTS.index(text) / 50
        if text in self._words:
            return 1.1 + len(text) / 50
        odd = sum(not (sign.isascii() and (sign.isalnum() or sign in PLAIN_SIGNS)) for sign in text)
        foreign = sum(not sign.isascii() or not sign.isprintable() for sign in text)
        words = sum(word in self._words for word in WORD.findall(text))
        blanks = text != text.strip()
        mixed = not (text.islower() or text.isupper() or text.isdigit())
        return (
            1.5 + 0.4 * len(text) + odd + 2 * foreign + 0.5 * (blanks + mixed) - min(words, 3) * 0.4
        )

    def _others(self, node: ast.expr) -> Iterator[str]:
        """What may stand in the place of the node."""
        match node:
            case ast.Constant(value=str(text)):
                yield from map(repr, self._texts(text))
            case ast.Constant(value=bytes(data)):
                texts = self._texts(data.decode("latin-1"))
                yield from (repr(one.encode("latin-1", "replace")) for one in texts)
            case ast.Constant(value=bool() | None):
                pass
            case ast.Constant(value=int(number)):
                yield from (repr(one) for one in (*NUMBERS, *_rounded(number)) if one != number)
            case ast.Constant(value=float()):
                yield from map(repr, FLOATS)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                yield from (repr(one) for one in (*NUMBERS, -1.5) if type(one) is type(number))
            case ast.Call():
                yield from self._of_call(node)
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                for at in range(len(items)) if not isinstance(node, ast.Set) or items[1:] else ():
                    rest = [*items[:at], *items[at + 1 :]]
                    shorter = copy.copy(node)
                    shorter.elts = rest
                    yield ast.unparse(shorter)
            case ast.Dict(keys=keys, values=values):
                for at in range(len(keys)):
                    rest = ast.Dict(
                        [*keys[:at], *keys[at + 1 :]], [*values[:at], *values[at + 1 :]]
                    )
                    yield ast.unparse(rest)
            case _:
                pass

    def _of_call(self, node: ast.Call) -> Iterator[str]:
        func, args, keywords = node.func, node.args, node.keywords
        for old, new in self._fitted(node):
            yield ast.unparse(_Exchanged(old, new).visit(node))
        if isinstance(func, ast.Name):
            made = sorted(self._objects(func.id), key=lambda text: (self.cost(text), text))
            yield from made[:MAX_MADE]
        if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Call):
            yield ast.unparse(func.value)  # the chain without its last step
        for given in () if _asks(func) else (*args, *(one.value for one in keywords)):
            is_alone = len(args) == 1 and not keywords and _is_function(func)
            yield from (ast.unparse(inner) for inner in _made_in(given, is_alone=is_alone))
        if is_needless(node):
            yield ast.unparse(ast.Call(func, args[:-1], keywords))
        for at in range(len(keywords)):
            yield ast.unparse(ast.Call(func, args, [*keywords[:at], *keywords[at + 1 :]]))

    def _fitted(self, node: ast.Call) -> Iterator[tuple[ast.expr, str]]:
        """(an argument, a plain value of a sort that the parameter takes, or may take)."""
        for old, sorts in self._fitting.misfits(node):
            yield from ((old, PLAIN_OF[one]) for one in sorted(sorts & PLAIN_OF.keys()))
        for old, sorts in self._fitting.arguments(node):
            if not sorts and ast.unparse(old) in EMPTY:
                yield from ((old, text) for text in ("'a'", "1"))

    def _texts(self, text: str) -> list[str]:
        """Plainer texts of the same sort: words in it, any plain one, and itself with less."""
        mine = self._text_cost(text)
        kept = "".join(one for one in text if one.isascii() and (one.isalnum() or one in " _-.,"))
        whole = [
            *(word for word in WORD.findall(text) if word in self._words),
            *TEXTS,
            *re.findall(r"[A-Za-z]+|\d+(?:\.\d+)?", text),
            *(kept, text.strip(), text.lower()),
        ]
        found = [one for one in dict.fromkeys(whole) if one and self._text_cost(one) < mine]
        less = [one for one in dict.fromkeys(_shorter(text)) if one and one not in found]
        found = sorted(found, key=self._text_cost)[:MOST_TEXTS]
        return [*found, *(one for one in less if self._text_cost(one) < mine)]


class _Exchanged(ast.NodeTransformer):
    """A copy with another expression in the place of one."""

    def __init__(self, old: ast.expr, new: str) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> Any:
        if node is self._old:
            return ast.parse(self._new, mode="eval").body
        copied = copy.copy(node)
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.AST):
                setattr(copied, name, self.visit(value))
            elif isinstance(value, list):
                parts = cast("list[Any]", value)
                made = [self.visit(one) if isinstance(one, ast.AST) else one for one in parts]
                setattr(copied, name, made)
        return copied


def _shorter(text: str) -> Iterator[str]:
    """The text without one part of it, large parts first; then with letters for odd signs."""
    for word in dict.fromkeys(re.findall(r"\w{2,}", text)):
        yield text.replace(word, "a")
    for parts in PARTS:
        size = len(text) / parts
        if size < 1:
            break
        cuts = [round(size * at) for at in range(parts + 1)]
        yield from (text[:a] + text[b:] for a, b in itertools.pairwise(cuts))
    if len(text) <= LONG:
        yield from (text[:at] + text[at + 1 :] for at in range(len(text)))
        for at, one in enumerate(text):
            if not one.isalnum() or not one.isascii():
                yield text[:at] + "a" + text[at + 1 :]


def _is_function(func: ast.expr) -> bool:
    return isinstance(func, ast.Name) and func.id.islower()


def _asks(func: ast.expr) -> bool:
    """Whether a test asks something with it: `hash(box)`, `list(box)`, `asyncio.run(box.get())`."""
    match func:
        case ast.Name(id=name):
            return hasattr(builtins, name)
        case ast.Attribute(value=ast.Name(id=home)):
            return home in TOOLS and not func.attr[:1].isupper()
        case _:
            return False


def _made_in(node: ast.expr, *, is_alone: bool = False) -> Iterator[ast.expr]:
    """The objects that an argument is, or holds."""
    match node:
        case ast.Call() | ast.Name():
            yield node
        case ast.Constant() if is_alone:
            yield node
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Dict(values=items):
            for item in items:
                yield from _made_in(item)
        case _:
            pass


def is_needless(node: ast.Call) -> bool:
    """Whether the last argument may go: `Decimal("0")` says more than `Decimal()`."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=home)), args=[_], keywords=[]):
            return home not in TOOLS
        case _:
            return bool(node.args) and not isinstance(node.args[-1], ast.Starred)


def _says_twice(statement: str) -> bool:
    """Whether a dictionary or a set in it names a thing twice; or it is no Python."""
    if "{" not in statement:
        return False
    try:
        tree = ast.parse(statement)
    except SyntaxError:
        return True
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict | ast.Set):
            items = node.keys if isinstance(node, ast.Dict) else node.elts
            texts = [ast.unparse(item) for item in items if item is not None]
            if len(set(texts)) < len(texts):
                return True
    return False


def _number_cost(number: int) -> float:
    if number in NUMBERS:
        return 1.0 + NUMBERS.index(number) / 50
    digits = str(abs(number))
    return 1.5 + 0.5 * len(digits.rstrip("0"))


def _float_cost(number: float) -> float:
    if math.isfinite(number) and abs(number) in FLOATS:
        return 1.0 + FLOATS.index(abs(number)) / 50
    return 1.5 + 0.4 * len(repr(number))


def _rounded(number: int) -> Iterator[int]:
    """Rounder numbers of about the same size."""
    size = 10 ** max(0, len(str(abs(number))) - 1)
    if size > 1:
        yield size
        yield number // size * size
