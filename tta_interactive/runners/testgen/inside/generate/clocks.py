"""Clocks that a test sets: they stand still, or go on by the same step whenever they are asked.

What reads the time of day gives another answer in each run, and what waits makes a test slow. So
calls that lead to a clock of the module are made with that clock set by `monkeypatch`; where a test
turns out not to need it, the clock is left out again.
"""

import ast
import datetime
import random
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from .names import Names

NOON = 1709208000  # on 29 February 2024, in UTC: the same day nearly everywhere
START = 1000
LATER = 2_000_000_000  # on 18 May 2033: another date, hour, minute and second
STEPS = (1, 60, 3600, 100_000)  # seconds from one look to the next
STANDS = 0.5  # how often a clock stands still
SECONDS: dict[Any, int] = {time.time: NOON, time.monotonic: START, time.perf_counter: START}
NANOSECONDS: dict[Any, int] = {
    time.time_ns: NOON,
    time.monotonic_ns: START,
    time.perf_counter_ns: START,
}
CLOCKS = (*SECONDS, *NANOSECONDS)
FOR_LOOPS = ("monotonic", "monotonic_ns")  # an event loop waits for these: they must go on
GIVEN = ("itertools.count(1000, 5).__next__", "itertools.count().__next__", "(lambda: 1000.0)")
"""What can be passed where a clock is asked for."""
SUPPORT = {
    "AnyDatetime": '''\
class AnyDatetime(type):
    """Takes every datetime for one of its own."""

    def __instancecheck__(cls, value):
        return isinstance(value, cls.__base__)''',
    "StoppedDatetime": '''\
class StoppedDatetime(datetime.datetime, metaclass=AnyDatetime):
    """Whenever it is asked for the time, it is noon on 29 February 2024."""

    def __new__(cls, *args, **options):
        return cls.__base__(*args, **options)

    @classmethod
    def now(cls, tz=None):
        return cls.__base__(2024, 2, 29, 12, tzinfo=tz)

    @classmethod
    def utcnow(cls):
        return cls.now()''',
}
MOMENTS = {
    f"{NOON * 10**9}": f"{LATER * 10**9}",
    f"{START * 10**9}": f"{LATER * 10**9}",
    f"{NOON}.0": f"{LATER}.0",
    f"{START}.0": f"{LATER}.0",
    ", StoppedDatetime)": (
        ", type('Later', (StoppedDatetime,), {'now': classmethod(lambda cls, tz=None: "
        "cls.__base__.__base__(2033, 5, 18, 3, 33, 20, tzinfo=tz))}))"
    ),
}
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Clock:
    """One clock, where the module finds it."""

    place: str
    """As `monkeypatch.setattr` is told."""
    forms: tuple[str, ...]
    """What to put there: first what stands still."""
    waits: bool = False
    """Whether it makes the program wait."""

    def is_set_by(self, statement: str) -> bool:
        return statement.startswith(f"monkeypatch.setattr({self.place}, ")


