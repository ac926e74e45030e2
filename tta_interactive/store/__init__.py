"""Where tasks live: the promise, and who keeps it."""

from pathlib import Path

from tta_interactive.store.protocol import Ending, Filter, Report, TaskStore
from tta_interactive.store.sqlite import DAMAGED, SqliteStore

__all__ = ["DAMAGED", "Ending", "Filter", "Report", "SqliteStore", "TaskStore", "open_store"]


def open_store(home: Path) -> TaskStore:
    """The store in the directory `home`, made if there is none."""
    return SqliteStore(home)
