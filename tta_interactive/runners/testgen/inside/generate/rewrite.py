"""The tests that are handed over, with plainer values: as people write them.

A plainer value reaches less and notices less, mostly. So this comes last, when it is known what
each test is there for: the lines and jumps that no other test reaches, and the changes of the
module that it is the one to notice. What stays the same in that may become plainer.
"""

import ast
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import replace

from .attempt import Attempts, Seen
from .candidate import Candidate, receiver
from .changes import Change
from .clocks import sets_clock
from .emit import Written
from .plain import Plainness
from .sharpen import Row, Sharpener
from .simplify import is_alike
from .trace import NOTHING, Arc, lines_of
from .work import Work

MOST_TRIES = 150  # for one test
MORE_ASSERTED = 40  # signs by which what is asserted may grow
LATER = 100_000  # seconds
LOOKING = 0.3  # of the work: to see what the tests notice
FAIR = 3.0  # times as much work for one test as is left for each on average
Reached = Callable[[Sequence[Row]], Sequence[frozenset[Arc]]]


class Rewriter:
    """Makes the values of tests plainer.

    Args:
        plainness: Says what is plain.
        attempts: Runs tests.
        sharpener: Knows what each test notices.
        work: What is done, and when to stop.
        may_stay: Whether a test holds nothing that looks like a bug.
    """

    def __init__(
        self,
        plainness: Plainness,
        attempts: Attempts,
        sharpener: Sharpener,
        work: Work,
        may_stay: Callable[[Written], bool],
    ) -> None:
        self._plainness, self._attempts, self._sharpener = plainness, attempts, sharpener
        self._work, self._may_stay = work, may_stay

    def rewritten(self, rows: Sequence[Row], reached: Reached) -> list[tuple[Row, Row]]:
        """(the row as it was, in its plain form) of each, where that does no harm.

        A row that did two things comes as two.

        Args:
            rows: In the order in which they will run.
            reached: What each of some rows runs when they run one after the other.
        """
        work = self._work
        self._sharpener.look_at_rest(rows, work.now + LOOKING * (work.end - work.now))
        rows = self._apart(rows, reached(rows), self._sharpener.duties(rows))
        self._sharpener.duties(rows)
        rows = self._without_spare(rows, reached(rows))
        before = reached(rows)
        count = Counter(arc for some in before for arc in some)
        duties = self._sharpener.duties(rows)
        made: list[Row | None] = list(rows)
        for at, row in enumerate(rows):
            left = self._work.end - self._work.now
            until = self._work.now + FAIR * left / (len(rows) - at)
            needed = {arc for arc in before[at] if count[arc] == 1}
            new, arcs = self._plainest(row, needed, duties[at], until)
            if arcs is not None:
                # The same as another is no test of its own.
                is_new = new.test not in {one.test for one in made if one}
                made[at] = new if is_new else None
                count.subtract(before[at])
                count.update(arcs if is_new else ())
        return self._without_harm(rows, made, before, reached)

    def _without_spare(self, rows: Sequence[Row], before: Sequence[Collection[Arc]]) -> list[Row]:
        """Without the rows that reach and notice only what others do; the largest go first."""
        count = Counter(arc for some in before for arc in some)
        arcs = dict(zip(rows, before, strict=True))
        left = list(rows)
        for row in sorted(rows, key=lambda row: -row.size):
            rest = [one for one in left if one is not row]
            is_needed = any(count[arc] == 1 for arc in arcs[row])
            if rest and not is_needed and self._sharpener.is_spare(row, rest):
                left = rest
                count.subtract(arcs[row])
                self._sharpener.hand_on(row, rest)
        return left

    def _apart(
        self,
        rows: Sequence[Row],
        before: Sequence[frozenset[Arc]],
        duties: Sequence[Sequence[Change]],
    ) -> list[Row]:
        """The rows, those that do two things as two: a call on the way that needs a test itself."""
        count = Counter(arc for some in before for arc in some)
        found: dict[Written, Row] = {}
        for row, arcs, changes in zip(rows, before, duties, strict=True):
            own = frozenset(arc for arc in arcs if count[arc] == 1)
            parts = self._parted(row, own, changes)
            if parts != [row]:
                count.subtract(arcs)
                count.update(arc for one in parts for arc in self._attempts.reached(one.test))
            for one in parts:
                found.setdefault(one.test, one)
        return list(found.values())

    def _parted(self, row: Row, own: frozenset[Arc], changes: Sequence[Change]) -> list[Row]:
        """The row; or a test of a step on the way, and the row without that step."""
        statements = row.test.statements
        for at, text in enumerate(statements[:-1]):
            if not is_call(text) or self._work.is_over(self._work.end):
                continue
            rest = self._as_row(row.candidate, [*statements[:at], *statements[at + 1 :]])
            if rest is None or _said(rest.test) != _said(row.test):
                continue
            lost = own - self._attempts.reached(rest.test)
            blind = [one for one in changes if not self._sharpener.notices(rest, one)]
            if not lost and not blind:
                continue  # the step is not needed at all, and goes later
            raw = list(statements[: at + 1])
            first = self._as_row(Candidate(None, raw=tuple(raw), label=called(text)), raw)
            if (
                first is not None
                and not first.test.raises
                and lost <= self._attempts.reached(first.test)
                and all(self._sharpener.notices(first, one) for one in blind)
            ):
                return [first, *self._parted(rest, own, changes)]
        return [row]

    def _as_row(self, candidate: Candidate, statements: list[str]) -> Row | None:
        seen = self._attempts.rerun(Seen(candidate, statements, NOTHING))
        test = self._agreed(seen) if seen else None
        if seen is None or test is None or not self._may_stay(test):
            return None
        return Row(candidate, test, lines_of(seen.outcome.arcs))

    def _agreed(self, seen: Seen) -> Written | None:
        """What two runs have in common, as a test."""
        test = self._attempts.written(seen)
        with later():
            again = self._attempts.again(seen)
        return test.agreed(self._attempts.written(again)) if test and again else None

    def _without_harm(
        self,
        rows: Sequence[Row],
        made: Sequence[Row | None],
        before: Sequence[Collection[Arc]],
        reached: Reached,
    ) -> list[tuple[Row, Row]]:
        """The new rows, but the old ones of those that together reach less: caches may differ."""
        lost = {arc for some in before for arc in some}
        lost -= {arc for some in reached([one for one in made if one]) for arc in some}
        pairs = [
            (row, new if lost.isdisjoint(arcs) else row)
            for row, new, arcs in zip(rows, made, before, strict=True)
        ]
        return [(row, new) for row, new in pairs if new is not None]

    def _plainest(
        self, row: Row, needed: set[Arc], duties: Sequence[Change], until: float
    ) -> tuple[Row, frozenset[Arc] | None]:
        """(the row in its plainest form, what that reaches); None: it stays as it is."""
        seen = self._attempts.rerun(Seen(row.candidate, list(row.test.statements), NOTHING))
        start = row
        if seen is not None and (whole := self._attempts.whole(seen)) is not seen:
            row = self._as_row(row.candidate, whole.statements) or row
        best, failed = row, set[tuple[str, str]]()
        tries, is_over = 0, seen is None
        while seen is not None and not is_over:
            for statements, edit in self._fewer(best.test.statements):
                is_over = tries >= MOST_TRIES or self._work.is_over(until)
                if is_over:
                    break
                if edit in failed:
                    continue
                tries += 1
                self._work.tried()
                found = self._tried(seen, best, statements, needed, duties)
                if found is not None:
                    best, seen = found
                    break
                failed.add(edit)
            else:
                break
        if best is start or not self._sharpener.is_steady(best):
            return start, None
        return best, self._attempts.reached(best.test)

    def _fewer(self, statements: Sequence[str]) -> Iterator[tuple[list[str], tuple[str, str]]]:
        """(the statements with one thing plainer, what that is)."""
        if len(statements) > 1 and is_call(statements[-2]):
            yield list(statements[:-1]), (statements[-1], "")
        for at, text in enumerate(statements[:-1]):
            if not sets_clock(text):
                yield [*statements[:at], *statements[at + 1 :]], (text, "")
        for at, text in enumerate(statements):
            for form in without_a_step(text):
                yield [*statements[:at], form, *statements[at + 1 :]], (text, form)
        for form, edit in self._plainness.everywhere(statements):
            if not any(map(sets_clock, {*statements}.difference(form))):
                yield form, edit
        for at, text in enumerate(statements):
            for form in () if sets_clock(text) else self._plainness.forms(text):
                yield [*statements[:at], form.text, *statements[at + 1 :]], (form.old, form.new)

    def _tried(
        self,
        start: Seen,
        best: Row,
        statements: list[str],
        needed: set[Arc],
        duties: Sequence[Change],
    ) -> tuple[Row, Seen] | None:
        """The row with these statements; None: it does not do what it is there for."""
        is_other = called(statements[-1]) != called(best.test.statements[-1])
        if is_other and not does_something(statements[-1]):
            return None
        if is_other:  # what was a step on the way becomes what the test is about
            candidate = Candidate(None, raw=tuple(statements), label=called(statements[-1]))
            start = replace(start, candidate=candidate)
        seen = self._attempts.rerun(replace(start, statements=statements))
        if seen is None or not (is_alike(start, seen) or (is_other and _returned(start, seen))):
            return None
        if not is_other and not _is_about_the_same(start, seen):
            return None
        if seen.outcome.is_deprecated and not start.outcome.is_deprecated:
            return None
        test = self._agreed(seen)
        if test is None or test.raises != best.test.raises or _is_longer(test, best.test):
            return None
        if bool(test.match) != bool(best.test.match) or not self._may_stay(test):
            return None
        if not needed <= seen.outcome.arcs and not needed <= self._attempts.reached(test):
            return None
        row = Row(seen.candidate, test, lines_of(seen.outcome.arcs))
        notices = self._sharpener.notices
        return (row, seen) if all(notices(row, change) for change in duties) else None


