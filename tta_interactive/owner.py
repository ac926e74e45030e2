"""Who submitted a task, in a reader's words: pure."""

from typing import Final

from tta_interactive.text import one_line

OWNERS: Final = {"cli": "terminal", "python": "program"}


def owner_words(owner: str) -> str:
    """The door that submitted a task, in a reader's words."""
    if owner.startswith("mcp:"):
        return f"agent {one_line(owner.removeprefix('mcp:'), 40)}"
    return OWNERS.get(owner, one_line(owner, 40))
