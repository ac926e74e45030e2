"""Who submitted a task, in a reader's words: pure."""

from typing import Final

from tta_interactive.task import Task
from tta_interactive.text import one_line

OWNERS: Final = {"cli": "terminal", "python": "program"}
FIRST_OWNERS: Final = "first_owners"  # in the metadata of a retry


def all_owners(task: Task) -> list[str]:
    """Who submitted the task, and if it is a retry, who submitted what it repeats.

    Nobody can leave an owner out: what a submitter writes into the metadata only adds some.
    """
    earlier = task.metadata.get(FIRST_OWNERS, [] if "retry_of" not in task.metadata else None)
    if not isinstance(earlier, list):
        return [task.owner, "unknown"]
    return list(dict.fromkeys([task.owner, *map(str, earlier)]))


def owner_words(owner: str) -> str:
    """The door that submitted a task, in a reader's words."""
    if owner.startswith("mcp:"):
        return f"agent {one_line(owner.removeprefix('mcp:'), 40)}"
    return OWNERS.get(owner, one_line(owner, 40))
