"""Values to call with, as Python source: mined from the module, made, and changed a little."""

import ast
import random
import re
import string
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .asynchronous import HELPERS
from .echoes import Echoes
from .mining import (
    MAX_NUMBER,
    MAX_TEXT,
    is_special,
    of_functions,
    of_module,
    reads_hints,
    variables_in,
)
from .names import Names
from .recipes import HINTS, TYPES
from .regexes import strings_of
from .setup import Setup
from .shapes import Shape

TEXTS = ("", "a", "abc", "A b", "0", "1", "1.0", "a.b", " ", "\n", "é", "[]", "{}", "日本", "\x1b")
NUMBERS = (0, 1, -1, 2, 3, 5, 10, 100, -5)
MAX_SPECIAL = 60  # of the characters that the module's tables name, so many join the texts
FLOATS = (0.0, 1.5, -2.5)
BYTES = ("b''", "b'a'", "b'abc'", "b'\\x00\\xff'")
FUNCTIONS = ("len", "str", "(lambda *args, **options: 0)", "(lambda value: -value)")
_CHANGED: dict[type, Shape] = {
    str: ("str",),
    int: ("int",),
    float: ("float",),
    bytes: ("bytes",),
    bool: ("bool",),
}
CHARACTERS = "aA0 \n\té" + string.punctuation


