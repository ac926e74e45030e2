"""Tasks whose own process is over, or never was, and whose steps are not.

Nothing of them runs and they take no slot, so workflows cannot stand in each other's way,
however many there are and however deep. All that is here can be had again from the store and
from what the attempts left on disk: a new worker goes on where a dead one stopped.

    its attempt ended --> steps are added --> the last one ends --> the kind sums up --> its end
                     \\--> failed: its steps are cancelled first ----^
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from tta_interactive.errors import RequestError, StoreBusyError, StoreFullError, UnknownKindError
from tta_interactive.kinds import TaskFailure, checked_params, get_kind
from tta_interactive.kinds.steps import MAX_STEPS, in_order
from tta_interactive.request import steps_of
from tta_interactive.store import Ending, Filter, Report, TaskStore
from tta_interactive.store.rows import as_json
from tta_interactive.task import Task, TaskError, TaskStatus

MOST_RESULTS: Final = 16 * 1024 * 1024  # characters of steps' results that are summed up
NAMES_TOLD: Final = 3
RETRY_SECONDS: Final = 1.0  # before a full disk is tried again

log = logging.getLogger(__name__)


@dataclass
class _Parent:
    task: Task
    ending: Ending
    """How its own attempt ended."""
    to_add: list[Task] = field(default_factory=list[Task])
    to_cancel: bool = False
    """Whether its steps have to be told to end."""
    is_timed: bool = True
    """Whether the task's timeout is that of the whole, and not of its own process."""
    told: str = ""
    """The progress that was last reported."""

    @property
    def deadline(self) -> float | None:
        """When its time is over, in seconds since 1970."""
        is_ending = self.ending.status is not TaskStatus.COMPLETED or not self.is_timed
        if not self.task.timeout or self.task.started_at is None or is_ending:
            return None
        return self.task.started_at.timestamp() + self.task.timeout


class Parents:
    """What waits for its steps. Driven by the worker's loop.

    Args:
        store: Where the steps are.
        wake: Called when the store should be looked at soon.
    """

    def __init__(self, store: TaskStore, wake: Callable[[], None]) -> None:
        self._store, self._wake = store, wake
        self._held: dict[str, _Parent] = {}
        self._touched: set[str] = set()
        self._retry_at: float | None = None

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._held

    def __bool__(self) -> bool:
        return bool(self._held)

    @property
    def is_touched(self) -> bool:
        """Whether there may be progress to report."""
        return bool(self._touched)

    @property
    def next_deadline(self) -> float | None:
        """When `look` wants to be called, in seconds since 1970."""
        if self._retry_at is not None:
            return self._retry_at
        times = [parent.deadline for parent in self._held.values()]
        return min((moment for moment in times if moment is not None), default=None)

    def takes(self, task: Task, ending: Ending, at: datetime) -> bool:
        """Whether the ending has to wait: the task has steps, or wants some now."""
        if ending.status is TaskStatus.QUEUED:
            return False
        if ending.status is not TaskStatus.COMPLETED:
            if not self._has_steps(task):
                return False
            self._hold(_Parent(task, ending, to_cancel=True))
            return True
        try:
            to_add = _wanted_steps(task, ending, at)
        except RequestError as error:
            self._hold(_Parent(task, _failed(task, "bad_result", str(error)), to_cancel=True))
            return True
        except Exception as error:  # boundary: a kind is anybody's code
            words = f"Its steps cannot be told: {type(error).__name__}: {error}"[:2000]
            self._hold(_Parent(task, _failed(task, "bad_result", words), to_cancel=True))
            return True
        if not to_add and not task.steps:
            return False
        self._hold(_Parent(task, ending, to_add, is_timed=not to_add))
        return True

    def moved(self, task: Task | None) -> None:
        """Note that a task started or ended."""
        if task is not None and task.parent in self._held:
            self._touched.add(task.parent)

    def look(self, at: datetime, *, every: bool) -> list[Ending]:
        """The endings that have waited long enough.

        Args:
            at: The time now.
            every: Others may have moved something: look at all of them.
        """
        if not self._held or at.timestamp() < (self._retry_at or 0.0):
            return []
        self._retry_at = None
        overdue = [
            parent
            for parent in self._held.values()
            if parent.deadline is not None and at.timestamp() >= parent.deadline
        ]
        if every:
            self._touched |= self._held.keys()
        wanted = self._touched | {parent.task.id for parent in overdue}
        if not wanted:
            return []
        try:
            for parent in overdue:
                self._time_is_up(parent)
            for task_id in wanted:
                self._prepare(self._held[task_id], at)
            done = wanted - self._store.with_open_steps(wanted)
            return [self._release(self._held[task_id], at) for task_id in sorted(done)]
        except (StoreFullError, StoreBusyError) as error:
            log.warning("%s", error)
            self._retry_at = at.timestamp() + RETRY_SECONDS
            return []

    def reports(self) -> list[Report]:
        """What is new to tell of those whose steps moved."""
        touched, self._touched = self._touched, set()
        found = (self._report(self._held[task_id]) for task_id in touched if task_id in self._held)
        return [report for report in found if report is not None]

    # ---- inside

    def _hold(self, parent: _Parent) -> None:
        self._held[parent.task.id] = parent
        self._touched.add(parent.task.id)
        self._wake()

    def _has_steps(self, task: Task) -> bool:
        return bool(task.steps or self._store.get(task.id).steps)

    def _time_is_up(self, parent: _Parent) -> None:
        words = f"It ran for longer than {parent.task.timeout:g} s and was stopped."
        remedy = "Submit it again with a longer timeout."
        parent.ending = _failed(parent.task, "timeout", words, remedy)
        parent.to_cancel = True

    def _prepare(self, parent: _Parent, at: datetime) -> None:
        if parent.to_cancel:
            self._store.cancel_steps(parent.task.id, at)
            parent.to_add, parent.to_cancel = [], False
            self._wake()
        if parent.to_add:
            # Known already where an earlier worker, or an earlier attempt, has added them.
            known = self._store.existing([step.id for step in parent.to_add])
            self._store.add([step for step in parent.to_add if step.id not in known])
            parent.to_add = []
            self._wake()

    def _steps(self, task: Task) -> list[Task]:
        found = self._store.find(Filter(parent=task.id, limit=2 * MAX_STEPS))
        return sorted(found, key=lambda step: step.seq)

    def _release(self, parent: _Parent, at: datetime) -> Ending:
        if (report := self._report(parent)) is not None:
            self._store.report([report], at)  # an ended task must not say that some still run
        del self._held[parent.task.id]
        self._touched.discard(parent.task.id)
        if self._store.get(parent.task.id).cancel_requested_at is not None:
            return replace(parent.ending, status=TaskStatus.CANCELLED, result=None, error=None)
        if parent.ending.status is not TaskStatus.COMPLETED:
            return parent.ending
        ending = _concluded(parent.task, parent.ending, self._whole(self._steps(parent.task)))
        return replace(ending, sandbox_got=parent.ending.sandbox_got)

    def _whole(self, steps: list[Task]) -> list[Task]:
        """The steps with their large results too, as far as there is room."""
        room = MOST_RESULTS
        whole: list[Task] = []
        for step in steps:
            found = step
            if step.status is TaskStatus.COMPLETED and step.result is None and room > 0:
                found = self._store.get(step.id)
                room -= len(json.dumps(found.result))
            whole.append(found)
        return whole

    def _report(self, parent: _Parent) -> Report | None:
        counts, names = self._store.step_progress(parent.task.id, NAMES_TOLD + 1)
        total = sum(counts.values())
        over = sum(number for status, number in counts.items() if status.is_final)
        running = ", ".join(names[:NAMES_TOLD]) + (", ..." if len(names) > NAMES_TOLD else "")
        words = f"{over} of {total} done"
        words += f"; running: {running}" if names else ""
        if words == parent.told or not total:
            return None
        parent.told = words
        task = parent.task
        return Report(
            task_id=task.id, attempt=task.attempt, progress=over / total, message=words[:500]
        )


