"""The engine for code that cannot await: notebooks, scripts, threads.

Every call may be made from any thread, also while an event loop runs in it: nothing here
needs a loop, so nothing can be nested. A wait sleeps on a lock that Ctrl-C interrupts at
once; the task goes on.
"""

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from pydantic import JsonValue

from tta_interactive.awaited import Awaited
from tta_interactive.checks import checked_end, checked_request, checked_timeout
from tta_interactive.core import (
    FOLLOW_SECONDS,
    Core,
    Sees,
)
from tta_interactive.event import Event
from tta_interactive.request import TaskRequest
from tta_interactive.store import Choices, Look
from tta_interactive.task import Task, TaskStatus

EVENTS_AT_ONCE = 500


class BlockingEngine:
    """The blocking twin of `ExecutionEngine`: same names, arguments and errors."""

    def __init__(
        self,
        home: str | os.PathLike[str] | None = None,
        *,
        owner: str = "python",
        sees: Sees = "all",
        allow: Collection[str] | None = None,
    ) -> None:
        self._core = Core(home, owner=owner, sees=sees, allow=allow)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store; a later call opens it again."""
        self._core.close()

    @property
    def home(self) -> Path:
        """The store's directory."""
        return self._core.home

    @property
    def worker_problem(self) -> str:
        """Why no worker could be started, as a sentence; empty if none is known."""
        return self._core.watcher.problem

    def check_worker(self) -> None:
        """Raise `WorkerDiesError` while the worker dies at each start: waiting is of no use."""
        self._core.watcher.check_worker()

    def submit(
        self,
        kind: str | TaskRequest,
        params: Mapping[str, JsonValue] | None = None,
        /,
        **options: Any,
    ) -> str:
        """As `ExecutionEngine.submit`."""
        return self.submit_many([checked_request(kind, params, options)])[0]

    def submit_many(self, requests: Sequence[TaskRequest]) -> list[str]:
        """As `ExecutionEngine.submit_many`."""
        return [task.id for task in self._core.submit(requests)]

    def status(self, task_id: str) -> Task:
        """As `ExecutionEngine.status`."""
        return self._core.status(task_id)

    def wait(self, task_id: str, timeout: float | None = None, *, check: bool = False) -> Task:
        """As `ExecutionEngine.wait`. Ctrl-C ends the waiting, not the task."""
        task = self.wait_all([task_id], timeout)[0]
        return checked_end(task, timeout) if check else task

    def wait_any(
        self, task_ids: Collection[str], timeout: float | None = None, *, questions: bool = False
    ) -> list[Task]:
        """As `ExecutionEngine.wait_any`."""
        tasks = self._wait(task_ids, timeout, every=False, questions=questions)
        return [task for task in tasks if task.is_final or (questions and task.open_question)]

    def wait_all(
        self, task_ids: Collection[str], timeout: float | None = None, *, questions: bool = False
    ) -> list[Task]:
        """As `ExecutionEngine.wait_all`."""
        return self._wait(task_ids, timeout, every=True, questions=questions)

    def _wait(
        self,
        wanted: Collection[str],
        timeout: float | None,
        *,
        every: bool,
        questions: bool,
    ) -> list[Task]:
        checked_timeout(timeout)
        deadline = None if timeout is None else time.monotonic() + timeout
        ids = [self._core.resolve(one) for one in wanted]
        moved = threading.Event()
        awaited = Awaited(self._core.store, ids, questions=questions)

        def note(task_ids: frozenset[str]) -> None:
            awaited.note(task_ids)
            moved.set()

        with self._core.watcher.subscribed(note, set(ids), ends_only=True):
            while True:
                moved.clear()
                awaited.read()
                rest = None if deadline is None else deadline - time.monotonic()
                if awaited.is_enough(every=every) or (rest is not None and rest <= 0):
                    return awaited.tasks()
                self._core.watcher.check_worker()
                moved.wait(None if rest is None else min(rest, threading.TIMEOUT_MAX))

    def cancel(self, task_id: str) -> Task:
        """As `ExecutionEngine.cancel`."""
        return self._core.cancel(task_id)

    def answer(self, task_id: str, value: JsonValue, *, key: str | None = None) -> Task:
        """As `ExecutionEngine.answer`."""
        return self._core.answer(task_id, value, key=key)

    def retry(self, task_id: str) -> str:
        """As `ExecutionEngine.retry`."""
        return self._core.retry(task_id)

    def list(
        self,
        *,
        statuses: Collection[TaskStatus] | None = None,
        kind: str | None = None,
        owner: str | None = None,
        limit: int = 50,
        before_seq: int | None = None,
        with_steps: bool = True,
    ) -> list[Task]:
        """As `ExecutionEngine.list`."""
        return self._core.find(
            statuses=statuses,
            kind=kind,
            owner=owner,
            limit=limit,
            before_seq=before_seq,
            with_steps=with_steps,
        )

    def steps(self, task_id: str) -> Sequence[Task]:
        """As `ExecutionEngine.steps`."""
        return self._core.steps(task_id)

    def look(self, wish: Look) -> tuple[Sequence[Task], int]:
        """The tasks of one page of a board, and how many pass its filters."""
        return self._core.look(wish)

    def choices(self) -> Choices:
        """The kinds, owners and workspaces that a board can be filtered by."""
        return self._core.choices()

    def counts(self) -> dict[str, int]:
        """As `ExecutionEngine.counts`."""
        return self._core.counts()

    def logs(self, task_id: str, *, tail_lines: int | None = None, max_bytes: int = 65536) -> str:
        """As `ExecutionEngine.logs`."""
        return self._core.logs(task_id, tail_lines=tail_lines, max_bytes=max_bytes)

    def collect_garbage(self, older_than: timedelta, *, dry_run: bool = False) -> Sequence[Task]:
        """Remove final tasks that finished longer ago, with their files; those tasks."""
        return self._core.collect_garbage(older_than, dry_run=dry_run)

    def subscribe(
        self,
        callback: Callable[[frozenset[str]], None],
        task_ids: Collection[str] | None = None,
    ) -> Callable[[], None]:
        """Call `callback` with the ids that moved, until the returned function is called.

        It runs in the watcher's thread and must only hand over. Ids of tasks that this
        door may not see can be among them when `task_ids` is None: look with `status`.
        """
        return self._core.watcher.subscribe(callback, task_ids)

    def watch(
        self, task_ids: Collection[str] | None = None, *, since: int | None = None
    ) -> Iterator[Event]:
        """As `ExecutionEngine.watch`."""
        core = self._core
        seen = core.store.last_event() if since is None else since
        wanted = None if task_ids is None else frozenset(task_ids)
        moved = threading.Event()
        with core.watcher.subscribed(lambda _: moved.set(), wanted):
            while True:
                moved.clear()
                events, seen, more = core.visible_events(seen, EVENTS_AT_ONCE, wanted)
                yield from events
                if not more:
                    moved.wait()

    def follow_logs(self, task_id: str, tail_lines: int | None = None) -> Iterator[str]:
        """As `ExecutionEngine.follow_logs`."""
        follower = self._core.follow(task_id, tail_lines)
        while not follower.is_over:
            if text := follower.read():
                yield text
            elif not follower.is_over:
                time.sleep(FOLLOW_SECONDS)
