"""Small changes of the module, made while it is loaded: would a test notice?

An edit is compiled with the class or function around it and its code object is put into the
live function; taking it back is one assignment. Defaults of parameters and entries of the module's
tables are changed where they are. Nothing is imported twice and nothing is run to make a change.
"""

import __future__

import ast
import contextlib
import gc
import random
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any, cast

from .edits import Edit, Function, edits_of, exchanged
from .leftovers import Leftovers
from .tables import entries_of

Undo = Callable[[], None]


@dataclass(frozen=True, eq=False)
class Change:
    """One change, not yet made."""

    line: int
    lines: frozenset[int]
    """What runs none of these cannot notice it."""
    put: Callable[[], Undo | None]
    """Makes it, and gives what takes it back; None if it cannot be made."""
    near: tuple[str, ...] = ()
    """Values, as source, with which the difference may show."""


class Changes:
    """All small changes of one module.

    Args:
        tree: The module's text.
        module: As it was loaded.
        file: As its code objects name it.
        draw: Decides which strings stand for a pattern.
        leftovers: Knows the module as it should be.
    """

    def __init__(
        self,
        tree: ast.Module,
        module: ModuleType,
        file: str,
        draw: random.Random,
        leftovers: Leftovers,
    ) -> None:
        self._tree, self._module, self._file, self._draw = tree, module, file, draw
        self._leftovers = leftovers
        marks = [name for name in ("annotations",) if _asks_for(tree, name)]
        self._flags = sum(getattr(__future__, name).compiler_flag for name in marks)
        self._live = _functions(file)
        self._caches = [value for value in _objects() if _is_cache(value, file)]

    def sample(self, most: int, draw: random.Random) -> list[Change]:
        """Some of them, spread over the module, in the order of its lines."""
        found = [*self._of_code(), *self._of_defaults(), *self._of_tables()]
        picked = found if len(found) <= most else draw.sample(found, most)
        return sorted(picked, key=lambda one: one.line)

    @contextlib.contextmanager
    def made(self, change: Change) -> Generator[bool]:
        """The module with the change; False if it cannot be made."""
        undo = change.put()
        self.forget()
        try:
            yield undo is not None
        finally:
            if undo is not None:
                undo()
            self.forget()

    def forget(self) -> None:
        """What a cache remembers was said by other code."""
        self._leftovers.forget()
        for cache in self._caches:
            with contextlib.suppress(Exception):  # boundary: any object may call a method so
                cache.cache_clear()

    def _of_code(self) -> Iterator[Change]:
        for function, around in _arounds(self._tree.body, []):
            live = self._within(function)
            for edit in edits_of(function) if live else ():
                put = _Exchange(edit, around, live, self._compiled)
                yield Change(edit.line, frozenset((edit.line, edit.head)), put, edit.near)

    def _within(self, function: Function) -> list[FunctionType]:
        """The live functions that the definition made."""
        marks = [mark.lineno for mark in function.decorator_list]
        first, last = min([function.lineno, *marks]), function.end_lineno or 0
        return [one for one in self._live if first <= one.__code__.co_firstlineno <= last]

    def _compiled(self, tree: ast.Module) -> CodeType | None:
        try:
            return compile(tree, self._file, "exec", flags=self._flags, dont_inherit=True)
        except (SyntaxError, ValueError, TypeError, RecursionError):
            return None

    def _of_defaults(self) -> Iterator[Change]:
        """Another default for a parameter that has a plain one."""
        for function in self._live:
            code = function.__code__
            lines = frozenset(line for *_, line in code.co_lines() if line)
            body = lines - {code.co_firstlineno} or lines
            for at, value in enumerate(function.__defaults__ or ()):
                for other in _others(value):
                    yield Change(code.co_firstlineno, body, _Default(function, at, other))
            for name, value in (function.__kwdefaults__ or {}).items():
                for other in _others(value):
                    yield Change(code.co_firstlineno, body, _Default(function, name, other))

    def _of_tables(self) -> Iterator[Change]:
        for entry in entries_of(self._tree, self._module, self._draw):
            yield Change(entry.line, entry.lines, self._settled(entry.put), entry.near)

    def _settled(self, put: Callable[[], Undo]) -> Callable[[], Undo]:
        """The same, and what is changed is as it should be."""

        def do(act: Callable[[], Any]) -> Any:
            self._leftovers.undo()
            done = act()
            self._leftovers.take()
            return done

        def settled() -> Undo:
            undo = do(put)
            return lambda: do(undo)

        return settled


