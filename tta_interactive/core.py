"""What every door may ask of the one list of tasks, as far as no waiting is involved.

The async engine and its blocking twin both stand on this: it checks who asks, fills in what
the store needs to know, and rings the worker. Every method may wait for the disk.
"""

import codecs
import os
import sys
import threading
from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Final, Literal

from pydantic import JsonValue

from tta_interactive.errors import (
    ForbiddenError,
    InvalidRequestError,
    InvalidTransitionError,
    NoQuestionError,
    TaskNotFoundError,
)
from tta_interactive.event import Event
from tta_interactive.kinds.steps import MAX_STEPS
from tta_interactive.owner import FIRST_OWNERS, all_owners
from tta_interactive.question import Answer
from tta_interactive.request import TaskRequest, as_tasks
from tta_interactive.settings import read_settings
from tta_interactive.store import Choices, Filter, Look, TaskStore, open_store
from tta_interactive.task import Task, TaskStatus
from tta_interactive.watcher import Watcher
from tta_interactive.worker import logs, secret_values, values

Sees = Literal["all", "own"]
FOLLOW_SECONDS: Final = 0.2  # between looks at a growing file, only while somebody follows
# A file is written before the row that names it: a younger one may be somebody's who submits.
UNNAMED_FOR: Final = timedelta(hours=1)
MAX_LIST: Final = 1000
MAX_LOG_BYTES: Final = 64 * 1024 * 1024
FOLLOW_BYTES: Final = 1024 * 1024  # of output at once


def now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


