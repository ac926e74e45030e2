"""Times, statuses and moves that the tests of all stores share."""

from datetime import timedelta
from typing import Any

from tests.conftest import NOON, a_task
from tta_interactive.store import Ending, TaskStore
from tta_interactive.task import Task, TaskError, TaskStatus

SOON = NOON + timedelta(seconds=3)
LATER = NOON + timedelta(seconds=9)
Q, R, C, F, X = (
    TaskStatus.QUEUED,
    TaskStatus.RUNNING,
    TaskStatus.COMPLETED,
    TaskStatus.FAILED,
    TaskStatus.CANCELLED,
)
BROKEN = TaskError(code="error", message="It exited with 2.")


def started(store: TaskStore, **facts: Any) -> Task:
    store.add([a_task(**facts)])
    return store.exchange([], 1, SOON)[0]


def end(store: TaskStore, task: Task, status: TaskStatus = C, **facts: Any) -> None:
    ending = Ending(task_id=task.id, attempt=task.attempt, status=status, **facts)
    store.exchange([ending], 0, LATER)
