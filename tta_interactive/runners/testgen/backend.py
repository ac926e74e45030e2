"""Who writes tests: the promise of a backend.

A backend may say of its work what it likes: the pipeline believes only what it ran itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from tta_interactive.runners.testgen.module import Source
from tta_interactive.runners.testgen.report import Suspicion
from tta_interactive.runners.testgen.scratch import Copied
from tta_interactive.runners.testgen.steps import Bench


@dataclass(frozen=True)
class Order:
    """What a backend is asked for."""

    source: Source
    copied: Copied
    seed: int
    seconds: float
    """Upper bound for this call, of time or of work."""
    most: int
    """No more tests than this."""
    missing: frozenset[int] = frozenset()
    """Lines that the tests kept so far do not reach; empty at the first call."""
    missing_branches: frozenset[tuple[int, int]] = frozenset()
    """Jumps that they never take, as (line, next line); a negative line: out of the function."""
    reached: frozenset[tuple[int, int]] = frozenset()
    """The pairs of lines that the tests so far run, one after the other."""
    round: int = 0


@dataclass(frozen=True)
class Generated:
    """What a backend brings."""

    text: str = ""
    """A file of tests; empty if nothing came to mind."""
    subjects: Mapping[str, str] = field(default_factory=dict[str, str])
    """Test -> what it is about, as `Class.method`: for its name and place in the file."""
    sharper: frozenset[str] = frozenset()
    """Tests that reach nothing new and fail where the others would not notice a change."""
    resets: str = ""
    """Fixtures, as Python text, that begin each test with the module as its import left it: for
    tests that stand behind others."""
    suspicious: tuple[Suspicion, ...] = ()
    work: float | None = None
    """Seconds of work, if the backend counts it: the same on any machine; else time counts."""
    was_cut_short: bool = False
    """Whether the clock ended it before the work was done: another run may bring other tests."""


class Backend(Protocol):
    """Writes a file of tests."""

    name: ClassVar[str]

    @property
    def version(self) -> str:
        """Another version may bring other tests."""
        ...

    def generate(self, bench: Bench, order: Order, progress: Callable[[float], None]) -> Generated:
        """Tests, as far as any came to mind.

        Args:
            bench: Where to run whatever executes the module.
            order: What is wanted.
            progress: Called with the fraction of the module's lines that were reached so far.
        """
        ...