def _wanted_steps(task: Task, ending: Ending, at: datetime) -> list[Task]:
    """The steps that the result of the task's own process asks for."""
    try:
        kind = get_kind(task.kind)
    except UnknownKindError:  # only the task's interpreter knows it: it ran there
        return []
    if not kind.step_kinds:
        return []
    steps = in_order(kind.steps_after(checked_params(kind, task.params), ending.result))
    for step in steps:
        if step.kind not in kind.step_kinds:
            raise RequestError(f"Kind {task.kind!r} may not make steps of kind {step.kind!r}.")
        if step.secrets:
            raise RequestError("Only who submits a task can give secrets to its steps.")
    # Its own process has ended within the timeout: so must each step, not all of them together.
    timed = [step.model_copy(update={"timeout": step.timeout or task.timeout}) for step in steps]
    return steps_of(task, timed, at=at)


def _concluded(task: Task, ending: Ending, steps: list[Task]) -> Ending:
    try:
        kind = get_kind(task.kind)
        result = kind.conclude(checked_params(kind, task.params), ending.result, steps)
        as_json(result)
    except TaskFailure as failure:
        return _failed(task, failure.code, failure.message, failure.remedy, failure.detail)
    except Exception as error:  # boundary: a kind is anybody's code
        words = f"Its steps cannot be summed up: {type(error).__name__}: {error}"
        return _failed(task, "bad_result", words[:2000])
    return _ending(task, TaskStatus.COMPLETED, result=result)


def _failed(task: Task, code: str, message: str, remedy: str = "", detail: str = "") -> Ending:
    error = TaskError(code=code, message=message, remedy=remedy, detail=detail)
    return _ending(task, TaskStatus.FAILED, error=error)


def _ending(task: Task, status: TaskStatus, **facts: object) -> Ending:
    return Ending(task_id=task.id, attempt=task.attempt, status=status, **facts)  # type: ignore[arg-type]