@contextlib.contextmanager
def later() -> Generator[None]:
    """The clock shows another day: what the answer of a test must not depend on."""
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + LATER
    time.time_ns = lambda: real_ns() + LATER * 10**9
    try:
        yield
    finally:
        time.time, time.time_ns = real, real_ns


def _said(test: Written) -> tuple[object, ...]:
    """What the test checks."""
    return test.asserts, test.raises, test.match


def is_call(statement: str) -> bool:
    """Whether it calls something and does nothing with what comes back."""
    match ast.parse(statement).body:
        case [ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="monkeypatch"))))]:
            return False
        case [ast.Expr(value=ast.Call())]:
            return True
        case _:
            return False


def without_a_step(statement: str) -> Iterator[str]:
    """A coroutine without one of its steps; nothing of what is none."""
    head, *steps = statement.split("\n")
    for at in range(len(steps) - 1) if head.startswith("async def ") else ():
        yield "\n".join([head, *steps[:at], *steps[at + 1 :]])


def does_something(statement: str) -> bool:
    """Whether it is more than a name or a constant."""
    match ast.parse(statement).body:
        case [ast.Expr(value=ast.Name() | ast.Constant())]:
            return False
        case _:
            return True


def called(statement: str) -> str:
    """The name of what a call calls."""
    match ast.parse(statement).body:
        case [ast.Expr(value=ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)))]:
            return name
        case _:
            return "example"


def _returned(one: Seen, other: Seen) -> bool:
    return one.outcome.error is None and other.outcome.error is None


def _is_about_the_same(one: Seen, other: Seen) -> bool:
    """Whether both ask an object of the same class: the test is named after it."""
    variable = one.candidate.variable or receiver(one.statements[-1])
    first, second = (seen.outcome.names.get(variable) for seen in (one, other))
    return first is None or second is None or type(first) is type(second)


def _is_longer(test: Written, than: Written) -> bool:
    """Whether more is asserted than before: a plain value may have a long answer."""
    return sum(map(len, test.asserts)) > sum(map(len, than.asserts)) + MORE_ASSERTED
