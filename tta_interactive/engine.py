"""The engine: all that a door may ask, for code that can await.

It runs on asyncio and on trio. The disk is only touched in threads; waiting costs nothing
but an entry in the watcher, however many wait.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from typing import Any, Self

import anyio
from anyio import to_thread
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
from tta_interactive.task import Task, TaskStatus

EVENTS_AT_ONCE = 500


class ExecutionEngine:
    """One door to the list of background tasks.

    Args:
        home: The store's directory; default: `TTA_HOME`, else the platform's state directory.
        owner: Who submits: `python`, `notebook`, `cli` or `mcp:<principal>`.
        sees: `own`: other owners' tasks are as unknown as none.
        allow: The kinds that may be submitted; None: all.

    Example:
        async with ExecutionEngine() as engine:
            task_id = await engine.submit("shell", {"argv": ["pytest", "-q"]})
            task = await engine.wait(task_id, timeout=60)
    """

    def __init__(
        self,
        home: str | os.PathLike[str] | None = None,
        *,
        owner: str = "python",
        sees: Sees = "all",
        allow: Collection[str] | None = None,
    ) -> None:
        self._core = Core(home, owner=owner, sees=sees, allow=allow)

    @property
    def home(self) -> os.PathLike[str]:
        """The store's directory."""
        return self._core.home

    async def __aenter__(self) -> Self:
        await to_thread.run_sync(self._core.store.last_event)  # opens it, or says why not
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(self._core.close)

    @property
    def worker_problem(self) -> str:
        """Why no worker could be started, as a sentence; empty if none is known."""
        return self._core.watcher.problem

    async def submit(
        self,
        kind: str | TaskRequest,
        params: Mapping[str, JsonValue] | None = None,
        /,
        **options: Any,
    ) -> str:
        """Submit one task and return its id at once. The task is stored durably by then.

        Args:
            kind: The kind's name, or a whole request.
            params: What the kind needs.
            options: Any other field of `TaskRequest`, such as `priority="high"`; any other
                name is one of the params.

        Raises:
            RequestError: It cannot be accepted; nothing was stored.
            StoreError: The store cannot serve.
        """
        return (await self.submit_many([checked_request(kind, params, options)]))[0]

    async def submit_many(self, requests: Sequence[TaskRequest]) -> list[str]:
        """Submit all of the requests or none, in one transaction; their ids in order."""
        tasks = await to_thread.run_sync(self._core.submit, requests)
        return [task.id for task in tasks]

    async def status(self, task_id: str) -> Task:
        """The task as it stands; never waits for it.

        Args:
            task_id: An id, a unique prefix of one, or a label (its newest task).

        Raises:
            TaskNotFoundError, AmbiguousTaskError: No task, or several, are meant.
        """
        return await to_thread.run_sync(self._core.status, task_id)

    async def wait(
        self, task_id: str, timeout: float | None = None, *, check: bool = False
    ) -> Task:
        """Wait until the task is over and return it; after the time-out, as it then stands.

        Args:
            task_id: As for `status`.
            timeout: Seconds; None: for ever; 0: do not wait. The task goes on anyway.
            check: Raise unless it completed.

        Raises:
            TaskFailedError: `check`, and it failed or was cancelled.
            WaitTimeoutError: `check`, and it is not over.
            WorkerDiesError: Nobody can work on it: the worker dies at each start.
        """
        task = (await self.wait_all([task_id], timeout))[0]
        return checked_end(task, timeout) if check else task

    async def wait_any(
        self, task_ids: Collection[str], timeout: float | None = None, *, questions: bool = False
    ) -> list[Task]:
        """Wait until one of the tasks is over; those that are. Empty after the time-out.

        Args:
            task_ids: As for `status`, several.
            timeout: As for `wait`.
            questions: Stop waiting also when one asks a question; it is then among them.
        """
        tasks = await self._wait(task_ids, timeout, every=False, questions=questions)
        return [task for task in tasks if task.is_final or (questions and task.open_question)]

    async def wait_all(
        self, task_ids: Collection[str], timeout: float | None = None, *, questions: bool = False
    ) -> list[Task]:
        """Wait until all of the tasks are over; all of them, in order, some perhaps not over.

        Args:
            task_ids: As for `status`, several.
            timeout: As for `wait`.
            questions: Stop waiting also when one of them asks a question.
        """
        return await self._wait(task_ids, timeout, every=True, questions=questions)

    async def _wait(
        self,
        wanted: Collection[str],
        timeout: float | None,
        *,
        every: bool,
        questions: bool,
    ) -> list[Task]:
        checked_timeout(timeout)
        deadline = anyio.current_time() + (float("inf") if timeout is None else timeout)
        ids = await to_thread.run_sync(lambda: [self._core.resolve(one) for one in wanted])
        awaited = Awaited(self._core.store, ids, questions=questions)
        async with _Bell(self._core, set(ids), awaited.note, ends_only=True) as bell:
            while True:
                bell.clear()
                await to_thread.run_sync(awaited.read)
                rest = deadline - anyio.current_time()
                if awaited.is_enough(every=every) or rest <= 0:
                    return await to_thread.run_sync(awaited.tasks)
                await to_thread.run_sync(self._core.watcher.check_worker)
                with anyio.move_on_after(rest):
                    await bell.wait()

    async def cancel(self, task_id: str) -> Task:
        """Ask for the end of a task: a queued one is cancelled at once, a running one when
        every process of it is gone. The task as it then stands."""
        return await to_thread.run_sync(self._core.cancel, task_id)

    async def answer(self, task_id: str, value: JsonValue, *, key: str | None = None) -> Task:
        """Answer the question that a task waits with; the task as it then stands.

        Args:
            task_id: As for `status`.
            value: A text, one of the choices, or an object for a form; None: no answer.
            key: Of the question that is meant; None: the one that is open.

        Raises:
            InvalidRequestError: The answer does not fit the question, which stays open.
            NoQuestionError: It asks nothing, or was answered already.
        """
        return await to_thread.run_sync(lambda: self._core.answer(task_id, value, key=key))

    async def retry(self, task_id: str) -> str:
        """Submit a finished task again; the new task's id."""
        return await to_thread.run_sync(self._core.retry, task_id)

    async def list(
        self,
        *,
        statuses: Collection[TaskStatus] | None = None,
        kind: str | None = None,
        owner: str | None = None,
        limit: int = 50,
        before_seq: int | None = None,
        with_steps: bool = True,
    ) -> list[Task]:
        """Tasks, the newest first; results over 64 KiB are left out of them.

        Args:
            statuses: Only tasks of these.
            kind: Only of this kind.
            owner: Only of this owner.
            limit: At most so many.
            before_seq: Only older ones than that of this number.
            with_steps: Whether to list steps of other tasks too.
        """
        return await to_thread.run_sync(
            lambda: self._core.find(
                statuses=statuses,
                kind=kind,
                owner=owner,
                limit=limit,
                before_seq=before_seq,
                with_steps=with_steps,
            )
        )

    async def steps(self, task_id: str) -> Sequence[Task]:
        """The steps of a task, each behind those that it comes after; empty if it has none."""
        return await to_thread.run_sync(self._core.steps, task_id)

    async def counts(self) -> dict[str, int]:
        """How many tasks there are, by the word of their status."""
        return await to_thread.run_sync(self._core.counts)

    async def logs(
        self, task_id: str, *, tail_lines: int | None = None, max_bytes: int = 65536
    ) -> str:
        """The newest output of a task, undecodable bytes replaced. Untrusted text: escape it."""
        return await to_thread.run_sync(
            lambda: self._core.logs(task_id, tail_lines=tail_lines, max_bytes=max_bytes)
        )

    async def last_event(self) -> int:
        """The number of the newest event: `watch(since=...)` misses nothing after this call."""
        return await to_thread.run_sync(self._core.store.last_event)

    async def watch(
        self, task_ids: Collection[str] | None = None, *, since: int | None = None
    ) -> AsyncGenerator[Event, None]:
        """Events as they happen, without end. Leave it early with `contextlib.aclosing`.

        Args:
            task_ids: Ids of the tasks of interest; None: all that this door may see.
            since: Begin after the event of that number; None: from now on.
        """
        core = self._core
        seen = await to_thread.run_sync(core.store.last_event) if since is None else since
        wanted = None if task_ids is None else frozenset(task_ids)
        async with _Bell(core, wanted) as bell:
            while True:
                bell.clear()
                events, seen, more = await to_thread.run_sync(
                    core.visible_events, seen, EVENTS_AT_ONCE, wanted
                )
                for event in events:
                    yield event
                if not more:
                    await bell.wait()

    async def follow_logs(
        self, task_id: str, tail_lines: int | None = None
    ) -> AsyncGenerator[str, None]:
        """The output of a task's current attempt as it grows, until the task is over.

        Args:
            task_id: The task.
            tail_lines: Of what it has written by now only the last lines; None: all.
        """
        follower = await to_thread.run_sync(self._core.follow, task_id, tail_lines)
        while not follower.is_over:
            if text := await to_thread.run_sync(follower.read):
                yield text
            elif not follower.is_over:
                await anyio.sleep(FOLLOW_SECONDS)


