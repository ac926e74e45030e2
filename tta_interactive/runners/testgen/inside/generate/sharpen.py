"""More rows for what the tests so far do not notice.

Every line may be reached and still nothing fails when `<` becomes `<=`. So the module is changed a
little, again and again (`changes.py`); where no test would notice, calls like those that reach the
changed line are tried until one gives another answer. Those are added: values at a boundary and
one of each table's entries, mostly.
"""

import contextlib
import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from .attempt import Attempts, Seen
from .calls import Caller
from .candidate import Candidate
from .changes import Change, Changes
from .clocks import sets_clock
from .emit import Written
from .simplify import simpler_forms
from .targets import Target
from .trace import NOTHING, lines_of
from .work import Work

MOST_CHANGES = 900
LOOKING = 0.35  # of the time that is left: to look what goes unnoticed
ASKED = 40  # tests that are tried on one change, at most
TRIES = 200  # calls that are made for one change, at most
BESIDE = 6  # other changes that a call is tried on
SIMPLER = 30  # runs that may make an added test simpler
SURE = 15  # times that an added test must pass
SLOW = 2  # calls that took too long, after which a change is left alone
PATIENCE = 12_000  # calls and lines of one test on changed code: it may never end
FRESH, NEAR = 0.2, 0.4  # how often a call is made anew, or takes a value beside a constant
STEPS = (1, 1, 1, 2, 2, 3)  # how many things of a call are changed
ROUNDS = 2  # of all values beside a constant, before anything else is tried
TELL = 8  # rows, after which it is told what was found
BEATS = 16  # tries for one beat
NOT_TESTED = ("helper", "changer")


@dataclass(frozen=True)
class Row:
    """A test and the lines that it runs."""

    candidate: Candidate
    test: Written
    lines: frozenset[int]
    is_deprecated: bool = False

    @property
    def size(self) -> int:
        return sum(map(len, (*self.test.statements, *self.test.asserts)))


@dataclass(frozen=True)
class _Ways:
    """How to reach a change."""

    change: Change
    rows: list[Row]
    """Those that do."""
    targets: list[Target]
    """What can be called and holds it."""

    @property
    def are_there(self) -> bool:
        return bool(self.rows or self.targets)

    def add(self, row: Row) -> None:
        """One more row, if it does."""
        if _reaches(row, self.change):
            self.rows.append(row)


