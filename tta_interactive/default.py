"""The blocking engine of this process, as plain functions: for scripts and notebooks."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import JsonValue

from tta_interactive.blocking import BlockingEngine
from tta_interactive.event import Event
from tta_interactive.request import TaskRequest
from tta_interactive.task import Task


@cache
def engine() -> BlockingEngine:
    """The engine of the default store, made at the first call."""
    return BlockingEngine()


def submit(
    kind: str | TaskRequest, params: Mapping[str, JsonValue] | None = None, /, **options: Any
) -> str:
    """Submit one task and return its id at once; see `ExecutionEngine.submit`."""
    return engine().submit(kind, params, **options)


def submit_many(requests: Sequence[TaskRequest]) -> list[str]:
    """Submit all or none; see `ExecutionEngine.submit_many`."""
    return engine().submit_many(requests)


def status(task_id: str) -> Task:
    """The task as it stands; see `ExecutionEngine.status`."""
    return engine().status(task_id)


def wait(task_id: str, timeout: float | None = None, *, check: bool = False) -> Task:
    """Wait until the task is over, or the time is; see `ExecutionEngine.wait`."""
    return engine().wait(task_id, timeout, check=check)


def wait_any(task_ids: Collection[str], timeout: float | None = None) -> list[Task]:
    """Wait until one of the tasks is over; see `ExecutionEngine.wait_any`."""
    return engine().wait_any(task_ids, timeout)


def wait_all(task_ids: Collection[str], timeout: float | None = None) -> list[Task]:
    """Wait until all tasks are over; see `ExecutionEngine.wait_all`."""
    return engine().wait_all(task_ids, timeout)


def cancel(task_id: str) -> Task:
    """Ask for the end of a task; see `ExecutionEngine.cancel`."""
    return engine().cancel(task_id)


def answer(task_id: str, value: JsonValue, *, key: str | None = None) -> Task:
    """Answer a task's question; see `ExecutionEngine.answer`."""
    return engine().answer(task_id, value, key=key)


def list_tasks(**only: Any) -> list[Task]:
    """Tasks, the newest first; see `ExecutionEngine.list`."""
    return engine().list(**only)


def logs(task_id: str, *, tail_lines: int | None = None, max_bytes: int = 65536) -> str:
    """The newest output of a task; see `ExecutionEngine.logs`."""
    return engine().logs(task_id, tail_lines=tail_lines, max_bytes=max_bytes)


def watch(task_ids: Collection[str] | None = None, *, since: int | None = None) -> Iterator[Event]:
    """Events as they happen; see `ExecutionEngine.watch`."""
    return engine().watch(task_ids, since=since)