class _Exchange:
    """An edit of a function, compiled when it is made for the first time."""

    def __init__(
        self,
        edit: Edit,
        around: ast.Module,
        live: list[FunctionType],
        compiled: Callable[[ast.Module], CodeType | None],
    ) -> None:
        self._edit, self._around, self._live, self._compiled = edit, around, live, compiled
        self._codes: list[tuple[FunctionType, CodeType, CodeType]] | None = None

    def __call__(self) -> Undo | None:
        if self._codes is None:
            self._codes = self._made()
        for function, _, new in self._codes:
            function.__code__ = new
        return self._undo if self._codes else None

    def _undo(self) -> None:
        for function, old, _ in self._codes or ():
            function.__code__ = old

    def _made(self) -> list[tuple[FunctionType, CodeType, CodeType]]:
        edit = self._edit
        old = exchanged(edit.holder, edit.place, edit.new)
        try:
            code = self._compiled(self._around)
        finally:
            exchanged(edit.holder, edit.place, old)
        if code is None:
            return []
        codes = {(one.co_qualname, one.co_firstlineno): one for one in _nested(code)}
        found: list[tuple[FunctionType, CodeType, CodeType]] = []
        for function in self._live:
            before = function.__code__
            new = codes.get((before.co_qualname, before.co_firstlineno))
            if new is not None and new.co_freevars == before.co_freevars:
                found.append((function, before, new))
        return found


class _Default:
    """Another default for one parameter, by its place among the defaults or by its name."""

    def __init__(self, function: FunctionType, place: int | str, new: object) -> None:
        self._function, self._place, self._new = function, place, new

    def __call__(self) -> Undo:
        function, place = self._function, self._place
        positional, named = function.__defaults__, function.__kwdefaults__

        def undo() -> None:
            function.__defaults__, function.__kwdefaults__ = positional, named

        if isinstance(place, int):
            some = list[object](positional or ())
            some[place] = self._new
            function.__defaults__ = tuple(some)
        else:
            function.__kwdefaults__ = {**(named or {}), place: self._new}
        return undo


def _others(value: object) -> Iterator[object]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield value + 1
        yield value - 1
    elif isinstance(value, str):
        yield f"{value}!"


def _objects() -> list[Any]:
    return gc.get_objects()


def _is_cache(value: Any, file: str) -> bool:
    """Whether it remembers the results of one of the module's functions."""
    is_one = hasattr(cast("type[Any]", type(value)), "cache_clear")
    code = getattr(getattr(value, "__wrapped__", None), "__code__", None) if is_one else None
    return isinstance(code, CodeType) and code.co_filename == file


def _functions(file: str) -> list[FunctionType]:
    """The module's live functions, in the order of its lines."""
    found = [
        one
        for one in _objects()
        if isinstance(one, FunctionType) and one.__code__.co_filename == file
    ]
    return sorted(found, key=lambda one: (one.__code__.co_firstlineno, one.__qualname__))


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _asks_for(tree: ast.Module, feature: str) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and any(one.name == feature for one in node.names)
        for node in tree.body
    )


def _arounds(
    body: list[ast.stmt], classes: list[ast.ClassDef]
) -> Iterator[tuple[Function, ast.Module]]:
    """Each function, and a module with nothing but that function in its classes."""
    for node in body:
        if isinstance(node, Function):
            inner: ast.stmt = node
            for cls in reversed(classes):
                # The name matters: private names and `super()` know their class.
                inner = ast.copy_location(
                    ast.ClassDef(cls.name, bases=[], keywords=[], body=[inner], decorator_list=[]),
                    cls,
                )
            yield node, ast.Module([inner], type_ignores=[])
        elif isinstance(node, ast.ClassDef):
            yield from _arounds(node.body, [*classes, node])
        elif isinstance(node, ast.If | ast.Try):
            yield from _arounds([*node.body, *node.orelse], classes)
