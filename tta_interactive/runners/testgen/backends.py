"""The backends by name: those that are here, and those that are known and are not."""

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.backend import Backend
from tta_interactive.runners.testgen.native import NativeBackend

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
