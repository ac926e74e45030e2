"""Run a few statements and say how they ended and which lines of the module they ran."""

import contextlib
import dis
import functools
import inspect
import math
import signal
import sys
import warnings
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from ..guard import Guard, Refused
from .fixtures import Fixtures
from .leftovers import Leftovers
from .work import RUN, SETTING, Work

Arc = tuple[int, int]
TEST = "<test>"
DEPRECATED = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)
REFUSED = ("not supported between instances of", "unsupported operand type(s) for")
MAX_PRINTED = 1_000_000
# Of one run that may take a second; most would do more of them in that time.
EVENTS = 250_000  # calls and lines
CALLS = 1_000_000  # calls, where lines are not counted
SOON = 0.005  # seconds
PAUSING = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
RESUME = dis.opmap["RESUME"]
# In Python 3.13 (not in 3.14) a generator that pauses stands where it will go on.
PAUSE = RESUME if sys.version_info[:2] == (3, 13) else dis.opmap["YIELD_VALUE"]


class TookTooLong(BaseException):
    """The statements ran longer than a test should."""


class Count:
    """Counts calls and lines, and ends what has too many."""

    def __init__(self, most: int) -> None:
        self.events, self._most = 0, most

    @property
    def is_over(self) -> bool:
        return self.events > self._most

    def one(self) -> None:
        self.events += 1
        if self.events > self._most:
            raise TookTooLong

    def call(self, _frame: FrameType, _event: str, _argument: Any) -> None:
        """A trace function for calls alone."""
        self.one()


class PrintedTooMuch(BaseException):
    """The statements printed more than a test should."""


class _Sink:
    """Swallows what is printed, up to a bound."""

    encoding = "utf-8"
    errors = "strict"

    def __init__(self) -> None:
        self._size = 0
        self._parts: list[str] = []

    def write(self, text: str) -> int:
        self._size += len(text)
        self._parts.append(text)
        if self._size > MAX_PRINTED:
            raise PrintedTooMuch
        return len(text)

    def text(self) -> str:
        return "".join(self._parts)

    def flush(self) -> None: ...

    def isatty(self) -> bool:
        return False


@dataclass
class Outcome:
    """What came of some statements."""

    value: Any
    """Of the last one, if it is an expression."""
    names: dict[str, Any]
    error: Exception | None
    raised_by_module: bool
    """Whether a `raise` statement of the module made the error."""
    arcs: frozenset[Arc]
    done: int
    """How many statements ended without an error."""
    printed: str = ""
    """On standard output."""
    events: int = 0
    """How many calls and lines it took."""
    is_deprecated: bool = False
    """Whether the module warned that this will not work for long."""

    @property
    def is_refusal(self) -> bool:
        """Whether an operator refused its operands, as it should: with `NotImplemented`."""
        trace = self.error.__traceback__ if self.error else None
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        is_last = trace is not None and trace.tb_frame.f_code.co_filename == TEST
        words = str(self.error) if is_last and isinstance(self.error, TypeError) else ""
        return any(part in words for part in REFUSED)


NOTHING = Outcome(None, {}, None, False, frozenset(), 0)
"""Before anything was run."""


