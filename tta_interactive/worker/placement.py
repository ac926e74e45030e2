"""Where attempts run: start one, stop one, and hear what became of it.

This is the seam behind which another engine can stand. The queue, its order and the record
stay in the store; a placement gets only what shall run now.
"""

from typing import Any, Protocol

from tta_interactive.store import Report
from tta_interactive.task import SandboxLevel, Task
from tta_interactive.worker.attempt import Outcome


class News(Protocol):
    """What a placement tells its worker."""

    def reported(self, report: Report) -> None:
        """The attempt runs, or has progressed."""
        ...

    def ended(
        self, task_id: str, attempt: int, outcome: Outcome, level: SandboxLevel | None
    ) -> None:
        """The attempt is over and every process of it is gone."""
        ...

    def lost(self, task_id: str, attempt: int, reason: str) -> None:
        """The attempt is over without an outcome; every process of it is gone."""
        ...

    def returned(self, task_id: str, attempt: int) -> None:
        """It was surely not begun, and does not have to wait here: to the queue with it."""
        ...

    def asked(self, task_id: str, attempt: int, key: str, question: object) -> None:
        """The attempt asks, in its own words, and waits for `answer`."""
        ...

    def withdrawn(self, task_id: str, attempt: int, key: str) -> None:
        """It does not wait for that answer any more."""
        ...

    def refused(self, task_id: str, attempt: int, reason: str) -> None:
        """Nothing was started; later it may be possible."""
        ...


class Placement(Protocol):
    """Runs attempts. Every call returns at once; the rest is news."""

    def place(self, task: Task) -> None:
        """Start the current attempt of a task that the store calls running."""
        ...

    def answer(self, task_id: str, attempt: int, message: dict[str, Any]) -> None:
        """Pass on an answer: `key` of the question, and its `value` or why it was `refused`."""
        ...

    def stop(self, task_id: str, attempt: int) -> None:
        """End every process of an attempt. Asked twice, or for one that is over: nothing."""
        ...
