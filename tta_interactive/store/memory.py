"""The promise of `TaskStore`, kept in a dict: for tests and for reading."""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Concatenate, ParamSpec, TypeVar

from tta_interactive.errors import RequestKeyError, TaskNotFoundError
from tta_interactive.event import Event, EventKind
from tta_interactive.question import Answer, Question
from tta_interactive.settings import AGENT_SLOTS
from tta_interactive.store.memory_look import choices, found, page, resolved
from tta_interactive.store.protocol import Choices, Ending, Filter, Look, Report
from tta_interactive.store.rows import request_hash
from tta_interactive.task import AGENT, Task, TaskError, TaskStatus

P = ParamSpec("P")
R = TypeVar("R")
UNSAID = {"progress": None, "message": "", "question": None}  # before an attempt says anything
ACTIVE = (TaskStatus.RUNNING, TaskStatus.INPUT_REQUIRED)


def _stops(status: TaskStatus) -> bool:
    return status.is_final or status is TaskStatus.INPUT_REQUIRED


def _one_at_a_time(
    method: Callable[Concatenate["MemoryStore", P], R],
) -> Callable[Concatenate["MemoryStore", P], R]:
    def locked(self: "MemoryStore", /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            return method(self, *args, **kwargs)

    return locked


class MemoryStore:
    """A `TaskStore` that dies with its process."""

    def __init__(self, *, agent_slots: int = AGENT_SLOTS) -> None:
        self._agent_slots = agent_slots
        self.lock = threading.RLock()
        self._tasks: dict[str, Task] = {}
        self._events: list[Event] = []
        self._seq = 0
        self._numbers = 0

    @_one_at_a_time
    def add(self, tasks: Sequence[Task]) -> list[Task]:
        before = dict(self._tasks), list(self._events), self._seq, self._numbers
        try:
            return self._add_all(tasks)
        except BaseException:
            self._tasks, self._events, self._seq, self._numbers = before
            raise

    def _add_all(self, tasks: Sequence[Task]) -> list[Task]:
        stored: list[Task] = []
        new, left_out = set[str](), set[str]()
        for task in tasks:
            if task.parent in left_out:
                left_out.add(task.id)
                continue
            found = self._add(task, with_parent=task.parent in new)
            (new if found.id == task.id else left_out).add(task.id)
            stored.append(found)
        return stored

    def _add(self, task: Task, *, with_parent: bool) -> Task:
        if task.request_key is not None:
            for known in self._tasks.values():
                if (known.owner, known.request_key) == (task.owner, task.request_key):
                    if request_hash(known) != request_hash(task):
                        raise RequestKeyError(task.request_key, known.id)
                    return known
        needs = [self.get(task_id) for task_id in task.after]
        parent = None if task.parent is None else self.get(task.parent)
        self._numbers += 1
        self._put(task.model_copy(update={"seq": self._numbers}), task.submitted_at)
        for need in needs:
            if need.status in (TaskStatus.FAILED, TaskStatus.CANCELLED):
                self._fail_dependents(need, task.submitted_at)
        if parent is not None and not with_parent and not parent.is_final:
            counted = parent.model_copy(update={"steps": parent.steps + 1})
            self._tasks[parent.id] = counted
        if parent is not None and (parent.is_final or parent.cancel_requested_at is not None):
            self._cancel(task.id, task.submitted_at)
        return self._tasks[task.id]

    @_one_at_a_time
    def get(self, task_id: str) -> Task:
        if task_id not in self._tasks:
            raise TaskNotFoundError(task_id)
        return self._tasks[task_id]

    @_one_at_a_time
    def get_many(self, task_ids: Collection[str]) -> list[Task]:
        return [self._tasks[task_id] for task_id in set(task_ids) if task_id in self._tasks]

    @_one_at_a_time
    def resolve(self, wanted: str, owner: str | None = None) -> str:
        mine = [t for t in self._tasks.values() if owner is None or t.owner == owner]
        return resolved(mine, wanted)

    @_one_at_a_time
    def find(self, only: Filter) -> list[Task]:
        return found(self._tasks.values(), only)

    @_one_at_a_time
    def look(self, wish: Look, at: datetime) -> tuple[list[Task], int]:
        return page(self._tasks.values(), wish, at)

    @_one_at_a_time
    def choices(self, owner: str | None = None) -> Choices:
        return choices([t for t in self._tasks.values() if owner in (None, t.owner)])

    @_one_at_a_time
    def counts(self, owner: str | None = None) -> dict[TaskStatus, int]:
        mine = [t for t in self._tasks.values() if owner is None or t.owner == owner]
        return dict(Counter(task.status for task in mine))

    @_one_at_a_time
    def request_cancel(self, task_id: str, at: datetime) -> Task:
        self.get(task_id)
        self._cancel(task_id, at)
        return self._tasks[task_id]

    def _cancel(self, task_id: str, at: datetime) -> None:
        self._cancel_steps(task_id, at)
        task = self._tasks[task_id]
        if self._cancel_one(task, at):
            self._not_completed(self._tasks[task_id], at)

    def _cancel_steps(self, task_id: str, at: datetime) -> None:
        steps = self._open_steps(task_id)
        for step in steps:
            self._cancel_steps(step.id, at)
        gone = [step for step in steps if self._cancel_one(self._tasks[step.id], at)]
        for step in gone:
            self._fail_dependents(self._tasks[step.id], at)

    def _cancel_one(self, task: Task, at: datetime) -> bool:
        """Cancel or mark a task whose steps were seen to; whether it is over now."""
        if task.status is TaskStatus.QUEUED and not self._open_steps(task.id):
            gone = task.moved(TaskStatus.CANCELLED, cancel_requested_at=at, finished_at=at)
            self._put(gone, at)
            return True
        if not task.is_final and task.cancel_requested_at is None:
            asked = task.model_copy(update={"cancel_requested_at": at})
            self._put(asked, at, EventKind.CANCEL_REQUESTED)
        return False

    def _open_steps(self, task_id: str) -> list[Task]:
        return [t for t in self._tasks.values() if t.parent == task_id and not t.is_final]

    @_one_at_a_time
    def cancel_steps(self, task_id: str, at: datetime) -> None:
        self._cancel_steps(task_id, at)

    @_one_at_a_time
    def step_progress(self, task_id: str, names: int) -> tuple[dict[TaskStatus, int], list[str]]:
        steps = sorted(
            (t for t in self._tasks.values() if t.parent == task_id), key=lambda t: t.seq
        )
        running = [step.label for step in steps if step.status is TaskStatus.RUNNING]
        return dict(Counter(step.status for step in steps)), running[:names]

    @_one_at_a_time
    def with_open_steps(self, task_ids: Collection[str]) -> set[str]:
        return {task_id for task_id in task_ids if self._open_steps(task_id)}

    @_one_at_a_time
    def cancels_wanted(self) -> list[tuple[str, int]]:
        return [(t.id, t.attempt) for t in self.active() if t.cancel_requested_at is not None]

    @_one_at_a_time
    def active(self) -> list[Task]:
        found = [task for task in self._tasks.values() if task.status in ACTIVE]
        return sorted(found, key=lambda task: task.seq)

    @_one_at_a_time
    def next_ready(self, limit: int, at: datetime) -> list[Task]:
        return self._ready(at)[:limit]

    @_one_at_a_time
    def exchange(
        self, endings: Sequence[Ending], free: int, at: datetime, ahead: Sequence[Task] = ()
    ) -> list[Task]:
        for ending in endings:
            self._end(ending, at)
        started: list[Task] = []
        first = self._startable(at)[: max(free, 0)]
        named = {task.id for task in ahead}
        for task in [*first, *(t for t in self._ready(at) if t.id in named and t not in first)]:
            facts = {**UNSAID, "attempt": task.attempt + 1, "started_at": at, "sandbox_got": None}
            running = task.moved(TaskStatus.RUNNING, **facts)
            self._put(running, at)
            started.append(running)
        return started

    def _end(self, ending: Ending, at: datetime) -> None:
        task = self._current(ending.task_id, ending.attempt)
        if task is None:
            return
        again = ending.status is TaskStatus.QUEUED
        if self._open_steps(task.id) and not again:
            return
        level = task.sandbox_got if ending.sandbox_got is None else ending.sandbox_got
        if again and (task.cancel_requested_at is None or task.steps):
            refused = task.refused + ending.was_refused
            new = task.moved(TaskStatus.QUEUED, not_before=ending.not_before, refused=refused)
            self._put(new.model_copy(update=UNSAID), at)
            return
        to = TaskStatus.CANCELLED if again else ending.status
        if to is TaskStatus.COMPLETED and task.status is TaskStatus.INPUT_REQUIRED:
            task = task.moved(TaskStatus.RUNNING)  # it did not wait for the answer
            self._put(task, at)
        result = ending.result if to is TaskStatus.COMPLETED else None
        error = None if to is TaskStatus.CANCELLED else ending.error
        over = task.moved(to, result=result, error=error, finished_at=at, sandbox_got=level)
        self._put(over, at)
        if to is not TaskStatus.COMPLETED:
            self._not_completed(over, at)

    def _not_completed(self, over: Task, at: datetime) -> None:
        self._fail_dependents(over, at)
        parent = self._tasks.get(over.parent or "")
        if parent is not None and parent.on_failure == "stop":
            for sibling in self._open_steps(parent.id):
                if self._tasks[sibling.id].status is TaskStatus.QUEUED:
                    self._cancel(sibling.id, at)

    @_one_at_a_time
    def report(self, reports: Sequence[Report], at: datetime) -> None:
        for report in reports:
            task = self._current(report.task_id, report.attempt)
            if task is not None:
                facts: dict[str, object] = {
                    "progress": report.progress,
                    "message": report.message,
                }
                if report.sandbox_got is not None:
                    facts["sandbox_got"] = report.sandbox_got
                self._events = [
                    event
                    for event in self._events
                    if (event.task_id, event.kind) != (task.id, EventKind.PROGRESSED)
                ]
                self._put(task.model_copy(update=facts), at, EventKind.PROGRESSED)

    @_one_at_a_time
    def ask(self, task_id: str, attempt: int, question: Question, at: datetime) -> bool:
        task = self._current(task_id, attempt)
        if task is None or task.status is not TaskStatus.RUNNING:
            return False
        if task.question is not None and task.question.key == question.key:
            return False
        asked = question.model_copy(update={"answer": None})
        self._put(task.moved(TaskStatus.INPUT_REQUIRED, question=asked), at)
        return True

    @_one_at_a_time
    def answer(self, task_id: str, attempt: int, key: str, answer: Answer, at: datetime) -> bool:
        task = self._current(task_id, attempt)
        question = None if task is None else task.open_question
        if task is None or question is None or question.key != key:
            return False
        answered = question.model_copy(update={"answer": answer})
        self._put(task.moved(TaskStatus.RUNNING, question=answered), at)
        return True

    @_one_at_a_time
    def is_ready_work(self, at: datetime) -> bool:
        return bool(self._startable(at))

    @_one_at_a_time
    def next_start(self) -> datetime | None:
        times = [
            task.not_before
            for task in self._tasks.values()
            if task.status is TaskStatus.QUEUED and task.not_before and not self._blocked(task)
        ]
        return min(times, default=None)

    @_one_at_a_time
    def events_after(self, seq: int, limit: int = 1000) -> list[Event]:
        return [event for event in self._events if event.seq > seq][:limit]

    @_one_at_a_time
    def moved_after(self, seq: int) -> tuple[int, dict[str, bool]]:
        events = [event for event in self._events if event.seq > seq]
        last = max((event.seq for event in events), default=seq)
        return last, {event.task_id: _stops(event.status) for event in events}

    @_one_at_a_time
    def last_event(self) -> int:
        return self._events[-1].seq if self._events else 0

    @_one_at_a_time
    def change_counter(self) -> int:
        return self._seq

    @_one_at_a_time
    def remove_finished(self, before: datetime, limit: int = 1000) -> list[Task]:
        needed = {
            need
            for task in self._tasks.values()
            if task.status is TaskStatus.QUEUED
            for need in task.after
        }
        old = [
            task
            for task in sorted(self._tasks.values(), key=lambda task: task.seq)
            if task.finished_at and task.finished_at < before and task.id not in needed
            if task.parent not in self._tasks or self._tasks[task.parent].is_final
        ][:limit]
        for task in old:
            del self._tasks[task.id]
        gone = {task.id for task in old}
        self._events = [event for event in self._events if event.task_id not in gone]
        return old

    @_one_at_a_time
    def are_over(self, task_ids: Collection[str]) -> dict[str, bool]:
        return {i: self._tasks[i].is_final for i in self._tasks.keys() & set(task_ids)}

    @_one_at_a_time
    def existing(self, task_ids: Collection[str]) -> set[str]:
        return self._tasks.keys() & set(task_ids)

    def remove_unnamed(self, before: datetime) -> list[str]:
        return []  # it has no files

    def close(self) -> None:
        """Nothing is open."""

    def _put(self, task: Task, at: datetime, kind: EventKind = EventKind.MOVED) -> None:
        self._tasks[task.id] = task
        self._seq += 1
        self._events.append(
            Event(
                seq=self._seq,
                task_id=task.id,
                kind=kind,
                status=task.status,
                attempt=task.attempt,
                at=at,
            )
        )

    def _current(self, task_id: str, attempt: int) -> Task | None:
        task = self._tasks.get(task_id)
        return task if task and task.status in ACTIVE and task.attempt == attempt else None

    def _startable(self, at: datetime) -> list[Task]:
        """What is ready, without what an agent has too much of."""
        running = Counter(task.owner for task in self.active() if not task.steps)
        found: list[Task] = []
        for task in self._ready(at):
            is_counted = task.owner.startswith(AGENT) and not task.steps
            if not is_counted or running[task.owner] < self._agent_slots:
                running[task.owner] += is_counted
                found.append(task)
        return found

    def _ready(self, at: datetime) -> list[Task]:
        found = [
            task
            for task in self._tasks.values()
            if task.status is TaskStatus.QUEUED
            and (task.not_before is None or task.not_before <= at)
            and not self._blocked(task)
        ]
        return sorted(found, key=lambda task: (task.priority, task.seq))

    def _blocked(self, task: Task) -> bool:
        parent = self._tasks.get(task.parent or "")
        if parent is not None and parent.attempt == 0:
            return True
        return any(self.get(need).status is not TaskStatus.COMPLETED for need in task.after)

    def _fail_dependents(self, task: Task, at: datetime) -> None:
        end = "failed" if task.status is TaskStatus.FAILED else "was cancelled"
        error = TaskError(
            code="dependency",
            message=f"Task {task.id!r}, which must complete first, {end}.",
            remedy="Submit that task again, then this one.",
        )
        pending = [task.id]
        while pending:
            needed = pending.pop()
            for other in list(self._tasks.values()):
                if self._tasks[other.id].status is TaskStatus.QUEUED and needed in other.after:
                    self._cancel_steps(other.id, at)
                    self._put(other.moved(TaskStatus.FAILED, error=error, finished_at=at), at)
                    pending.append(other.id)
