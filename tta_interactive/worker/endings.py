"""What becomes of a task when an attempt of it is over. Pure: no I/O, no clock."""

from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from tta_interactive.store import Ending
from tta_interactive.store.rows import as_json
from tta_interactive.task import SandboxLevel, Task, TaskError, TaskStatus
from tta_interactive.worker.attempt import Outcome

LOSSES_ALLOWED: Final = 3  # a task whose process vanishes as often is what kills it
FIRST_PAUSE: Final = 1.0  # seconds before a failed attempt is repeated; doubles each time
LONGEST_PAUSE: Final = 60.0


def ending_of(
    task: Task, outcome: Outcome, at: datetime, sandbox_got: SandboxLevel | None = None
) -> Ending:
    """The ending that an attempt's outcome means: final, or another try."""
    if outcome.status == "failed":
        error = _error_of(outcome)
        if task.tries < task.max_attempts and task.cancel_requested_at is None:
            return _again(task, at, sandbox_got, pause=True)
        return _ending(task, TaskStatus.FAILED, sandbox_got, error=error)
    if outcome.status == "cancelled":
        return _ending(task, TaskStatus.CANCELLED, sandbox_got)
    try:
        as_json(outcome.result)
    except (ValueError, TypeError, RecursionError) as problem:
        words = f"Its result cannot be kept: {problem}."
        return _ending(
            task, TaskStatus.FAILED, sandbox_got, error=TaskError(code="bad_result", message=words)
        )
    return _ending(task, TaskStatus.COMPLETED, sandbox_got, result=outcome.result)


def ending_of_lost(task: Task, at: datetime, reason: str, *, is_its_fault: bool = True) -> Ending:
    """The ending of an attempt whose processes are gone and left no outcome.

    Args:
        task: As the store has it.
        at: The time now.
        reason: What happened, as a sentence.
        is_its_fault: Whether the task itself may be what ended its processes.
    """
    if task.cancel_requested_at is not None:
        return _ending(task, TaskStatus.CANCELLED, None)
    if not task.idempotent:
        error = TaskError(
            code="lost",
            message=f"{reason} How far it came is not known, and it may not be repeated unasked.",
            remedy="Look at what it did, then submit it again.",
        )
        return _ending(task, TaskStatus.FAILED, None, error=error)
    if is_its_fault and task.tries >= max(LOSSES_ALLOWED, task.max_attempts):
        error = TaskError(
            code="poison",
            message=f"{reason} That was attempt {task.tries}, so it is not tried again.",
            remedy="Look at the logs for what ends its process, then submit it again.",
        )
        return _ending(task, TaskStatus.FAILED, None, error=error)
    return _again(task, at, None, pause=False)


def ending_of_refused(task_id: str, attempt: int, not_before: datetime | None = None) -> Ending:
    """The ending of an attempt that was not begun: it counts as no try."""
    return Ending(
        task_id=task_id,
        attempt=attempt,
        status=TaskStatus.QUEUED,
        not_before=not_before,
        was_refused=True,
    )


def _error_of(outcome: Outcome) -> TaskError:
    """The outcome's error; the file that it was read from may have been written by the task."""
    try:
        error = TaskError.model_validate(outcome.error)
        as_json(error.model_dump())
    except (ValidationError, ValueError):
        return TaskError(code="bad_result", message="It failed and left no readable reason.")
    return error


def _ending(
    task: Task,
    status: TaskStatus,
    sandbox_got: SandboxLevel | None,
    *,
    result: object = None,
    error: TaskError | None = None,
) -> Ending:
    return Ending(
        task_id=task.id,
        attempt=task.attempt,
        status=status,
        result=result,  # type: ignore[arg-type]  (JSON, checked where it was read)
        error=error,
        sandbox_got=sandbox_got,
    )


def _again(task: Task, at: datetime, sandbox_got: SandboxLevel | None, *, pause: bool) -> Ending:
    seconds = min(FIRST_PAUSE * 2 ** (task.tries - 1), LONGEST_PAUSE) if pause else 0.0
    return Ending(
        task_id=task.id,
        attempt=task.attempt,
        status=TaskStatus.QUEUED,
        not_before=at + timedelta(seconds=seconds) if pause else None,
        sandbox_got=sandbox_got,
    )