class Clocks:
    """The clocks that one module reads.

    Args:
        tree: The module's text.
        module: As it was loaded.
        names: Learns what has to stand above the tests.
        draw: Decides which clocks stand still.
    """

    def __init__(
        self, tree: ast.Module, module: ModuleType, names: Names, draw: random.Random
    ) -> None:
        self._module, self._names, self._draw = module, names, draw
        self._read: dict[Clock, set[int]] = {}
        """Clock -> the lines that read it."""
        self._spans: list[tuple[int, int, set[Clock]]] = []
        """(first line, last line, clocks to which it leads) of each function."""
        # An event loop waits for this one: it must go on.
        self._left_out = FOR_LOOPS if any(_is_async(node) for node in ast.walk(tree)) else ()
        direct: dict[int, tuple[set[Clock], set[str]]] = {}
        by_name: dict[str, list[int]] = {}
        ends: dict[int, int] = {}
        for owner, function in _functions(tree):
            first = min([function.lineno, *(mark.lineno for mark in function.decorator_list)])
            ends[first] = function.end_lineno or first
            direct[first] = set(self._in(function)), set(_called(function))
            is_maker = owner and function.name in ("__init__", "__new__", "__post_init__")
            by_name.setdefault(owner if is_maker else function.name, []).append(first)
        for first in direct:
            reached, todo = {first}, [first]
            while todo:
                for name in direct[todo.pop()][1]:
                    new = [one for one in by_name.get(name, ()) if one not in reached]
                    reached |= {*new}
                    todo += new
            found = set[Clock]().union(*(direct[one][0] for one in reached))
            if found:
                self._spans.append((first, ends[first], found))

    def given(self, lines: Collection[int]) -> tuple[str, ...]:
        """Statements that set the clocks to which functions lead that have these lines."""
        found = {
            clock
            for first, last, clocks in self._spans
            if any(first <= line <= last for line in lines)
            for clock in clocks
        }
        stands = self._draw.random() < STANDS if found else True
        statements: list[str] = []
        for clock in sorted(found, key=lambda one: one.place):
            if any(f"'{name}'" in clock.place for name in self._left_out):
                continue
            form = clock.forms[0]
            if not stands and len(clock.forms) > 1:
                form = self._draw.choice(clock.forms[1:])
            if form in SUPPORT:
                for name, source in SUPPORT.items():
                    self._names.support(name, source)
            statements.append(f"monkeypatch.setattr({clock.place}, {form})")
        return tuple(statements)

    def is_set_in(self, statements: Collection[str]) -> bool:
        """Whether one of them sets a clock."""
        return any(clock.is_set_by(one) for clock in self._read for one in statements)

    def without(self, statements: Collection[str]) -> tuple[str, ...]:
        """Those that set none."""
        return tuple(one for one in statements if not self.is_set_in([one]))

    def may_go(self, statement: str, lines: Collection[int]) -> bool | None:
        """Whether what runs these lines does the same without the statement, as far as time goes.

        None: they read the clock that it sets, but it may not matter.
        """
        for clock, where in self._read.items():
            if clock.is_set_by(statement):
                is_read = not where.isdisjoint(lines)
                return (False if clock.waits else None) if is_read else True
        return True

    def _in(self, function: Function) -> Iterator[Clock]:
        for node in ast.walk(function):
            clock = self._of(node.func) if isinstance(node, ast.Call) else None
            if clock is not None:
                self._read.setdefault(clock, set()).add(node.lineno)  # type: ignore[attr-defined]  # a call
                yield clock

    def _of(self, node: ast.expr) -> Clock | None:
        """The clock that an expression names."""
        match node:
            case ast.Name(id=name):
                return self._number(vars(self._module).get(name), self._here(name))
            case ast.Attribute(value=ast.Name(id=holder), attr=name):
                held = vars(self._module).get(holder)
                if held is time:
                    return self._number(getattr(time, name, None), f"time, {name!r}")
                return self._moment(held, name, self._here(holder))
            case ast.Attribute(
                value=ast.Attribute(value=ast.Name(id=holder), attr=inner), attr=name
            ) if vars(self._module).get(holder) is datetime:
                return self._moment(getattr(datetime, inner, None), name, f"datetime, {inner!r}")
            case _:
                return None

    def _here(self, name: str) -> str:
        return repr(f"{self._module.__name__}.{name}")

    def _number(self, function: Any, place: str) -> Clock | None:
        if function is time.sleep:
            return Clock(place, ("lambda seconds: None",), waits=True)
        if not callable(function):
            return None
        try:
            seconds, whole = SECONDS.get(function), NANOSECONDS.get(function)
        except TypeError:  # no hash
            return None
        if seconds is not None:
            return _counting(place, f"{seconds}.0", 1)
        return _counting(place, str(whole * 10**9), 10**9) if whole is not None else None

    def _moment(self, cls: Any, name: str, place: str) -> Clock | None:
        if cls is datetime.datetime and name in ("now", "utcnow"):
            return Clock(place, ("StoppedDatetime",))
        if name == "today" and cls in (datetime.date, datetime.datetime):
            return _counting("time, 'time'", f"{NOON}.0", 1)
        return None


def later(statement: str) -> str:
    """The statement with another moment in the place of the one to which it sets the clock."""
    for moment, other in MOMENTS.items():
        if moment in statement:
            return statement.replace(moment, other, 1)
    return statement


def sets_clock(statement: str) -> bool:
    """Whether a statement sets a clock: it has its reasons, and stays as it is."""
    return statement.startswith("monkeypatch.setattr(")


def _counting(place: str, start: str, unit: int) -> Clock:
    going = [f"itertools.count({start}, {step * unit}).__next__" for step in STEPS]
    return Clock(place, (f"lambda: {start}", *going))


def _functions(tree: ast.AST, owner: str = "") -> Iterator[tuple[str, Function]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function):
            yield owner, node
        yield from _functions(node, node.name if isinstance(node, ast.ClassDef) else owner)


def _is_async(node: ast.AST) -> bool:
    return isinstance(node, ast.AsyncFunctionDef)


def _called(function: Function) -> Iterator[str]:
    for node in ast.walk(function):
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name):
                yield name
            case _:
                pass