class Core:
    """One door's view of one store."""

    def __init__(
        self,
        home: str | os.PathLike[str] | None = None,
        *,
        owner: str = "python",
        sees: Sees = "all",
        allow: Collection[str] | None = None,
    ) -> None:
        self.settings = read_settings(home)
        self.home = Path(os.path.abspath(self.settings.home))
        self.owner = owner
        self._only = owner if sees == "own" else None
        self._allow = None if allow is None else frozenset(allow)
        self._shared = _Shared.of(self.home)
        self._shared.used_by(self)
        self.store, self.watcher = self._shared.store, self._shared.watcher

    def submit(self, requests: Sequence[TaskRequest]) -> list[Task]:
        """Store the requests in one transaction and wake the worker."""
        for request in requests:
            self._check_allowed(request.kind)
        at = now()
        tasks = [
            task
            for request in requests
            for task in as_tasks(request, owner=self.owner, python=sys.executable, at=at)
        ]
        for task in tasks:
            if task.parent is not None:
                self._check_allowed(task.kind)
                continue  # and its steps come after one another
            for task_id in task.after:
                self.require(task_id)
        with self._confided(tasks):
            stored = self.store.add(tasks)
        self.watcher.ring()
        return [task for task in stored if task.parent is None]

    def _check_allowed(self, kind: str) -> None:
        if self._allow is not None and kind not in self._allow:
            allowed = ", ".join(sorted(self._allow)) or "none"
            raise ForbiddenError(
                f"Tasks of kind {kind[:80]!r} may not be submitted here. Allowed: {allowed}."
            )

    @contextmanager
    def _confided(self, tasks: Sequence[Task]) -> Generator[None]:
        """Keep the secrets of the tasks that are stored in this block."""
        if not any(task.secrets for task in tasks):
            yield
            return
        secret = {task.id: secret_values.read_own(task.secrets, os.environ)
                  for task in tasks if task.secrets}  # fmt: skip
        if self._allow is not None:
            raise ForbiddenError("Tasks from here may not be given secrets.")
        self.store.last_event()  # makes the directory, or says why not
        try:
            for task_id, values in secret.items():
                secret_values.keep(self.home, task_id, values)
            yield
        finally:
            # What is there already (same request key), or was refused, needs none.
            for task_id in secret.keys() - {task.id for task in self.store.get_many(secret)}:
                secret_values.forget(self.home, task_id)

    def resolve(self, wanted: str) -> str:
        """The id that is meant, if this door may see the task."""
        return self.store.resolve(wanted, self._only)

    def require(self, task_id: str) -> Task:
        """The task, if this door may see it; a foreign one is as unknown as none."""
        task = self.store.get(task_id)
        if self._only is not None and task.owner != self._only:
            raise TaskNotFoundError(task_id)
        return task

    def status(self, wanted: str) -> Task:
        """The task as it stands; where it is not over, somebody works on it."""
        return self._attended([self.store.get(self.resolve(wanted))])[0]

    def cancel(self, wanted: str) -> Task:
        task = self.store.request_cancel(self.resolve(wanted), now())
        self.watcher.ring()
        return task

    def answer(self, wanted: str, value: JsonValue, *, key: str | None = None) -> Task:
        task = self.store.get(self.resolve(wanted))
        question = task.open_question
        if question is None or task.cancel_requested_at or key not in (None, question.key):
            raise _not_asked(task)
        value = question.checked(value)
        how = "declined" if value is None else "answered"
        given = Answer(value=value, how=how, by=self.owner, at=now())
        if not self.store.answer(task.id, task.attempt, question.key, given, given.at):
            raise _not_asked(self.store.get(task.id))
        self.watcher.ring()
        return self.store.get(task.id)

    def retry(self, wanted: str) -> str:
        """Submit a finished task again, as a new one."""
        old = self.status(wanted)
        if not old.is_final:
            raise InvalidTransitionError(old.id, old.status, "retried", ["cancelled"])
        again = TaskRequest.checked(
            kind=old.kind,
            params=old.params,
            label=old.label,
            workspace=old.workspace,
            priority=old.priority,
            timeout=old.timeout,
            max_attempts=old.max_attempts,
            idempotent=old.idempotent,
            sandbox=old.sandbox,
            python=old.python,
            environment=old.environment,
            secrets=old.secrets,
            metadata={**old.metadata, "retry_of": old.id, FIRST_OWNERS: [*all_owners(old)]},
        )
        return self.submit([again])[0].id

    def find(
        self,
        *,
        statuses: Collection[TaskStatus] | None = None,
        kind: str | None = None,
        owner: str | None = None,
        limit: int = 50,
        before_seq: int | None = None,
        with_steps: bool = True,
    ) -> list[Task]:
        """Tasks that this door may see, the newest first."""
        if not 1 <= limit <= MAX_LIST:
            raise InvalidRequestError(f"limit is {limit}. Give a number from 1 to {MAX_LIST}.")
        if self._only is not None and owner not in (None, self._only):
            return []
        only = Filter(
            statuses=statuses,
            kind=kind,
            owner=self._only or owner,
            without_steps=not with_steps,
            limit=limit,
            before_seq=before_seq,
        )
        return self._attended(self.store.find(only))

    def steps(self, wanted: str) -> list[Task]:
        """The steps of a task, each behind those that it comes after."""
        only = Filter(parent=self.resolve(wanted), owner=self._only, limit=MAX_STEPS)
        return self._attended(self.store.find(only))[::-1]

    def _attended(self, tasks: list[Task]) -> list[Task]:
        """The tasks; a worker that died while one of them is open is replaced."""
        if any(not task.is_final for task in tasks):
            self.watcher.revive()
        return tasks

    def look(self, wish: Look) -> tuple[list[Task], int]:
        """One page of the tasks that this door may see, and how many pass the filters."""
        if self._only is not None:
            if wish.owner not in ("", self._only):
                return [], 0
            wish = replace(wish, owner=self._only)
        tasks, total = self.store.look(wish, now())
        return self._attended(tasks), total

    def choices(self) -> Choices:
        """What the newest tasks can be filtered by."""
        return self.store.choices(self._only)

    def counts(self) -> dict[str, int]:
        """How many tasks there are, by status; every status is named."""
        found = self.store.counts(self._only)
        return {status.value: found.get(status, 0) for status in TaskStatus}

    def logs(self, wanted: str, *, tail_lines: int | None = None, max_bytes: int = 65536) -> str:
        """The newest output of the current attempt: raw, hostile text."""
        if not 1 <= max_bytes <= MAX_LOG_BYTES:
            raise InvalidRequestError(
                f"max_bytes is {max_bytes}. Give a number from 1 to {MAX_LOG_BYTES}."
            )
        task = self.status(wanted)
        text = logs.read(self.home, task.id, task.attempt, max_bytes).decode("utf-8", "replace")
        if tail_lines is None:
            return text
        if tail_lines < 0:
            raise InvalidRequestError(f"tail_lines is {tail_lines}. Give 0 or more.")
        return "".join(text.splitlines(keepends=True)[-tail_lines:]) if tail_lines else ""

    def follow(self, wanted: str, tail_lines: int | None = None) -> "Follower":
        """A reader of the task's output that goes on where it stopped."""
        return Follower(self, self.resolve(wanted), tail_lines)

    def visible_events(
        self, after: int, limit: int, task_ids: frozenset[str] | None
    ) -> tuple[list[Event], int, bool]:
        """Events after a number: those to show, the last number read, whether there are more."""
        events = self.store.events_after(after, limit)
        shown = [e for e in events if task_ids is None or e.task_id in task_ids]
        if self._only is not None and shown:
            tasks = self.store.get_many({event.task_id for event in shown})
            mine = {task.id for task in tasks if task.owner == self._only}
            shown = [event for event in shown if event.task_id in mine]
        return shown, events[-1].seq if events else after, len(events) == limit

    def collect_garbage(self, older_than: timedelta, *, dry_run: bool = False) -> list[Task]:
        """Remove final tasks that finished longer ago, with their files."""
        try:
            before = now() - older_than
        except OverflowError:
            return []  # nothing is as old
        if dry_run:
            final = [status for status in TaskStatus if status.is_final]
            found = self.store.find(Filter(statuses=final, limit=1_000_000))
            return [task for task in found if task.finished_at and task.finished_at < before]
        gone: list[Task] = []
        while some := self.store.remove_finished(before):
            for task in some:
                logs.remove(self.home, task.id, task.attempt)
            gone.extend(some)
        self._collect_unnamed(now() - max(older_than, UNNAMED_FOR))
        return gone

    def _collect_unnamed(self, before: datetime) -> None:
        """Remove files that belong to no task: a kill left them, or a restored backup."""
        self.store.remove_unnamed(before)
        if values.any_old(self.home, before.timestamp()):
            # Here: the kind's models take 20 ms to build, and few need them.
            from tta_interactive.kinds.python import carried_files  # noqa: PLC0415

            cells = self.store.find(Filter(kind="python", limit=1_000_000))
            values.remove_old(self.home, before.timestamp(), carried_files(cells))
        found = logs.ids_of_old(self.home, before.timestamp())
        for task_id in found.keys() - self.store.existing(found):
            for directory in found[task_id]:
                logs.remove_directory(directory)

    def close(self) -> None:
        """Let go of the store, unless another engine of this process uses it."""
        self._shared.release(self)


