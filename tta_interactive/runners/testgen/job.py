"""What one run knows: what was asked for, where it works, and what it has counted so far."""

import contextlib
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tta_interactive.runners.testgen.backend import Backend
from tta_interactive.runners.testgen.existing import Existing
from tta_interactive.runners.testgen.interpreter import Interpreter
from tta_interactive.runners.testgen.measure import Measured
from tta_interactive.runners.testgen.module import Source
from tta_interactive.runners.testgen.probe import Probed
from tta_interactive.runners.testgen.report import Durations, Suspicion
from tta_interactive.runners.testgen.scratch import Copied
from tta_interactive.runners.testgen.steps import Bench

Say = Callable[[float, str], None]
Hand = Literal["generate", "verify", "measure"]
MAX_SUSPICIOUS = 20
MAX_POINTS = 60


@dataclass(frozen=True)
class Wish:
    """What was asked for, as the kind's params say it."""

    module_path: str
    output_path: str | None
    coverage_threshold: float
    backend: str
    budget: float
    seed: int
    overwrite: bool
    max_tests: int
    mutants: int
    use_cache: bool
    extend: bool = False
    python: str | None = None
    ask: bool = False


@dataclass
class Ledger:
    """What a run counts on its way."""

    generated: int = 0
    failed: int = 0
    flaky: int = 0
    useless: int = 0
    rounds: int = 0
    spent: float = 0.0
    """Of the budget."""
    was_cut_short: bool = False
    """Whether the clock ended what should have ended by itself."""
    resets: str = ""
    """Fixtures that begin each test with the module as its import left it."""
    suspicious: list[Suspicion] = field(default_factory=list[Suspicion])
    notes: list[str] = field(default_factory=list[str])
    seconds: dict[Hand, float] = field(
        default_factory=lambda: {"generate": 0.0, "verify": 0.0, "measure": 0.0}
    )
    started: float = field(default_factory=time.monotonic)

    timeline: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """(seconds since the start, percent of the module's lines)."""

    def reached(self, line: float) -> None:
        """Note the percent of lines that are reached now."""
        points = self.timeline
        points.append((round(time.monotonic() - self.started, 2), round(line, 2)))
        if len(points) > MAX_POINTS:
            del points[1:-1:2]  # every second one: the shape stays

    @contextlib.contextmanager
    def timed(self, hand: Hand) -> Generator[None]:
        """Adds the time inside of it to one hand of the clock."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds[hand] += time.monotonic() - start

    def suspect(self, found: Iterable[Suspicion]) -> None:
        """Remember what looks like a bug, each thing once."""
        known = {(one.kind, one.subject, one.call) for one in self.suspicious}
        new = [one for one in found if (one.kind, one.subject, one.call) not in known]
        self.suspicious += new[: MAX_SUSPICIOUS - len(self.suspicious)]

    def durations(self) -> Durations:
        """The time so far."""
        spent = {hand: round(seconds, 2) for hand, seconds in self.seconds.items()}
        return Durations(**spent, total=round(time.monotonic() - self.started, 2))


@dataclass(frozen=True)
class Job:
    """One run, from the import of the module on."""

    wish: Wish
    workspace: Path
    backend: Backend
    bench: Bench
    source: Source
    copied: Copied
    output: Path
    """The test file, relative to the workspace."""
    probed: Probed
    interpreter: Interpreter
    ledger: Ledger
    say: Say
    """Tells the fraction done, and what is being done."""
    existing: Existing | None = None
    """The file that is to be extended."""
    known: Measured | None = None
    """What its tests reach."""
