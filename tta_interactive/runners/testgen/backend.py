"""Who writes tests: the promise of a backend, and where the names of backends are known.

A backend may say of its work what it likes: the pipeline believes only what it ran itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from tta_interactive.kinds.base import TaskFailure
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


# Name -> what it is, for those that other releases bring.
COMING = {
    "acp": "any coding agent that speaks the Agent Client Protocol",
    "llm": "a generate-and-repair loop over an OpenAI-compatible model",
    "openhands": "an OpenHands agent server",
    "pynguin": "the search-based generator Pynguin",
}
INSTALLED = ("native",)


def get_backend(name: str) -> Backend:
    """The backend of that name.

    Raises:
        TaskFailure: There is none; the words say which there are.
    """
    if name == "native":
        from tta_interactive.runners.testgen.native import NativeBackend

        return NativeBackend()
    if name in COMING:
        raise TaskFailure(
            "no_backend",
            f"The backend {name!r} ({COMING[name]}) is not part of this release, which has only "
            "'native'.",
            "Leave `backend` out, or set backend=native: it needs no model and no key.",
        )
    raise TaskFailure(
        "no_backend",
        f"There is no backend {name[:80]!r}.",
        f"This release has {', '.join(INSTALLED)}.",
    )
