"""Constants worth trying, mined from a module's code and documentation."""

import ast
import contextlib
import doctest
import re
from collections.abc import Iterator
from typing import Any

MAX_TEXT = 60
INSIDE_HINTS = {
    "__origin__",
    "__args__",
    "__supertype__",
    "get_origin",
    "get_args",
    "get_type_hints",
}
MAX_NUMBER = 10**6  # larger ones mostly cost memory


def _is_clean(text: str) -> bool:
    return text.replace("\n", "").replace("\r", "").replace("\t", "").isprintable()


class Constants:
    """What some code holds."""

    def __init__(self) -> None:
        self.texts: set[str] = set()
        self.numbers: set[int] = set()
        self.floats: set[float] = set()
        self.bytes: set[bytes] = set()

    def add(self, node: ast.AST) -> None:
        """Take in the node itself, if it is a constant that can be tried."""
        if not isinstance(node, ast.Constant) or isinstance(node.value, bool):
            return
        value = node.value
        if isinstance(value, str) and 0 < len(value) <= MAX_TEXT and _is_clean(value):
            self.texts.add(value)
        elif isinstance(value, int) and abs(value) < MAX_NUMBER:
            self.numbers |= {value, value + 1, value - 1}
        elif isinstance(value, float):
            self.floats.add(value)
        elif isinstance(value, bytes) and 0 < len(value) <= MAX_TEXT:
            self.bytes.add(value)


def of_module(tree: ast.Module) -> Constants:
    """The constants of a module, its docstrings' examples and what they quote."""
    found = Constants()
    docs = _docstrings(tree)
    for node in _code_nodes(tree):
        found.add(node)
    for part in _example_trees(docs):
        for node in ast.walk(part):
            found.add(node)
    for doc in docs:
        found.texts.update(re.findall(r"[\"'`]([^\"'`\n]{1,40})[\"'`]", doc))
    return found


def of_functions(tree: ast.Module) -> dict[int, Constants]:
    """First line of a function -> its constants and those of the functions that it calls."""
    bodies: dict[int, tuple[Constants, set[str]]] = {}
    by_name: dict[str, list[int]] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
        found, called = Constants(), set(_called(node))
        for part in _code_nodes(node):
            found.add(part)
        for text in re.findall(r"[\"'`]([^\"'`\n]{1,40})[\"'`]", ast.get_docstring(node) or ""):
            found.texts.add(text)
        bodies[first] = found, called
        by_name.setdefault(node.name, []).append(first)
    together: dict[int, Constants] = {}
    for first, (own, called) in bodies.items():
        all_of = Constants()
        for one in [own, *(bodies[at][0] for name in called for at in by_name.get(name, ())[:4])]:
            all_of.texts |= one.texts
            all_of.numbers |= one.numbers
            all_of.floats |= one.floats
            all_of.bytes |= one.bytes
        together[first] = all_of
    return together


def _called(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            if isinstance(part.func, ast.Name):
                yield part.func.id
            elif isinstance(part.func, ast.Attribute):
                yield part.func.attr


def variables_in(tree: ast.Module) -> list[str]:
    """The names of environment variables that the code reads."""
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=holder, slice=ast.Constant(value=str() as name)):
                pass
            case ast.Call(
                func=ast.Attribute(value=holder, attr="get" | "getenv" | "pop" | "setdefault"),
                args=[ast.Constant(value=str() as name), *_],
            ):
                pass
            case ast.Compare(
                left=ast.Constant(value=str() as name),
                ops=[ast.In() | ast.NotIn()],
                comparators=[holder],
            ):
                pass
            case _:
                continue
        if ast.unparse(holder) in ("os.environ", "environ", "os"):
            found[name] = None
    return [name for name in found if "=" not in name and "\0" not in name]


def patterns_in(tree: ast.Module) -> list["re.Pattern[Any]"]:
    """The regular expressions that the code writes into calls of `re`."""
    found: dict[str, re.Pattern[Any]] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="re" | "regex")),
                args=[ast.Constant(value=str() | bytes() as text), *_],
            ):
                with contextlib.suppress(re.error, RecursionError, OverflowError):
                    found.setdefault(repr(text), re.compile(text))
            case _:
                pass
    return list(found.values())


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


def _code_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those of docstrings and other texts that stand alone."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [
            part
            for part in ast.iter_child_nodes(node)
            if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
        ]


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


def reads_hints(tree: ast.Module) -> bool:
    """Whether the module looks inside of annotations: `int | None` is a value for it."""
    names = (
        node.attr
        if isinstance(node, ast.Attribute)
        else node.id
        if isinstance(node, ast.Name)
        else ""
        for node in ast.walk(tree)
    )
    return not INSIDE_HINTS.isdisjoint(names)
