"""The search: try candidates, keep those that run code which none before them ran.

Everything is drawn from one seeded generator and bounded by a number of tries, so that the same
seed gives the same tests; the time limit is only the upper bound for slow modules.
"""

import ast
import collections.abc
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from .calls import MAX_STATEMENT, Caller, Candidate
from .emit import Written
from .expect import Expectations
from .names import Names, fixtures_in
from .targets import CHANGING, Target
from .trace import Arc, Outcome, Runner

MAX_OBJECTS = 25
MAX_LAZY = 20  # items of something that may be endless
PATIENCE = 15_000  # tries without anything new, after which more bring next to nothing
WRONG_USE = (TypeError, AttributeError, NameError, SyntaxError, UnboundLocalError)


@dataclass(frozen=True)
class Found:
    """A candidate that reached something new."""

    candidate: Candidate
    test: Written
    arcs: frozenset[Arc]
    is_sound: bool
    """It returned, or the module raised on purpose: not an accident of wrong use."""
    step: int
    """At which try."""


@dataclass(frozen=True)
class Limits:
    """When the search ends."""

    steps: int
    seconds: float


class Search:
    """One search over one module."""

    def __init__(
        self,
        targets: list[Target],
        caller: Caller,
        runner: Runner,
        expectations: Expectations,
        names: Names,
        objects: dict[str, list[str]],
        draw: random.Random,
        *,
        focus: set[int],
        beat: Callable[[int, str, set[int]], None],
        keep: Callable[[Found], None],
    ) -> None:
        self._targets = targets
        self._caller, self._runner, self._expectations = caller, runner, expectations
        self._names, self._objects, self._draw = names, objects, draw
        self._focus, self._beat, self._keep = focus, beat, keep
        self._sound: set[Arc] = set()
        self._any: set[Arc] = set()
        self._lines: set[int] = set()
        self._refused: dict[str, int] = {}
        self._corpus: list[Candidate] = []
        self.found: list[Found] = []
        self.steps = 0

    def run(self, first: list[Candidate], limits: Limits) -> None:
        """Try the given candidates, then as many others as the limits allow."""
        end = time.monotonic() + limits.seconds
        last_new = 0
        # Made one by one: objects of the first classes are arguments of what comes after.
        opening: Iterator[Candidate | None] = chain(first, self._first_of_each())
        is_open = True
        weights: list[float] = []
        while self.steps < limits.steps and time.monotonic() < end:
            if self.steps - last_new > PATIENCE and not is_open:
                break
            if self.steps % 64 == 0:
                weights = [self._weight(target) for target in self._targets]
            candidate = next(opening, None)
            if candidate is None:
                is_open = False
                candidate = self._next(weights)
            self.steps += 1
            if candidate is None:
                continue
            self._beat(self.steps, candidate.target, self._lines)
            if self._consider(candidate):
                last_new = self.steps

    def chosen(self, most: int, skip: int = 0) -> list[Found]:
        """Few of the found that together reach all that was reached.

        Args:
            most: No more than this.
            skip: What the first so many tries reached is reached by others already.
        """
        new = [one for one in self.found if one.step > skip]
        left = {arc for one in new for arc in one.arcs}
        left -= {arc for one in self.found if one.step <= skip for arc in one.arcs}
        picked: list[Found] = []
        for sound in (True, False):
            some = sorted(
                (one for one in new if one.is_sound is sound),
                key=lambda one: -len(one.arcs),
            )
            for one in some:
                if len(picked) < most and one.arcs & left:
                    picked.append(one)
                    left -= one.arcs
        order = {target.key: at for at, target in enumerate(self._targets)}
        return sorted(picked, key=lambda one: order.get(one.candidate.target, -1))

    def _first_of_each(self) -> Iterator[Candidate]:
        for target in sorted(self._targets, key=lambda one: one.sort not in ("helper", "class")):
            for _ in range(6 if target.sort in ("class", "helper") else 3):
                candidate = self._caller.new(target)
                if candidate:
                    yield candidate

    def _weight(self, target: Target) -> float:
        missing = target.lines - self._lines
        weight = 1.0 + 3.0 * min(len(missing), 20) + 10.0 * len(missing & self._focus)
        return weight / (1.0 + self._refused.get(target.key, 0))

    def _next(self, weights: list[float]) -> Candidate | None:
        if self._corpus and self._draw.random() < 0.55:
            # The newest reached deepest; older ones still get their turn.
            at = int(len(self._corpus) * self._draw.random() ** 0.5)
            return self._caller.changed(self._corpus[at])
        return self._caller.new(self._draw.choices(self._targets, weights)[0])

    def _consider(self, candidate: Candidate) -> bool:
        """Try a candidate; whether it was worth keeping."""
        seen = self._seen(candidate)
        if seen is None:
            # Too slow or not allowed, and likely to be so again.
            self._refused[candidate.target] = self._refused.get(candidate.target, 0) + 1
            return False
        statements, outcome = seen
        is_sound = outcome.error is None or outcome.raised_by_module
        wrong = isinstance(outcome.error, WRONG_USE) and not is_sound
        new = outcome.arcs - (self._sound if is_sound else self._any)
        self._caller.learn(candidate, found=bool(new), wrong_type=wrong)
        if outcome.error is None:
            self._remember(candidate, statements, outcome.value, bool(new))
        if not new or (candidate.last and candidate.last.target.sort == "helper"):
            return False
        if candidate.last is None and not is_sound:
            return False  # an example of the documentation that does not work here
        candidate, statements, outcome = self._direct(candidate, statements, outcome, new)
        statements, outcome = self._shortened(statements, outcome, new)
        test = self._written(candidate, statements, outcome)
        again = self._runner.run(statements, traced=False)
        if again is None or test is None or test != self._written(candidate, statements, again):
            return False  # not the same twice: no test
        self._any |= outcome.arcs
        if is_sound:
            self._sound |= outcome.arcs
        self._lines |= {line for pair in outcome.arcs for line in pair if line > 0}
        one = Found(candidate, test, outcome.arcs, is_sound, self.steps)
        self.found.append(one)
        self._keep(one)
        if candidate.last is not None and not wrong:
            self._corpus.append(candidate)
        return True

    def _seen(self, candidate: Candidate) -> tuple[list[str], Outcome] | None:
        """(statements as a test would hold them, what came of them)."""
        statements = candidate.statements()
        if any(len(text) > MAX_STATEMENT for text in statements):
            return None
        outcome = self._runner.run(statements)
        if outcome is None:
            return None
        if _is_lazy(outcome.value):
            *before, last = statements
            # First the careful form: it may never end.
            statements = [*before, f"list(itertools.islice({last}, {MAX_LAZY}))"]
            outcome = self._runner.run(statements)
            if outcome is None:
                return None
            if outcome.error is not None or len(outcome.value) < MAX_LAZY:
                whole = [*before, f"list({last})"]
                return whole, self._runner.run(whole) or outcome
            return statements, outcome
        if outcome.error is not None and outcome.done < len(statements) - 1:
            if outcome.done or not candidate.made:
                return None  # a step on the way failed: another candidate tells it better
            statements = [candidate.made]
        return statements, outcome

    def _direct(
        self, candidate: Candidate, statements: list[str], outcome: Outcome, new: frozenset[Arc]
    ) -> tuple[Candidate, list[str], Outcome]:
        """The step that reached the new things as the subject, not as a step on the way."""
        for at, use in enumerate(candidate.before):
            shorter = replace(candidate, last=use, before=candidate.before[:at])
            seen = self._seen(shorter)
            if seen is not None and seen[1].error is None and new <= seen[1].arcs:
                return shorter, *seen
        return candidate, statements, outcome

    def _shortened(
        self, statements: list[str], outcome: Outcome, new: frozenset[Arc]
    ) -> tuple[list[str], Outcome]:
        """Without the steps that the new things do not need."""
        for at in range(len(statements) - 2, -1, -1):
            fewer = statements[:at] + statements[at + 1 :]
            tried = self._runner.run(fewer)
            if (
                tried is not None
                and new <= tried.arcs
                and type(tried.error) is type(outcome.error)
                and tried.raised_by_module == outcome.raised_by_module
                and not _is_lazy(tried.value)
            ):
                statements, outcome = fewer, tried
        return statements, outcome

    def _remember(
        self, candidate: Candidate, statements: list[str], value: Any, is_new: bool
    ) -> None:
        """Objects that worked are arguments and subjects of later candidates."""
        if candidate.last is None or len(statements) != 1:
            return
        cls = self._expectations.written_class_of(value)
        known = self._objects.setdefault(cls, []) if cls else None
        if known is None or statements[0] in known:
            return
        if len(known) < 5 or (is_new and len(known) < MAX_OBJECTS):
            known.append(statements[0])

    def _written(
        self, candidate: Candidate, statements: list[str], outcome: Outcome
    ) -> Written | None:
        test = self._asserted(candidate, statements, outcome)
        if test is None:
            return None
        support = tuple(self._names.support_in(statements).values())
        return replace(test, fixtures=fixtures_in((*statements, *test.asserts)), support=support)

    def _asserted(
        self, candidate: Candidate, statements: list[str], outcome: Outcome
    ) -> Written | None:
        facts = self._expectations
        if outcome.error is not None:
            raised, asserts = facts.of_error(outcome.error, outcome.raised_by_module)
            return Written(candidate.target, tuple(statements), tuple(asserts), raises=raised)
        variable, use = candidate.variable, candidate.last
        changes = use is not None and (use.target.name in CHANGING or _is_statement(statements[-1]))
        after: list[str] = []
        if variable and outcome.value is None:
            after = facts.of_state(outcome.names.get(variable), variable)
        if changes:
            if not after:
                return None  # nothing to be seen from outside
            return Written(candidate.target, tuple(statements), tuple(after), needs_result=False)
        block = statements[-1].startswith("with ")
        if use is None and _is_statement(statements[-1]) and not block:
            return None
        asserts = [*facts.of_value(outcome.value), *after]
        return Written(candidate.target, tuple(statements), tuple(asserts), needs_result=not block)


def _is_lazy(value: Any) -> bool:
    return isinstance(value, collections.abc.Iterator)


def _is_statement(text: str) -> bool:
    return not isinstance(ast.parse(text).body[0], ast.Expr)
