"""Values to call with, as Python source: mined from the module, made, and changed a little."""

import ast
import doctest
import random
import re
import string
from collections.abc import Iterable
from typing import Any

from .regexes import strings_of
from .shapes import Shape

MAX_TEXT = 60
MAX_NUMBER = 10**6  # larger ones mostly cost memory
TEXTS = ("", "a", "abc", "A b", "0", "1", "1.0", "a.b", " ", "\n", "é", "[]", "{}", "日本", "\x1b")
NUMBERS = (0, 1, -1, 2, 3, 5, 10, 100, -5)
MAX_SPECIAL = 60  # of the characters that the module's tables name, so many join the texts
FLOATS = (0.0, 1.5, -2.5)
BYTES = ("b''", "b'a'", "b'abc'", "b'\\x00\\xff'")
FUNCTIONS = ("len", "str", "(lambda *args, **options: 0)", "(lambda value: -value)")
CHARACTERS = "aA0 \n\té" + string.punctuation


class Values:
    """The pool that one search draws from. Same seed, same draws."""

    def __init__(
        self,
        tree: ast.Module,
        patterns: Iterable[Any],
        characters: Iterable[str],
        draw: random.Random,
    ) -> None:
        self._draw = draw
        self.objects: dict[str, list[str]] = {}
        """Class, as written -> expressions that made an object of it."""
        texts: set[str] = set(TEXTS)
        numbers, floats = set(NUMBERS), set(FLOATS)
        docs = _docstrings(tree)
        trees: list[ast.AST] = [_without_docstrings(tree), *_example_trees(docs)]
        for node in (node for part in trees for node in ast.walk(part)):
            if not isinstance(node, ast.Constant) or isinstance(node.value, bool):
                continue
            value = node.value
            if isinstance(value, str) and 0 < len(value) <= MAX_TEXT and value.isprintable():
                texts.add(value)
            elif isinstance(value, int) and abs(value) < MAX_NUMBER:
                numbers |= {value, value + 1, value - 1}
            elif isinstance(value, float):
                floats.add(value)
        for doc in docs:
            texts.update(re.findall(r"[\"'`]([^\"'`\n]{1,40})[\"'`]", doc))
        named = {chr(number) for number in numbers if is_special(number)}
        # One such number may be anything; a dozen of them are characters.
        special = sorted({*characters, *(named if len(named) > 12 else ())})
        texts.update(special[:: max(1, len(special) // MAX_SPECIAL)])
        self._characters = [*CHARACTERS, *special]
        self._matching = sorted({text for one in patterns for text in strings_of(one, draw)})
        self._texts, self._numbers, self._floats = sorted(texts), sorted(numbers), sorted(floats)

    def make(self, shape: Shape, depth: int = 0) -> str:
        """An expression for one value of the shape."""
        draw, name = self._draw, shape[0]
        if name == "str":
            return repr(self._text())
        if name == "int":
            return repr(draw.choice(self._numbers if draw.random() < 0.7 else NUMBERS))
        if name == "float":
            return repr(draw.choice(self._floats))
        if name == "bool":
            return draw.choice(("True", "False"))
        if name == "bytes":
            return draw.choice(BYTES)
        if name == "callable":
            return draw.choice(FUNCTIONS)
        if name == "literal":
            return shape[1]
        if name == "object":
            return draw.choice(self.objects.get(shape[1]) or ["None"])
        if name == "none" or depth > 3:
            return "None"
        return self._container(shape, depth)

    def _container(self, shape: Shape, depth: int) -> str:
        draw, name = self._draw, shape[0]
        if name == "tuple":
            return "(" + "".join(self.make(item, depth + 1) + ", " for item in shape[1:]) + ")"
        count = draw.choice((0, 1, 1, 2, 3, 4, 6))
        if name == "dict":
            pairs = (
                f"{self.make(shape[1], depth + 1)}: {self.make(shape[2], depth + 1)}"
                for _ in range(min(count, 3))
            )
            return "{" + ", ".join(pairs) + "}"
        items = [self.make(shape[1], depth + 1) for _ in range(count)]
        if name == "many":
            return "(" + "".join(item + ", " for item in items) + ")"
        if name == "set":
            return "{" + ", ".join(dict.fromkeys(items)) + "}" if items else "set()"
        return "[" + ", ".join(items) + "]"

    def _text(self) -> str:
        draw = self._draw
        dice = draw.random()
        if self._matching and dice < 0.35:
            return draw.choice(self._matching)
        if dice < 0.5:
            return (draw.choice(self._texts) + draw.choice(self._texts))[:MAX_TEXT]
        return draw.choice(self._texts)

    def changed(self, text: str, shape: Shape) -> str:
        """The expression, changed a little; or a new one of the shape."""
        try:
            value: Any = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return self.make(shape)
        draw = self._draw
        if isinstance(value, str):
            return repr(self._changed_text(value))
        if isinstance(value, bool) or value is None:
            return self.make(shape)
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

    def _changed_text(self, text: str) -> str:
        draw = self._draw
        at = draw.randrange(len(text) + 1)
        act = draw.randrange(6)
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
        else:
            new = text[:at] + draw.choice(self._characters) + text[at + 1 :]
        return new[: 2 * MAX_TEXT]


def is_special(number: int) -> bool:
    """Whether the number may stand for a character beyond ASCII."""
    return 0xA0 <= number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF


def _docstrings(tree: ast.Module) -> list[str]:
    found = [
        ast.get_docstring(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module | ast.AsyncFunctionDef)
    ]
    return [doc for doc in found if doc]


def _without_docstrings(tree: ast.Module) -> ast.Module:
    copy = ast.parse(ast.unparse(tree))
    for node in ast.walk(copy):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = None
    return copy


def _example_trees(docs: list[str]) -> list[ast.AST]:
    return [ast.parse(source) for group in doctests(docs) for source in group]


def doctests(docs: list[str]) -> list[list[str]]:
    """The examples of each docstring, in order, as source that parses."""
    found: list[list[str]] = []
    for doc in docs:
        try:
            examples = doctest.DocTestParser().get_examples(doc)
        except ValueError:
            continue
        group: list[str] = []
        for example in examples:
            try:
                ast.parse(example.source)
            except SyntaxError:
                break
            group.append(example.source.strip())
        if group:
            found.append(group)
    return found


def module_doctests(tree: ast.Module) -> list[list[str]]:
    """The doctest sessions of a whole module."""
    return doctests(_docstrings(tree))
