"""Chosen tests made simpler: arguments, items and long texts go while all that was run still is.

What is short already stays: `f("")` may run the same lines as `f("ab")`, but a test of it notices
less.
"""

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import replace

from .attempt import Attempts, Seen
from .clocks import sets_clock
from .emit import Written
from .plain import is_needless
from .trace import Arc
from .work import Work

MOST_A_TEST = 40
LONG_TEXT = 10
LARGE = 100
Edit = Callable[[], None]


class Simplifier:
    """Simplifies tests, within so many seconds of work for all of them together."""

    def __init__(self, attempts: Attempts, work: Work, seconds: float) -> None:
        self._attempts, self._work = attempts, work
        self._end = work.now + seconds

    def simplified(self, seen: Seen, test: Written, arcs: frozenset[Arc]) -> Written:
        """The test, or a simpler one that runs the same."""
        best = seen
        for _ in range(MOST_A_TEST):
            shorter = self._step(best, arcs)
            if shorter is None:
                break
            best = shorter
        if best is seen:
            return test
        written, again = self._attempts.written(best), self._attempts.again(best)
        agreed = written.agreed(self._attempts.written(again)) if written and again else None
        return agreed or test

    def _step(self, seen: Seen, arcs: frozenset[Arc]) -> Seen | None:
        """With the first edit that changes nothing of what is run."""
        for at, text in enumerate(seen.statements):
            for simpler in simpler_forms(text):
                if self._work.is_over(self._end):
                    return None
                statements = [*seen.statements[:at], simpler, *seen.statements[at + 1 :]]
                tried = self._attempts.rerun(replace(seen, statements=statements))
                if tried is not None and arcs <= tried.outcome.arcs and is_alike(seen, tried):
                    return tried
        return None


def is_alike(one: Seen, other: Seen) -> bool:
    """Whether both end in the same way, with a value or an error of the same type."""
    first, second = one.outcome, other.outcome
    return (
        type(first.error) is type(second.error)
        and first.raised_by_module == second.raised_by_module
        and type(first.value) is type(second.value)
    )


def simpler_forms(statement: str) -> Iterator[str]:
    """The statement with one thing of it left out or made smaller, the largest things first."""
    if "\n" in statement or sets_clock(statement) or not any(sign in statement for sign in "('[{"):
        return
    tree = ast.parse(statement)
    match tree.body:
        case [ast.Expr(value=ast.Compare(left=left))]:
            yield ast.unparse(left)  # what is behind an error was never run
        case _:
            pass
    for at, node in enumerate(ast.walk(tree)):
        for number in range(_edits_of(node)):
            other = copy.deepcopy(tree)
            twin = next(node for place, node in enumerate(ast.walk(other)) if place == at)
            _edit(twin, number)
            text = ast.unparse(other)
            if len(text) < len(statement):
                yield text


def plain(text: str) -> str:
    """The text without the signs that make it hard to read."""
    return "".join(sign for sign in text if sign.isascii() and (sign.isalnum() or sign in " _-.,"))


def _edits_of(node: ast.AST) -> int:
    """How many edits of a node there are."""
    match node:
        case ast.Call(keywords=keywords):
            return is_needless(node) + len(keywords)
        case ast.List(elts=items) | ast.Set(elts=items) | ast.Tuple(elts=items):
            return len(items) if not isinstance(node, ast.Set) or len(items) > 1 else 0
        case ast.Dict(keys=keys):
            return len(keys)
        case ast.Constant(value=str() as text):
            return (3 if len(text) > LONG_TEXT else 0) + (plain(text) not in ("", text))
        case ast.Constant(value=bytes() as text) if len(text) > LONG_TEXT:
            return 3
        case ast.Constant(value=int() as number) if number > LARGE:
            return 1
        case _:
            return 0


def _edit(node: ast.AST, number: int) -> None:
    match node:
        case ast.Call(args=args, keywords=keywords):
            if is_needless(node) and number == 0:
                del args[-1]
            else:
                del keywords[number - is_needless(node)]
        case ast.List(elts=items) | ast.Set(elts=items) | ast.Tuple(elts=items):
            del items[number]
        case ast.Dict(keys=keys, values=values):
            del keys[number], values[number]
        case ast.Constant(value=str() as text) if number == 3 or len(text) <= LONG_TEXT:
            node.value = plain(text)
        case ast.Constant(value=str() | bytes() as text):
            half = len(text) // 2
            node.value = (text[:half], text[half:], text[: 3 * len(text) // 4])[number]
        case ast.Constant():
            node.value = 10
        case _:
            pass