class Sharpener:
    """Finds tests that notice more.

    Args:
        changes: What may be changed.
        attempts: Runs calls.
        caller: Makes other calls of one.
        targets: What can be called.
        draw: Decides; same seed, same tests.
        beat: Called again and again while the work goes on.
        work: What is done, and when to stop.
    """

    def __init__(
        self,
        changes: Changes,
        attempts: Attempts,
        caller: Caller,
        targets: Iterable[Target],
        draw: random.Random,
        beat: Callable[[], None],
        work: Work,
    ) -> None:
        self._changes, self._attempts, self._caller = changes, attempts, caller
        self._targets = [one for one in targets if one.sort not in NOT_TESTED]
        self._draw, self._beat, self._beats = draw, beat, 0
        self._work = work
        self.tried = self.unnoticed = self.tries = 0
        self._noticed: dict[Written, list[Change]] = {}
        """Test -> what it was the first to notice."""
        self._untried: list[Change] = []
        """Changes for which there was no time."""
        self._passes: dict[Written, bool | None] = {}
        """Test -> whether it does, here and while nothing is changed."""
        self._looked_at = set[tuple[str, ...]]()
        self._compiled = set[Change]()
        self._slow = Counter[Change]()
        """How often a changed module took too long."""

    def more(
        self,
        chosen: Sequence[Row],
        others: Sequence[Row],
        most: int,
        found: Callable[[Sequence[Row]], None] = lambda _: None,
    ) -> list[Row]:
        """At most so many rows beside the chosen ones; told now and then what was found so far."""
        blind = self._unnoticed(chosen)
        pool = sorted(others, key=lambda row: row.size)
        added: list[Row] = []
        for change in list(blind):
            if len(added) >= most or not self._in_time():
                break
            row = self._first_that_notices([*added, *pool], change)
            if row is not None:
                blind.remove(change)
                self._noticed.setdefault(row.test, []).append(change)
                if row not in added:
                    added.append(row)
        for row in self._hunted([*chosen, *others], blind, most - len(added)):
            added.append(row)
            if len(added) % TELL == 0:
                found(added)
        self.unnoticed = len(blind)
        return self._needed(added)

    def is_at_work(self) -> None:
        """Say so."""
        self._beat()

    def forget(self) -> None:
        """Empty the module's caches, as they are when the tests begin."""
        self._changes.forget()

    def is_spare(self, row: Row, rest: Sequence[Row]) -> bool:
        """Whether the rest notices what the row was the first to notice, as far as time allows."""
        mine = self._noticed.get(row.test, ())
        return all(
            self._in_time() and self._first_that_notices(rest, change) is not None
            for change in mine
        )

    def look_at_rest(self, rows: Sequence[Row], until: float) -> None:
        """See which rows notice the changes for which there was no time before."""
        while self._untried and self._in_time() and self._work.now < until:
            change = self._untried.pop()
            first = self._first_that_notices(rows, change)
            if first is not None:
                self._noticed.setdefault(first.test, []).append(change)

    def duties(self, rows: Sequence[Row]) -> list[list[Change]]:
        """For each row the changes that it is the one to notice, from now on."""
        places = {row.test: at for at, row in enumerate(rows)}
        found: list[list[Change]] = [[] for _ in rows]
        for test, changes in self._noticed.items():
            for change in changes:
                if test in places:
                    found[places[test]].append(change)
                elif (first := self._first_that_notices(rows, change)) is not None:
                    found[places[first.test]].append(change)
        self._noticed = {row.test: some for row, some in zip(rows, found, strict=True)}
        return found

    def hand_on(self, row: Row, rest: Sequence[Row]) -> None:
        """What the row was the one to notice is from now on for the rest to notice."""
        for change in self._noticed.pop(row.test, ()):
            first = self._first_that_notices(rest, change)
            if first is not None:
                self._noticed.setdefault(first.test, []).append(change)

    def notices(self, row: Row, change: Change) -> bool:
        """Whether the test of the row passes on the module and would fail on the changed one."""
        return _reaches(row, change) and self._notices(row, change)

    def is_steady(self, row: Row) -> bool:
        """Whether its test passes again and again: what is drawn by chance notices any change.

        And whether its numbers are the same to the last digit: a clock is about right for long.
        """
        exact = tuple(line.replace("pytest.approx(", "(") for line in row.test.asserts)
        if self._attempts.passes(replace(row.test, asserts=exact)) is not True:
            return False
        return all(self._attempts.passes(row.test) is True for _ in range(SURE))

    def _unnoticed(self, rows: Sequence[Row]) -> list[Change]:
        """Those changes that some of the rows reach, or a call may reach, and none notices."""
        changes = self._changes.sample(MOST_CHANGES, self._draw)
        self._draw.shuffle(changes)  # should time run out, what was done is spread
        now = self._work.now
        until = now + LOOKING * (self._work.end - now)
        blind: list[Change] = []
        for at, change in enumerate(changes):
            if not self._in_time() or self._work.now > until:
                self._untried = changes[at:]
                break
            self.tried += 1
            first = self._first_that_notices(rows, change)
            if first is None:
                blind.append(change)
            else:
                self._noticed.setdefault(first.test, []).append(change)
        return blind

    def _hunted(self, known: Sequence[Row], blind: list[Change], most: int) -> Iterator[Row]:
        """Rows that notice what goes unnoticed, which is taken out of the list."""
        tests = {row.test for row in known}
        waiting = deque((self._ways(change, known), 0) for change in blind)
        while waiting and most > 0 and self._may_try():
            ways, tries = waiting.popleft()
            change = ways.change
            if change not in blind or not ways.are_there or self._slow[change] >= SLOW:
                continue
            if tries < TRIES:
                waiting.append((ways, tries + 1))
            row = self._row(self._like(ways, tries))
            if row is None or row.test in tests or not _reaches(row, change):
                continue
            beside = [one for one in blind if one is not change and _reaches(row, one)]
            asked = [change, *self._draw.sample(beside, min(BESIDE, len(beside)))]
            hits = [one for one in asked if self._surely_notices(row, one)]
            if not hits:
                continue
            row = self._simpler(row, hits)
            if row.test in tests or not self.is_steady(row):
                continue
            tests.add(row.test)
            for other, _ in waiting:
                other.add(row)
            self._noticed[row.test] = hits
            blind[:] = [one for one in blind if one not in hits]
            most -= 1
            yield row

    def _ways(self, change: Change, rows: Sequence[Row]) -> _Ways:
        near = [row for row in rows if _reaches(row, change)]
        called = [one for one in self._targets if not change.lines.isdisjoint(one.lines)]
        public = [one for one in called if not one.is_private]
        public = [one for one in public if not one.is_inherited] or public
        # What is private is called by itself only where nothing else gets there.
        return _Ways(change, near, public if near or public else called)

    def _like(self, ways: _Ways, tries: int) -> Candidate | None:
        """Another call that may reach the change; first those with a value beside a constant."""
        draw, change, rows, targets = self._draw, ways.change, ways.rows, ways.targets
        if rows and tries < ROUNDS * len(change.near):
            near = change.near[tries % len(change.near)]
            return self._caller.given(draw.choice(rows).candidate, near)
        if targets and (not rows or draw.random() < FRESH):
            return self._caller.new(draw.choice(targets))
        candidate = draw.choice(rows).candidate
        for _ in range(draw.choice(STEPS)):
            if change.near and draw.random() < NEAR:
                candidate = self._caller.given(candidate, draw.choice(change.near))
            else:
                candidate = self._caller.changed(candidate)
        return candidate

    def _row(self, candidate: Candidate | None) -> Row | None:
        statements = tuple(candidate.statements()) if candidate else ()
        if candidate is None or statements in self._looked_at:
            return None
        self._looked_at.add(statements)
        seen = self._attempts.seen(candidate)
        return self._tested(seen) if seen else None

    def _tested(self, seen: Seen) -> Row | None:
        """What was seen, as a row; None: it is no test, or an accident."""
        if seen.outcome.error is not None and not seen.outcome.raised_by_module:
            return None
        if seen.outcome.is_deprecated:
            return None
        test = self._attempts.written(seen)
        return Row(seen.candidate, test, lines_of(seen.outcome.arcs)) if test else None

    def _simpler(self, row: Row, hits: Sequence[Change]) -> Row:
        """The row, or one with less in it that notices the same."""
        left = SIMPLER
        while left > 0:
            shorter, runs = self._shorter(row, hits, left)
            if shorter is None:
                break
            row, left = shorter, left - runs
        return row

    def _shorter(self, row: Row, hits: Sequence[Change], most: int) -> tuple[Row | None, int]:
        """(the row with one thing less, after how many tries)."""
        statements, runs = list(row.test.statements), 0
        for at, text in enumerate(statements):
            must_stay = at == len(statements) - 1 or sets_clock(text)
            forms = ([form] for form in simpler_forms(text))
            for instead in chain(() if must_stay else ([],), forms):
                runs += 1
                if runs > most or not self._may_try():
                    return None, runs
                fewer = [*statements[:at], *instead, *statements[at + 1 :]]
                seen = self._attempts.rerun(Seen(row.candidate, fewer, NOTHING))
                other = self._tested(seen) if seen else None
                if other is None or other.test.raises != row.test.raises:
                    continue
                if all(self._surely_notices(other, change) for change in hits):
                    return other, runs
        return None, runs

    def _needed(self, rows: Sequence[Row]) -> list[Row]:
        """Without those of which the later ones notice all that they were added for."""
        left = list(rows)
        for row in rows:
            rest = [one for one in left if one is not row]
            if self.is_spare(row, rest):
                left = rest
        return left

    def _first_that_notices(self, rows: Iterable[Row], change: Change) -> Row | None:
        reaching = islice((row for row in rows if _reaches(row, change)), ASKED)
        return next((row for row in reaching if self._notices(row, change)), None)

    def _notices(self, row: Row, change: Change) -> bool:
        """Whether the test of the row passes on the module and would fail on the changed one."""
        if row.test not in self._passes:
            self._passes[row.test] = self._attempts.passes(row.test)
        if not self._passes[row.test]:
            return False
        with self._made(change) as is_made:
            # Too slow or refused: a test would fail as well.
            return is_made and not self._attempts.passes(row.test, PATIENCE)

    def _surely_notices(self, row: Row, change: Change) -> bool:
        """The same, twice, and not because time runs out: then the change is left alone."""
        ends: list[bool | None] = []
        with self._made(change) as is_made:
            while is_made and len(ends) < 2 and not any(ends):
                ends.append(self._attempts.passes(row.test, PATIENCE))
        if None in ends:
            self._slow[change] += 1
        return ends == [False, False] and self._attempts.passes(row.test) is True

    def _made(self, change: Change) -> contextlib.AbstractContextManager[bool]:
        self._work.changed(is_new=change not in self._compiled)
        self._compiled.add(change)
        return self._changes.made(change)

    def _may_try(self) -> bool:
        self.tries += 1
        self._work.tried()
        return self._in_time()

    def _in_time(self) -> bool:
        self._beats += 1
        if self._beats % BEATS == 0:
            self._beat()
        return not self._work.is_over(self._work.end)


def _reaches(row: Row, change: Change) -> bool:
    return not change.lines.isdisjoint(row.lines)
