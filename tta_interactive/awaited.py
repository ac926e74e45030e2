"""What a wait needs to know of its tasks: each is read when it is over or asks, and not before."""

import threading
from collections.abc import Sequence

from tta_interactive.errors import TaskNotFoundError
from tta_interactive.store import TaskStore
from tta_interactive.task import Task


class Awaited:
    """The tasks of one wait.

    Args:
        store: Where they are.
        ids: Which.
        questions: Whether a question ends the wait too.
    """

    def __init__(self, store: TaskStore, ids: Sequence[str], *, questions: bool = False) -> None:
        self._store, self._ids, self._questions = store, ids, questions
        self._tasks: dict[str, Task] = {}
        self._open = set(ids)
        self._over: set[str] | None = None  # and to be read; None: not known
        self._lock = threading.Lock()

    def note(self, over: frozenset[str]) -> None:
        """Remember what is over, or asks; from the watcher's thread."""
        with self._lock:
            if self._over is not None:
                self._over |= over

    def read(self) -> None:
        """Read what is over, or asked, since the last time.

        Raises:
            TaskNotFoundError: One of the tasks was removed.
        """
        with self._lock:
            wanted, self._over = self._over, set[str]()
        if wanted is None:
            known = self._store.are_over(self._open)
            for task_id in self._open - known.keys():
                raise TaskNotFoundError(task_id)
            wanted = {i for i, is_over in known.items() if is_over or self._questions}
        found = self._found(wanted)
        self._tasks.update(found)
        self._open -= {task.id for task in found.values() if task.is_final}

    def tasks(self) -> list[Task]:
        """All of them, in the order of the ids; those that are not over as they stand now."""
        self._tasks.update(self._found(self._open))
        return [self._tasks[task_id] for task_id in self._ids]

    def _found(self, wanted: set[str]) -> dict[str, Task]:
        found = {task.id: task for task in self._store.get_many(wanted)} if wanted else {}
        for task_id in wanted - found.keys():
            raise TaskNotFoundError(task_id)
        return found

    def is_enough(self, *, every: bool) -> bool:
        """Whether all of them (`every`) or any of them are over; of none, all are."""
        if self._questions and any(task.open_question for task in self._tasks.values()):
            return True
        return not self._open or not (every or len(self._open) == len(set(self._ids)))
