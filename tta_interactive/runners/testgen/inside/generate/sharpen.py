"""More rows for what the tests so far do not notice.

Every line may be reached and still nothing fails when `<` becomes `<=`. So the module is changed a
little, again and again (`changes.py`); where no test would notice, calls like those that reach the
changed line are tried until one gives another answer. Those are added: values at a boundary,
mostly.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .attempt import Attempts
from .calls import Caller, Candidate
from .changes import Change, Changes
from .emit import Written
from .trace import lines_of

MOST_CHANGES = 250
VARIATIONS = 12  # of each call that reaches something, at least so many others are made
MOST_VARIATIONS = 100
LOOKING, MAKING = 0.4, 0.5  # shares of the time that is left: to look what goes unnoticed, ...
MAX_POOL = 1500
ASKED = 60  # calls that are tried on one change, at most
PATIENCE = 0.05  # seconds for one call of changed code: it may never end


@dataclass(frozen=True)
class Row:
    """A test and the lines that it runs."""

    candidate: Candidate
    test: Written
    lines: frozenset[int]

    @property
    def size(self) -> int:
        return sum(map(len, (*self.test.statements, *self.test.asserts)))


class Sharpener:
    """Finds tests that notice more.

    Args:
        changes: What may be changed.
        attempts: Runs calls.
        caller: Makes other calls of one.
        draw: Decides; same seed, same tests.
        beat: Called again and again while the work goes on.
        end: When to stop, by the monotonic clock; the number of tries is bounded as well.
    """

    def __init__(
        self,
        changes: Changes,
        attempts: Attempts,
        caller: Caller,
        draw: random.Random,
        beat: Callable[[], None],
        end: float,
    ) -> None:
        self._changes, self._attempts, self._caller = changes, attempts, caller
        self._draw, self._beat, self._end = draw, beat, end
        self.tried = self.unnoticed = 0
        self._noticed: dict[Written, list[Change]] = {}
        """Test -> what it was the first to notice."""

    def more(self, chosen: Sequence[Row], others: Sequence[Row], most: int) -> list[Row]:
        """At most so many rows beside the chosen ones."""
        changes = self._changes.sample(MOST_CHANGES, self._draw)
        self._draw.shuffle(changes)  # should time run out, what was done is spread
        blind: list[Change] = []
        until = self._part(LOOKING)
        for change in changes:
            if not self._in_time() or time.monotonic() > until:
                break
            self.tried += 1
            first = self._first_that_notices(chosen, change)
            if first is None:
                blind.append(change)
            else:
                self._noticed.setdefault(first.test, []).append(change)
        pool = list(others)
        if blind:
            pool += self._variations([*chosen, *others], self._part(MAKING))
        pool.sort(key=lambda row: row.size)  # of two that notice the same, the simpler one
        added: list[Row] = []
        for change in blind:
            if len(added) >= most or not self._in_time():
                break
            if self._notice(added, change):
                continue
            found = self._first_that_notices(pool, change)
            if found is None:
                self.unnoticed += 1
            else:
                added.append(found)
        return added

    def forget(self) -> None:
        """Empty the module's caches, as they are when the tests begin."""
        self._changes.forget()

    def is_spare(self, row: Row, rest: Sequence[Row]) -> bool:
        """Whether the rest notices what the row was the first to notice, as far as time allows."""
        mine = self._noticed.get(row.test, ())
        return all(self._in_time() and self._notice(rest, change) for change in mine)

    def _part(self, share: float) -> float:
        """When so much of the time that is left will be over."""
        now = time.monotonic()
        return now + share * (self._end - now)

    def _in_time(self) -> bool:
        self._beat()
        return time.monotonic() < self._end

    def _notice(self, rows: Sequence[Row], change: Change) -> bool:
        return self._first_that_notices(rows, change) is not None

    def _first_that_notices(self, rows: Sequence[Row], change: Change) -> Row | None:
        reaching = [row for row in rows if change.line in row.lines][:ASKED]
        if not reaching:
            return None
        with self._changes.made(change) as is_made:
            return next((row for row in reaching if is_made and self._differs(row)), None)

    def _differs(self, row: Row) -> bool:
        """Whether the test of the row would fail now."""
        seen = self._attempts.replayed(row.candidate, row.test, PATIENCE)
        # Too slow, refused, gone wrong: a test would fail as well.
        return seen is None or self._attempts.written(seen) != row.test

    def _variations(self, rows: Sequence[Row], until: float) -> Iterator[Row]:
        """Other calls like those, each looked at twice."""
        known = {row.test for row in rows}
        count = 0
        each = min(MOST_VARIATIONS, max(VARIATIONS, MAX_POOL // (len(rows) or 1)))
        for row in rows:
            for _ in range(each if row.candidate.last is not None else 0):
                if count >= MAX_POOL or not self._in_time() or time.monotonic() > until:
                    return
                count += 1
                seen = self._attempts.seen(self._caller.changed(row.candidate))
                is_sound = seen and (seen.outcome.error is None or seen.outcome.raised_by_module)
                if seen is None or not is_sound:
                    continue
                test, again = self._attempts.written(seen), self._attempts.again(seen)
                if test is None or test in known or again is None:
                    continue
                if self._attempts.written(again) == test:
                    known.add(test)
                    yield Row(seen.candidate, test, lines_of(seen.outcome.arcs))
