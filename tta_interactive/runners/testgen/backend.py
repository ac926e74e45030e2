"""Who writes tests: the promise of a backend.

A backend may say of its work what it likes: the pipeline believes only what it ran itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from tta_interactive.runners.testgen.module import Source
from tta_interactive.runners.testgen.scratch import Copied
from tta_interactive.runners.testgen.steps import Bench


@dataclass(frozen=True)
class Order:
    """What a backend is asked for."""

    source: Source
    copied: Copied
    seed: int
    seconds: float
    """Upper bound for this call."""
    most: int
    """No more tests than this."""
    missing: frozenset[int] = frozenset()
    """Lines that the tests kept so far do not reach; empty at the first call."""
    round: int = 0


class Backend(Protocol):
    """Writes a file of tests."""

    name: ClassVar[str]
    version: ClassVar[str]

    def generate(self, bench: Bench, order: Order, progress: Callable[[float], None]) -> str:
        """The text of a test file; empty if nothing came to mind.

        Args:
            bench: Where to run whatever executes the module.
            order: What is wanted.
            progress: Called with the fraction of the module's lines that were reached so far.
        """
        ...