class Values:
    """The pool that one search draws from. Same seed, same draws."""

    def __init__(
        self,
        tree: ast.Module,
        patterns: Iterable[Any],
        characters: Iterable[str],
        names: Names,
        draw: random.Random,
    ) -> None:
        self._draw = draw
        self._depth = 0
        self.echoes = Echoes(draw)
        self.objects: dict[str, list[str]] = {}
        """Class, as written -> expressions that made an object of it."""
        self.make_object: Callable[[str], str | None] = lambda _: None
        """Makes a new object of a class, as written."""
        self.change_object: Callable[[str], str | None] = lambda _: None
        """Sets up an object of a class that was changed after it was made."""
        self.call_of: Callable[[Any], str | None] = lambda _: None
        """The arguments, in brackets, of a call of a function that a call gave."""
        constants = of_module(tree)
        texts = constants.texts | set(TEXTS)
        numbers, floats = constants.numbers | set(NUMBERS), constants.floats | set(FLOATS)
        named = {chr(number) for number in numbers if is_special(number)}
        # One such number may be anything; a dozen of them are characters.
        special = sorted({*characters, *(named if len(named) > 12 else ())})
        texts.update(special[:: max(1, len(special) // MAX_SPECIAL)])
        self._characters = [*CHARACTERS, *special]
        matching = [(one, strings_of(one, draw)) for one in patterns]
        every = sorted({text for _, texts in matching for text in texts}, key=repr)
        self._matching = [text for text in every if isinstance(text, str)]
        self._matching_bytes = [text for text in every if isinstance(text, bytes)]
        self._matches = [(one, texts) for one, texts in matching if texts]
        self._texts, self._numbers, self._floats = sorted(texts), sorted(numbers), sorted(floats)
        self._bytes = [*BYTES, *(repr(value) for value in sorted(constants.bytes))]
        self._names = names
        self._local = {
            first: (sorted(one.texts), sorted(one.numbers))
            for first, one in of_functions(tree).items()
        }
        self._variables = variables_in(tree)
        self.setup = Setup(sorted(constants.texts), draw)
        self._types = (*TYPES, *HINTS) if reads_hints(tree) else TYPES
        self._plain: dict[str, Callable[[], str]] = {
            "type": lambda: draw.choice(self._types),
            "str": lambda: self._noted(repr(self._text())),
            "int": lambda: self._noted(self._number()),
            "float": lambda: repr(draw.choice(self._floats)),
            "bool": lambda: draw.choice(("True", "False")),
            "bytes": lambda: self._noted(self._made_bytes()),
            "match": self._match,
            "path": self.setup.path,
            "path text": lambda: f"str({self.setup.path()})",
        }
        self._line_end = (
            "\r\n" if {"\r\n", b"\r\n"} & {*constants.texts, *constants.bytes} else "\n"
        )
        self._near: tuple[list[str], list[int]] = ([], [])

    def environment(self) -> tuple[str, ...]:
        """Now and then a statement that sets a variable which the module reads."""
        draw = self._draw
        if not self._variables or draw.random() > 0.2:
            return ()
        value = draw.choice(("1", "0", "true", "", "a", self._text().replace("\0", "")))
        return (f"monkeypatch.setenv({draw.choice(self._variables)!r}, {value!r})",)

    def stand_at(self, first_line: int) -> None:
        """From now on prefer the constants of the function that begins there."""
        self._near = self._local.get(first_line, ([], []))

    def make(self, shape: Shape, depth: int = 0) -> str:
        """An expression for one value of the shape."""
        name = shape[0]
        plain = self._plain.get(name)
        if plain is not None:
            return plain()
        if name == "literal":
            return shape[1]
        if name == "one of":
            return self._draw.choice(shape[1:])
        if name == "either":
            return self.make(self._draw.choice(shape[1:]), depth)
        if name == "object":
            return self._object(shape[1], depth)
        if name == "callable":
            return self._callable(shape, depth)
        if name == "none" or depth > 3:
            return "None"
        if name in ("await", "async items", "async callable"):
            return self._asynchronous(shape, depth)
        return self._container(shape, depth)

    def _noted(self, text: str) -> str:
        self.echoes.note(text)
        return text

    def _number(self) -> str:
        draw = self._draw
        if self._near[1] and draw.random() < 0.4:
            return repr(draw.choice(self._near[1]))
        return repr(draw.choice(self._numbers if draw.random() < 0.7 else NUMBERS))

    def _object(self, written: str, depth: int) -> str:
        known = self.objects.get(written)
        dice = self._draw.random()
        if known and (depth > 2 or self._depth > 2 or dice < 0.6):
            return self._noted(self._draw.choice(known))
        self._depth += 1
        try:
            if known and dice < 0.9:
                return self.change_object(written) or self._draw.choice(known)
            return (self.make_object(written) if self._depth < 4 else None) or "None"
        finally:
            self._depth -= 1

    def _callable(self, shape: Shape, depth: int) -> str:
        draw = self._draw
        arity, result = (shape[1], shape[2]) if len(shape) == 3 else (-1, ("none",))
        dice = draw.random()
        if arity < 0 and dice < 0.4:
            return draw.choice(FUNCTIONS)
        parameters = ["first", "second", "third", "fourth", "fifth"][:arity] if arity > 0 else []
        if arity < 0 or arity > 5 or dice < 0.2:
            parameters = ["*args", "**options"]
        value = draw.choice(("None", "True", "False", "0", "'a'"))
        if result[0] != "none" and dice < 0.8:
            value = self.make(result, depth + 1)
        elif parameters and dice < 0.7:
            value = parameters[0].lstrip("*")
        elif dice > 0.95:
            value = "1 / 0"
        return f"(lambda {', '.join(parameters)}: {value})".replace("lambda :", "lambda:")

    def _asynchronous(self, shape: Shape, depth: int) -> str:
        name = shape[0]
        if name == "await":
            return f"asyncio.sleep(0, {self.make(shape[1], depth + 1)})"
        if name == "async callable":
            if len(shape) < 2 or shape[1] == ("none",) or self._draw.random() < 0.2:
                return self._names.support("async_answer", HELPERS["async_answer"])
            count = self._draw.choice((1, 1, 2, 3))
            answers = ", ".join(self.make(shape[1], depth + 1) for _ in range(count))
            return f"{self._names.support('async_answers', HELPERS['async_answers'])}({answers})"
        count = self._draw.choice((0, 1, 2, 3))
        items = ", ".join(self.make(shape[1], depth + 1) for _ in range(count))
        return f"{self._names.support('async_items', HELPERS['async_items'])}({items})"

    def _made_bytes(self) -> str:
        draw = self._draw
        dice = draw.random()
        if self._matching_bytes and dice < 0.35:
            return repr(draw.choice(self._matching_bytes))
        if self._matching_bytes and dice < 0.45:
            lines = draw.choices(self._matching_bytes, k=draw.choice((1, 2)))
            return repr(b"\r\n".join([*lines, *draw.choice(((), (b"",), (b"", b"")))]))
        if dice < 0.7:
            return draw.choice(self._bytes)
        return repr(self._text().encode(errors="replace"))

    def _match(self) -> str:
        """A match of one of the module's own patterns."""
        if not self._matches:
            return self._draw.choice(
                ("re.match('(a)(b)?', 'abc')", "re.match('(?P<name>a+)', 'aab')")
            )
        pattern, texts = self._draw.choice(self._matches)
        text = self._draw.choice(texts)
        flags = pattern.flags & ~re.UNICODE
        more = f", {flags}" if flags else ""
        return f"re.match({pattern.pattern!r}, {text!r}{more})"

    def _container(self, shape: Shape, depth: int) -> str:
        draw, name = self._draw, shape[0]
        if name == "tuple":
            return "(" + "".join(self.make(item, depth + 1) + ", " for item in shape[1:]) + ")"
        if name == "keyed":
            some = [pair for pair in shape[1] if draw.random() < 0.8]
            return "{" + ", ".join(f"{key}: {self.make(to, depth + 1)}" for key, to in some) + "}"
        if name == "stub":
            parts = ", ".join(f"{part}={self.make(to, depth + 1)}" for part, to in shape[1])
            return f"types.SimpleNamespace({parts})"
        count = draw.choice((0, 1, 1, 2, 3, 4, 6))
        if name == "dict":
            pairs = (
                f"{self.echoes.again(shape[1]) or self.make(shape[1], depth + 1)}: "
                f"{self.make(shape[2], depth + 1)}"
                for _ in range(min(count, 3))
            )
            return "{" + ", ".join(pairs) + "}"
        if name == "list" and shape[1] == ("int",) and draw.random() < 0.06:
            return f"list(range({draw.choice((20, 100, 3000))}))"
        items = [self.make(shape[1], depth + 1) for _ in range(count)]
        if name == "many":
            return "(" + "".join(item + ", " for item in items) + ")"
        if name == "set":
            return "{" + ", ".join(dict.fromkeys(items)) + "}" if items else "set()"
        return "[" + ", ".join(items) + "]"

    def _text(self) -> str:
        draw = self._draw
        if self._near[0] and draw.random() < 0.4:
            return draw.choice(self._near[0])
        dice = draw.random()
        if self._matching and dice < 0.35:
            return draw.choice(self._matching)
        if dice < 0.5:
            return (draw.choice(self._texts) + draw.choice(self._texts))[:MAX_TEXT]
        if dice < 0.57:
            return self._lines()
        return draw.choice(self._texts)

    def _lines(self) -> str:
        """Several texts, as lines."""
        draw = self._draw
        pool = draw.choice([some for some in (self._near[0], self._matching, self._texts) if some])
        some = draw.choices(pool, k=draw.choice((1, 2, 3)))
        return self._line_end.join([*some, draw.choice(("", "", draw.choice(self._texts)))])

    def changed(self, text: str, shape: Shape) -> str:
        """The expression, changed a little; or a new one of the shape."""
        try:
            value: Any = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return self.changed_inside(text) if self._draw.random() < 0.6 else self.make(shape)
        if isinstance(value, dict | tuple | set) and self._draw.random() < 0.6:
            return self.changed_inside(text)
        draw = self._draw
        if isinstance(value, str):
            return repr(self._changed_text(value))
        if isinstance(value, bool):
            return repr(not value)
        if value is None:
            return self.make(shape)
        if isinstance(value, bytes):
            return repr(self._changed_text(value.decode("latin-1")).encode("latin-1", "replace"))
        if isinstance(value, int):
            new = draw.choice((value + 1, value - 1, -value, value * 2, 0))
            return repr(new) if abs(new) < MAX_NUMBER else self.make(shape)
        if isinstance(value, list) and value:
            items: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]
            at = draw.randrange(len(items))
            act = draw.randrange(3)
            if act == 0:
                del items[at]
            elif act == 1:
                items.insert(at, items[draw.randrange(len(items))])
            else:
                items[at] = ast.literal_eval(self.changed(repr(items[at]), ("int",)))
            return repr(items) if len(items) <= 12 else self.make(shape)
        return self.make(shape)

    def changed_inside(self, text: str, given: str = "") -> str:
        """The expression with one of its constants changed, if there is one.

        Args:
            text: The expression.
            given: What to put in the place of a constant of its type; empty: draw something.
        """
        wanted: object = ast.literal_eval(given) if given else None
        kinds: set[type] = {type(wanted)} if given else set(_CHANGED)
        try:
            tree = ast.parse(text, mode="eval")
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            return text
        constants = [(node, value) for node, value in _constants(tree) if type(value) in kinds]
        if not constants:
            return text
        node, value = self._draw.choice(constants)
        old = text.encode()
        start, end = node.col_offset, node.end_col_offset or 0
        if node.lineno != 1 or node.end_lineno != 1:
            return text
        new = given or self.changed(repr(value), _CHANGED[type(value)])
        if given and isinstance(value, str) and self._draw.random() < 0.4:
            at = self._draw.randrange(len(value) + 1)
            new = repr(value[:at] + ast.literal_eval(given) + value[at:])
        return (old[:start] + new.encode(errors="replace") + old[end:]).decode(errors="replace")

    def _changed_text(self, text: str) -> str:
        draw = self._draw
        at = draw.randrange(len(text) + 1)
        act = draw.randrange(8)
        if act == 0:
            new = text[:at] + text[at + 1 :]
        elif act == 1:
            new = text[:at] + draw.choice(self._characters) + text[at:]
        elif act == 2:
            new = text[:at] + draw.choice(self._texts) + text[at:]
        elif act == 3:
            new = text + self._text()
        elif act == 4:
            new = text[:at]
        elif act == 5:  # the same on both sides: quotes
            mark = draw.choice(self._characters)
            new = mark + text + mark
        elif act == 6:  # the same again
            new = text + draw.choice((self._line_end, "", " ", ",")) + text
        else:
            new = text[:at] + draw.choice(self._characters) + text[at + 1 :]
        return new[: 2 * MAX_TEXT]


def _constants(node: ast.AST) -> Iterator[tuple[ast.expr, Any]]:
    """The constants within, `-1` as one."""
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            yield node, -value
        case ast.Constant(value=value):
            yield node, value
        case _:
            for part in ast.iter_child_nodes(node):
                yield from _constants(part)
