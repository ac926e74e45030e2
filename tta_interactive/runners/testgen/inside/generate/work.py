"""What the search has done so far: counted, not timed, so that a busy machine does the same.

Each run of some statements costs a little for itself, and a little for each call and each line
in it: about what an ordinary machine takes. All shares and limits of the search are told in
these seconds of work. The real clock ends only what got out of hand.
"""

import math
import os
from time import monotonic  # itself: a test may set `time.monotonic` while we look at it

RUN = 250e-6  # seconds of work: to compile some statements, run them and look at what came of it
TRY = 50e-6  # to make up a call
EVENT = 1.2e-6  # a call anywhere, or a line of the module
AGAIN = 120e-6  # to run what was compiled before, when nothing but its end is looked at
CHANGE, EXCHANGE = 300e-6, 30e-6  # to compile a function, to put it in the place of another
FIXTURES = 400e-6  # to make and empty a directory
SETTING = 60e-6  # to set variables and names and to set them back
# What is slow in code that cannot be counted (large numbers, patterns, waiting) is charged by the
# clock, but only if a whole window of work took far longer than it counts, and in steps so coarse
# that it hardly ever makes a difference how long exactly it took.
WINDOW = 0.25  # seconds of work
SLOW = ((27.0, 40.0), (12.0, 18.0), (5.0, 8.0))  # so many times as long; is charged so many times
OUT_OF_HAND = 4.0  # times as long as the work should take, the processor given
WAITING = 12.0  # times as long by the clock on the wall, whatever else the machine does
SCHEDULER = "/proc/self/schedstat"  # Linux: nanoseconds of running and of waiting for a processor


class Stopwatch:
    """Time by the clock without that in which other programs had the processor."""

    def __init__(self) -> None:
        try:
            self._file = os.open(SCHEDULER, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:  # another system, or none of that in the sandbox: every second counts
            self._file = -1

    def now(self) -> float:
        """Seconds since some moment."""
        return monotonic() - self._waited()

    def _waited(self) -> float:
        if self._file < 0:
            return 0.0
        try:
            return int(os.pread(self._file, 100, 0).split()[1]) / 1e9
        except (OSError, IndexError, ValueError):
            return 0.0


class Work:
    """Counts what is done.

    Args:
        seconds: How much there is to do in all.
    """

    def __init__(self, seconds: float = math.inf) -> None:
        self.now = 0.0
        """Seconds of work so far."""
        self.end = seconds
        """When to stop."""
        self._counted = self._took = 0.0  # in this window
        self.watch = Stopwatch()
        self._last = self.watch.now() + OUT_OF_HAND * seconds
        self._very_last = monotonic() + WAITING * seconds
        self.was_cut_short = False
        """Whether the clock had to end it: then another run may bring other tests."""

    def tried(self) -> None:
        """Something was made up, and perhaps could not be run."""
        self.now += TRY

    def changed(self, *, is_new: bool) -> None:
        """The module was changed and changed back; what was compiled before is only put in."""
        self.now += CHANGE if is_new else EXCHANGE

    def ran(
        self, events: int, seconds: float = 0.0, has_fixtures: bool = False, cost: float = RUN
    ) -> None:
        """Something was run.

        Args:
            events: How many calls and lines.
            seconds: How long it took by the stopwatch.
            has_fixtures: Whether files were made for it.
            cost: What it costs besides.
        """
        cost += EVENT * events + (FIXTURES if has_fixtures else 0.0)
        self.now += cost
        self._counted += cost
        self._took += seconds
        if self._counted >= WINDOW:
            far = self._took / self._counted
            self.now += self._counted * next((times for least, times in SLOW if far > least), 0.0)
            self._counted = self._took = 0.0

    def took(self, seconds: float) -> None:
        """Something had to be ended."""
        self.now += seconds

    def is_over(self, end: float) -> bool:
        """Whether so much work is done, or it takes far too long."""
        if not self.was_cut_short and monotonic() > self._last:
            self.was_cut_short = self.watch.now() > self._last or monotonic() > self._very_last
        return self.was_cut_short or self.now >= min(end, self.end)