def _not_asked(task: Task) -> NoQuestionError:
    if task.cancel_requested_at is not None and not task.is_final:
        return NoQuestionError(task.id, task.status, "withdrawn: it is being cancelled")
    if task.open_question is not None:
        return NoQuestionError(task.id, task.status, "followed by another one")
    answer = task.question.answer if task.question is not None else None
    if answer is None:
        return NoQuestionError(task.id, task.status)
    return NoQuestionError(task.id, task.status, answer.how, answer.by)


class _Shared:
    """The store and the watcher of one directory: one each a process, however many engines."""

    _known: ClassVar[dict[Path, "_Shared"]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, home: Path) -> None:
        self._home = home
        self.store: TaskStore = open_store(home, self._damage_met)
        self.watcher = Watcher(home, self.store)
        self._users: set[int] = set()

    def _damage_met(self) -> None:
        self.watcher.start_worker()  # which sets the database aside

    @classmethod
    def of(cls, home: Path) -> "_Shared":
        """The one of `home`; whoever uses it says so with `used_by`."""
        with cls._lock:
            return cls._known.setdefault(home, cls(home))

    def used_by(self, user: object) -> None:
        """Keep it open for `user`."""
        with self._lock:
            self._users.add(id(user))

    def release(self, user: object) -> None:
        """Close it when nobody uses it any more; the next use opens it again."""
        with self._lock:
            self._users.discard(id(user))
            if self._users:
                return
        # Who waits is a user too, also when its own engine was closed meanwhile.
        if self.watcher.close():
            self.store.close()


class Follower:
    """Reads the output of a task bit by bit; from the start again when it is tried again."""

    def __init__(self, core: Core, task_id: str, tail_lines: int | None) -> None:
        self._core, self._task_id = core, task_id
        self._tail_lines = tail_lines
        self._attempt: int = 0
        self._offset = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.is_over = False

    def read(self) -> str:
        """What came since the last call. Sets `is_over` when nothing will follow."""
        task = self._core.store.get(self._task_id)
        if task.attempt != self._attempt:
            self._attempt, self._offset = task.attempt, 0
            self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        data = self._next(task)
        if self._tail_lines is not None:  # of what is there by now; what comes is read whole
            more = data
            while len(more) >= FOLLOW_BYTES:
                more = self._next(task)
                data = (data + more)[-FOLLOW_BYTES:]
            lines = data.splitlines(keepends=True)
            data = b"".join(lines[max(0, len(lines) - self._tail_lines) :])
            self._tail_lines = None
        self.is_over = task.is_final and not data
        return self._decoder.decode(data, final=self.is_over)

    def _next(self, task: Task) -> bytes:
        data, self._offset = logs.read_from(
            self._core.home, task.id, task.attempt, self._offset, FOLLOW_BYTES
        )
        return data