class _Bell:
    """An event in the running loop that the watcher's thread rings."""

    def __init__(
        self,
        core: Core,
        task_ids: Collection[str] | None,
        note: Callable[[frozenset[str]], None] | None = None,
        *,
        ends_only: bool = False,
    ) -> None:
        self._watcher = core.watcher
        self._note = note
        self._task_ids, self._ends_only = task_ids, ends_only
        self._event = anyio.Event()
        self._call_soon = _thread_safe_caller()
        self._rung = threading.Event()
        self._lock = threading.Lock()
        self._end: Callable[[], None] | None = None
        self._is_left = False

    async def __aenter__(self) -> Self:
        try:
            await to_thread.run_sync(self._subscribe)
        except BaseException:
            # Cancelled from outside, asyncio leaves the thread behind: it must undo its work.
            self._leave()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def _subscribe(self) -> None:
        end = self._watcher.subscribe(self._ring, self._task_ids, ends_only=self._ends_only)
        with self._lock:
            if not self._is_left:
                self._end = end
                return
        end()

    def _leave(self) -> None:
        with self._lock:
            self._is_left = True
            end, self._end = self._end, None
        if end is not None:
            end()

    def clear(self) -> None:
        self._rung.clear()
        self._event = anyio.Event()

    async def wait(self) -> None:
        await self._event.wait()

    def _ring(self, moved: frozenset[str]) -> None:
        if self._note is not None:
            self._note(moved)
        if not self._rung.is_set():  # one wake-up for many moves
            self._rung.set()
            self._call_soon(self._set)

    def _set(self) -> None:
        self._event.set()


def _thread_safe_caller() -> Callable[[Callable[[], object]], object]:
    """How another thread makes the running loop call a function, without waiting for it.

    `anyio.from_thread` waits for the answer: one busy loop would stop the watcher for all.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        import trio  # noqa: PLC0415  (only there where the caller runs it)

        return trio.lowlevel.current_trio_token().run_sync_soon

    def call_soon(function: Callable[[], object]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits there
            loop.call_soon_threadsafe(function)

    return call_soon
