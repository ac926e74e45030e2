"""Small changes of a module that good tests notice: mutants, made by Cosmic Ray's operators. Pure.

Cosmic Ray is well kept and its operators are separate from its command: they take text and give
text, of any module. Its command is not used: it edits the module in the project, starts pytest
once for each mutant, and keeps a database. mutmut 3 rewrites a whole project into a directory of
its own and takes its settings from there, so that it cannot be asked about one module.

Left out is what no test can notice: annotations and blocks for type checkers. A sample is drawn over all mutants with a seed: same text, same seed, same sample.
"""

import ast
import importlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import zip_longest
from random import Random
from typing import Any, Protocol

from tta_interactive.kinds.base import TaskFailure

MAX_SHOWN = 200
Position = tuple[int, int]  # line from 1, column from 0


@dataclass(frozen=True)
class Mutant:
    """One change: `text[start:end]` becomes `new`."""

    start: int
    end: int
    new: str
    line: int
    """Where it is, from 1."""
    was: str
    """The line before, without indentation; several if the change takes several."""
    became: str
    """What stands there after; empty if it went."""


class _Operator(Protocol):
    def mutation_positions(self, node: Any) -> Iterable[tuple[Position, Position]]: ...


@dataclass(frozen=True)
class _Place:
    """Which operator changes what, in which statement at the top of the module."""

    position: Position
    statement: int
    operator: str
    occurrence: int
    """How many of this operator come before it in the statement."""


def check_installed() -> None:
    """Fail now rather than after the work is done.

    Raises:
        TaskFailure: Cosmic Ray is not installed.
    """
    if find_spec("cosmic_ray") is None:
        raise TaskFailure(
            "missing_package",
            "The mutation score needs the package 'cosmic-ray', which is not installed.",
            'Install it with: pip install "tta-interactive[mutation]".',
        )


def sample(text: str, count: int, seed: int) -> list[Mutant]:
    """At most `count` mutants of a module's text, in the order of its lines.

    Raises:
        TaskFailure: Cosmic Ray is not installed.
    """
    check_installed()
    operators = _operators()
    parts: list[Any] = list(_parsed(text).children)
    places = sorted(_places(text, parts, operators), key=_in_order)
    Random(seed).shuffle(places)  # noqa: S311 (a sample, not a secret)
    codes = [str(part.get_code()) for part in parts]
    found: set[Mutant] = set()  # two operators can make the same change
    for place in places:
        if len(found) >= count:
            break
        mutant = _mutant(text, codes, place, operators[place.operator])
        if mutant is not None:
            found.add(mutant)
    return sorted(found, key=lambda mutant: (mutant.start, mutant.end, mutant.new))


def _in_order(place: _Place) -> tuple[Position, str, int]:
    return place.position, place.operator, place.occurrence


def _operators() -> dict[str, type[_Operator]]:
    """Those that need no settings of their own."""
    provider: Any = importlib.import_module("cosmic_ray.operators.provider").OperatorProvider()
    known = {str(name): provider[name] for name in provider}
    return {name: kind for name, kind in known.items() if not kind.arguments()}


def _parsed(text: str) -> Any:
    return importlib.import_module("cosmic_ray.ast").get_ast(text)


def _places(
    text: str, parts: Iterable[Any], operators: Mapping[str, type[_Operator]]
) -> Iterator[_Place]:
    unseen = _unseen(text)
    every_node = importlib.import_module("cosmic_ray.ast").ast_nodes
    for at, part in enumerate(parts):
        nodes = list(every_node(part))
        for name, kind in operators.items():
            operator, count = kind(), 0
            for node in nodes:
                for start, _ in operator.mutation_positions(node):
                    if not any(first <= start < last for first, last in unseen):
                        yield _Place(start, at, name, count)
                    count += 1


def _unseen(text: str) -> list[tuple[Position, Position]]:
    """From where to where no change can be noticed when the module runs."""
    lines = text.splitlines()
    found: list[tuple[Position, Position]] = []
    for node in ast.walk(ast.parse(text)):
        hidden: list[ast.AST | None] = []
        if isinstance(node, ast.arg | ast.AnnAssign):
            hidden.append(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            hidden.append(node.returns)
            if any(_ends_with(mark, "overload") for mark in node.decorator_list):
                found.append(((node.decorator_list[0].lineno, 0), (node.lineno, 0)))
                hidden.append(node)
        elif isinstance(node, ast.If) and _ends_with(node.test, "TYPE_CHECKING"):
            hidden += [node.test, *node.body]
        found += [_span(part, lines) for part in hidden if isinstance(part, ast.expr | ast.stmt)]
    return found


def _ends_with(node: ast.expr, name: str) -> bool:
    return (isinstance(node, ast.Name) and node.id == name) or (
        isinstance(node, ast.Attribute) and node.attr == name
    )


def _span(node: ast.expr | ast.stmt, lines: list[str]) -> tuple[Position, Position]:
    """In characters; Python counts the columns of a syntax tree in bytes."""

    def position(line: int, column: int) -> Position:
        return line, len(lines[line - 1].encode()[:column].decode("utf-8", "replace"))

    end_line, end_column = node.end_lineno, node.end_col_offset
    assert end_line is not None
    assert end_column is not None
    return position(node.lineno, node.col_offset), position(end_line, end_column)


def _mutant(text: str, codes: list[str], place: _Place, kind: type[_Operator]) -> Mutant | None:
    """The change itself; None if it makes no other program."""
    visitor: Any = importlib.import_module("cosmic_ray.mutating").MutationVisitor
    code = codes[place.statement]
    was = code.splitlines(keepends=True)
    changed = str(visitor(place.occurrence, kind()).walk(_parsed(code)).get_code())
    became = changed.splitlines(keepends=True)
    if was == became or not _is_python(changed):
        return None
    same = next(at for at, (old, new) in enumerate(zip_longest(was, became)) if old != new)
    after = next(at for at, (old, new) in enumerate(_backwards(was, became)) if old != new)
    after = min(after, len(was) - same, len(became) - same)
    start = sum(map(len, codes[: place.statement])) + sum(map(len, was[:same]))
    old, new = was[same : len(was) - after], became[same : len(became) - after]
    blank = next((at for at, line in enumerate(old) if line.strip()), 0)
    line = text.count("\n", 0, start) + blank + 1
    return Mutant(start, start + sum(map(len, old)), "".join(new), line, _shown(old), _shown(new))


def _backwards(was: list[str], became: list[str]) -> Iterator[tuple[str | None, str | None]]:
    return zip_longest(reversed(was), reversed(became))


def _is_python(code: str) -> bool:
    try:
        ast.parse(code)
    except SyntaxError:
        return False
    return True


def _shown(lines: list[str]) -> str:
    return "".join(lines).strip()[:MAX_SHOWN]
