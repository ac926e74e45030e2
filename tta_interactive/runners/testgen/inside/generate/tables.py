"""Entries of the module's tables, taken out one at a time: would a test notice?

A table of words or of patterns is code as well, and what fills it runs at import, where no test
can be told apart from another. A test of each entry is a call with the entry itself, or with a
text that its pattern matches.
"""

import ast
import random
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, cast

from .edits import values_near
from .regexes import strings_of

MOST_ENTRIES = 60  # of one table
MAX_ENTRIES = 3000  # of a larger one nothing is said
MAX_DEPTH = 3
TEXTS = 2  # for each pattern
TABLES = (list, dict, set, tuple, frozenset)
PATTERN = re.compile(r"[\\^$*+?\[(|]")


@dataclass(frozen=True)
class Entry:
    """One entry of a table."""

    line: int
    lines: frozenset[int]
    """Where the functions use the table."""
    put: Callable[[], Callable[[], None]]
    """Takes it out, and gives what puts it back."""
    near: tuple[str, ...]
    """Values, as source, that it is about."""


def entries_of(tree: ast.Module, module: ModuleType, draw: random.Random) -> Iterator[Entry]:
    """The entries of what the module and its classes hold in lists, dictionaries and sets."""
    uses = _uses(tree)
    for line, name, holder in _assigned(tree, module):
        table: Any = _held(holder).get(name)
        lines = frozenset(uses.get(name, ()))
        kind = cast("type[Any]", type(table))
        if not lines or kind not in TABLES:
            continue
        entries: list[Any] = list(table)
        if not 1 < len(entries) <= MAX_ENTRIES:
            continue
        if kind in (set, frozenset):
            entries.sort(key=repr)
        places = range(0, len(entries), -(-len(entries) // MOST_ENTRIES))
        for at in places:
            one: Any = entries[at]
            key = at if kind in (list, tuple) else one
            about: object = (one, table[one]) if kind is dict else one
            yield Entry(line, lines, _Without(holder, name, key), tuple(_near(about, draw)))


class _Without:
    """A table without one entry."""

    def __init__(self, holder: Any, name: str, key: Any) -> None:
        self._holder, self._name, self._key = holder, name, key

    def __call__(self) -> Callable[[], None]:
        table: Any = _held(self._holder)[self._name]
        rest = self._rest(table)
        if isinstance(table, tuple | frozenset):
            setattr(self._holder, self._name, rest)
            return lambda: setattr(self._holder, self._name, cast("Any", table))
        before: Any = table.copy()
        _fill(table, rest)  # others hold it too
        return lambda: _fill(table, before)

    def _rest(self, table: Any) -> Any:
        if isinstance(table, list | tuple):
            some = cast("Any", table)
            return some[: self._key] + some[self._key + 1 :]
        if isinstance(table, dict):
            some = cast("dict[Any, Any]", table)
            return {key: value for key, value in some.items() if key != self._key}
        return table - {self._key}


def _held(holder: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", vars(holder))


def _fill(table: Any, content: Any) -> None:
    if isinstance(table, list):
        table[:] = content
    else:
        table.clear()
        table.update(content)


def _near(entry: object, draw: random.Random) -> Iterator[str]:
    for text in _texts(entry):
        compiled = _pattern(text)
        if compiled is not None:
            made = strings_of(compiled, draw)
            yield from map(repr, draw.sample(made, min(TEXTS, len(made))))
        elif text and not re.search(r"\\\d", text):  # what `\1` stands in is put in a text's place
            yield repr(text)
    if isinstance(entry, int):
        yield from values_near(entry)


def _pattern(text: str) -> "re.Pattern[Any] | None":
    """The text as a regular expression, if it looks like one."""
    if not PATTERN.search(text):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # it need not be meant as a pattern
            return re.compile(text)
    except (re.error, RecursionError, OverflowError):
        return None


def _texts(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, re.Pattern):
        source = cast("re.Pattern[Any]", value).pattern
        if isinstance(source, str):
            yield source
    elif isinstance(value, tuple | list) and depth < MAX_DEPTH:
        for item in cast("tuple[object, ...]", value)[:MOST_ENTRIES]:
            yield from _texts(item, depth + 1)
    elif isinstance(value, dict) and depth < MAX_DEPTH:
        for pair in list(cast("dict[object, object]", value).items())[:MOST_ENTRIES]:
            yield from _texts(pair, depth + 1)


def _uses(tree: ast.Module) -> dict[str, set[int]]:
    """Name or attribute -> the lines of functions that read it."""
    found: dict[str, set[int]] = {}
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        for node in ast.walk(function):
            name = (
                node.id
                if isinstance(node, ast.Name)
                else node.attr
                if isinstance(node, ast.Attribute)
                else ""
            )
            if name and isinstance(getattr(node, "ctx", None), ast.Load):
                found.setdefault(name, set()).add(getattr(node, "lineno", 0))
    return found


def _assigned(tree: ast.Module, module: ModuleType) -> Iterator[tuple[int, str, Any]]:
    """(line, name, what holds it) of each name that the module or one of its classes assigns."""
    for node in tree.body:
        yield from ((line, name, module) for line, name in _targets(node))
        if isinstance(node, ast.ClassDef):
            cls = vars(module).get(node.name)
            is_plain = isinstance(cls, type) and type(cls).__setattr__ is type.__setattr__
            for part in node.body if is_plain else ():
                yield from ((line, name, cls) for line, name in _targets(part))


def _targets(node: ast.stmt) -> Iterator[tuple[int, str]]:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            yield node.lineno, name
        case _:
            pass