class Runner:
    """Runs statements in the names of a test file."""

    def __init__(
        self,
        file: str,
        space: dict[str, Any],
        guard: Guard,
        raises: set[int],
        limit: float,
        own: Path,
        work: Work | None = None,
        leftovers: Leftovers | None = None,
    ) -> None:
        self.file, self._space, self._guard = file, space, guard
        self._raises, self._work = raises, work or Work()
        self.leftovers = leftovers
        """What runs leave behind in the module: each begins without."""
        self._latest: Outcome | None = None
        self.limit = limit
        """Seconds that the next run may take."""
        self.too_long = 0
        """How many runs took longer."""
        self._fixtures = Fixtures(own, guard)
        self._rings = 0.0
        signal.signal(signal.SIGALRM, self._stop)

    def run(
        self,
        statements: Sequence[str],
        *,
        traced: bool = True,
        most: int | None = None,
        cost: float = RUN,
        fresh: bool = True,
    ) -> Outcome | None:
        """None: the statements cannot be a test (too slow, refused, end the process, ...).

        Args:
            statements: As a test holds them.
            traced: Whether lines are looked at, else only calls.
            most: No more calls and lines than this; default: what takes too long otherwise.
            cost: What a run costs for itself, whatever it runs.
            fresh: Whether what other runs left behind is put back first.
        """
        if fresh and self.leftovers is not None:
            self.leftovers.undo()
        self._latest = self._ran(statements, traced, most, cost)
        return self._latest

    def _ran(
        self, statements: Sequence[str], traced: bool, most: int | None, cost: float
    ) -> Outcome | None:
        codes = _codes(statements)
        if not codes:
            return None
        arcs: set[Arc] = set()
        seconds = self.limit
        count = Count(int((EVENTS if traced else CALLS) * seconds) if most is None else most)
        names = dict(self._space)
        value: Any = None
        error: Exception | None = None
        done = 0
        sink = _Sink()
        before = _streams()
        with self._fixtures.given(statements, names), _warnings() as warned:
            sys.stdout, sys.stderr = sink, _Sink()  # type: ignore[assignment]  # all that print needs
            self._guard.in_a_call = True
            started = self._set_alarm(seconds)
            try:
                sys.settrace(_tracer(self.file, arcs.add, count.one) if traced else count.call)
                try:
                    for code in codes[:-1]:
                        exec(code, names)  # noqa: S102  (that is what this file is for)
                        done += 1
                    value = eval(codes[-1], names)  # noqa: S307
                finally:
                    sys.settrace(None)
                    signal.setitimer(signal.ITIMER_REAL, 0)
                    self._guard.in_a_call = False
            except (RecursionError, MemoryError):
                return None  # where exactly it ends differs from run to run
            except Exception as caught:  # boundary: whatever the module raises is a result
                error = caught
            except TookTooLong:
                self.too_long += 1
                self._work.took(0.0 if count.is_over else seconds)
                started = math.inf
                return None
            except (PrintedTooMuch, Refused, SystemExit, KeyboardInterrupt):
                return None
            except BaseException:  # boundary: no test should expect such a thing
                return None
            finally:
                with contextlib.suppress(TookTooLong):  # the alarm may ring until the very end
                    signal.setitimer(signal.ITIMER_REAL, 0)
                sys.stdout, sys.stderr = before
                asked = self._fixtures.asked(statements)
                took = self._work.watch.now() - started
                self._work.ran(
                    count.events, took, "tmp_path" in asked, cost + (SETTING if asked else 0.0)
                )
        if count.is_over:  # and the module caught what should have ended it
            self.too_long += 1
            return None
        if value is None and _is_block(statements[-1]):
            value = names.get("result")
        by_module = error is not None and self._is_raised_by_module(error)
        return Outcome(
            value,
            names,
            error,
            by_module,
            frozenset(arcs),
            done,
            sink.text(),
            is_deprecated=any(issubclass(one.category, DEPRECATED) for one in warned),
            events=count.events,
        )

    def is_stale(self, outcome: Outcome) -> bool:
        """Whether its values may be others by now: the module's state is not what it left."""
        is_alive = self.leftovers is not None and self.leftovers.were_there
        return is_alive and outcome is not self._latest

    def _is_raised_by_module(self, error: Exception) -> bool:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        if trace is None or trace.tb_frame.f_code.co_filename != self.file:
            return False
        return trace.tb_lineno in self._raises

    def _set_alarm(self, seconds: float) -> float:
        """By the stopwatch; returns what it shows."""
        now = self._work.watch.now()
        self._rings = now + seconds
        signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
        return now

    def _stop(self, *_: object) -> None:
        left = self._rings - self._work.watch.now()
        if left < SOON:
            raise TookTooLong
        signal.setitimer(signal.ITIMER_REAL, left, left)  # others had the processor


@contextlib.contextmanager
def _warnings() -> Generator[list[warnings.WarningMessage]]:
    """All that is warned of, every time."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        yield found


def _codes(statements: Sequence[str]) -> list[CodeType]:
    """None, if one of them is no Python."""
    try:
        codes = [_compiled(text, "exec") for text in statements[:-1]]
        return [*codes, _compiled(statements[-1], "eval")]
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return []


@functools.lru_cache(maxsize=4096)
def _compiled(text: str, mode: str) -> CodeType:
    if mode == "eval" and _is_statement(text):
        mode = "exec"
    return compile(text, TEST, mode)


@functools.lru_cache(maxsize=4096)
def _is_statement(text: str) -> bool:
    try:
        compile(text, "<test>", "eval")
    except SyntaxError:
        return True
    return False


def _is_block(text: str) -> bool:
    return text.startswith("with ")


def _streams() -> tuple[Any, Any]:
    return sys.stdout, sys.stderr


@contextlib.contextmanager
def traced(file: str) -> Generator[set[Arc], None, None]:
    """The line pairs of the file that run meanwhile, in this thread."""
    arcs: set[Arc] = set()
    sys.settrace(_tracer(file, arcs.add, lambda: None))
    try:
        yield arcs
    finally:
        sys.settrace(None)


def lines_of(arcs: frozenset[Arc]) -> frozenset[int]:
    """The lines that the pairs name."""
    return frozenset(line for pair in arcs for line in pair if line > 0)


def _tracer(
    file: str, add: Callable[[Arc], None], count: Callable[[], None]
) -> Callable[[FrameType, str, Any], Any]:
    """A trace function that adds (line before, line) of every step in the file.

    Args:
        count: Called for each of these steps, and for each call anywhere.
    """

    def enter(frame: FrameType, _event: str, _argument: Any) -> Any:
        count()
        if frame.f_code.co_filename != file:
            return None
        pauses = bool(frame.f_code.co_flags & PAUSING)
        line_before = -frame.f_code.co_firstlineno
        if pauses and _is_resumed(frame):
            line_before = frame.f_lineno
        unwinding = False

        def step(frame: FrameType, event: str, _argument: Any) -> Any:
            nonlocal line_before, unwinding
            if event == "line":
                unwinding = False
                count()
                add((line_before, frame.f_lineno))
                line_before = frame.f_lineno
            elif event == "exception":
                unwinding = True
            elif event == "return" and not unwinding and not (pauses and _is_paused(frame)):
                add((line_before, -frame.f_code.co_firstlineno))
            return step

        return step

    return enter


def _is_resumed(frame: FrameType) -> bool:
    """Whether a generator goes on after a `yield`: like coverage, no new beginning."""
    code, at = frame.f_code.co_code, frame.f_lasti
    return at >= 0 and code[at] == RESUME and code[at + 1] & 3 != 0


def _is_paused(frame: FrameType) -> bool:
    """Whether a generator stops at a `yield`: no end."""
    return frame.f_code.co_code[frame.f_lasti] == PAUSE
