"""Where tasks live: the promise, and who keeps it."""

from collections.abc import Callable
from pathlib import Path

from tta_interactive.store.protocol import Choices, Ending, Filter, Look, Report, TaskStore
from tta_interactive.store.sqlite import DAMAGED, SqliteStore

__all__ = [
    "DAMAGED",
    "Choices",
    "Ending",
    "Filter",
    "Look",
    "Report",
    "SqliteStore",
    "TaskStore",
    "open_store",
]


def open_store(home: Path, on_damage: Callable[[], None] | None = None) -> TaskStore:
    """The store in the directory `home`, made if there is none.

    Args:
        home: The state directory.
        on_damage: Called when the store turns out to be damaged; a worker then sets it aside.
    """
    return SqliteStore(home, on_damage=on_damage)
