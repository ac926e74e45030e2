"""The backends by name: those that are here, and those that are known and are not."""

from collections.abc import Callable

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.backend import Backend
from tta_interactive.runners.testgen.native import NativeBackend
from tta_interactive.runners.testgen.pynguin import PynguinBackend

# Name -> what it is, for those that other releases bring.
COMING = {
    "acp": "any coding agent that speaks the Agent Client Protocol",
    "llm": "a generate-and-repair loop over an OpenAI-compatible model",
    "openhands": "an OpenHands agent server",
}
INSTALLED: dict[str, Callable[[], Backend]] = {
    "native": NativeBackend,
    "pynguin": PynguinBackend,
}


def get_backend(name: str) -> Backend:
    """The backend of that name.

    Raises:
        TaskFailure: There is none, or it lacks what it needs; the words say what to do.
    """
    if name in INSTALLED:
        return INSTALLED[name]()
    if name in COMING:
        raise TaskFailure(
            "no_backend",
            f"The backend {name!r} ({COMING[name]}) is not part of this release, which has "
            f"{', '.join(map(repr, INSTALLED))}.",
            "Leave `backend` out, or set backend=native: it needs no model and no key.",
        )
    raise TaskFailure(
        "no_backend",
        f"There is no backend {name[:80]!r}.",
        f"This release has {', '.join(INSTALLED)}.",
    )
