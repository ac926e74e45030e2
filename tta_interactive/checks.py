"""Checks of what callers give to the engine and its blocking twin, and of what they get."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import JsonValue

from tta_interactive.errors import InvalidRequestError, TaskFailedError, WaitTimeoutError
from tta_interactive.kinds import get_kind
from tta_interactive.kinds.steps import Step
from tta_interactive.request import TaskRequest
from tta_interactive.task import Task, TaskStatus


def checked_request(
    kind: str | TaskRequest, params: Mapping[str, JsonValue] | None, options: Mapping[str, Any]
) -> TaskRequest:
    """The request that a call of `submit` means: names of the kind's params are params."""
    if isinstance(kind, TaskRequest):
        if params is not None or options:
            raise InvalidRequestError(
                "A TaskRequest was given together with params or options. Put them into it."
            )
        return kind
    known = TaskRequest.model_fields
    named = {name: _as_param(value) for name, value in options.items() if name not in known}
    options = {name: value for name, value in options.items() if name in known}
    if named:
        strange = sorted(named.keys() - get_kind(kind).Params.model_fields.keys())
        if strange:
            raise InvalidRequestError(
                f"{strange[0]!r} is neither a param of kind {kind!r} "
                f"({', '.join(get_kind(kind).Params.model_fields) or 'none'}) nor an option "
                f"({', '.join(known)})."
            )
    return TaskRequest.checked(kind=kind, params={**(params or {}), **named}, **options)


def _as_param(value: object) -> object:
    """Steps may be given as models: they travel as JSON."""
    if isinstance(value, (list, tuple)):
        return [_as_param(item) for item in cast("Sequence[object]", value)]
    return value.model_dump(mode="json", exclude_unset=True) if isinstance(value, Step) else value


def checked_timeout(timeout: float | None) -> float | None:
    """A time-out that can be waited for.

    Raises:
        InvalidRequestError: It is negative, or no number of seconds.
    """
    is_number = isinstance(timeout, (int, float)) and not isinstance(timeout, bool)
    if timeout is not None and not (is_number and 0 <= timeout < float("inf")):
        raise InvalidRequestError(
            f"The time-out is {timeout!r}. Give a number of seconds from 0, or None."
        )
    return timeout


def checked_end(task: Task, timeout: float | None) -> Task:
    """The task if it completed; an error if it failed, was cancelled or goes on.

    Raises:
        TaskFailedError: It failed or was cancelled.
        WaitTimeoutError: It is not over.
    """
    if task.status is TaskStatus.COMPLETED:
        return task
    if task.status is TaskStatus.CANCELLED:
        raise TaskFailedError(task.id, "cancelled", "It was cancelled.")
    if task.error is not None:
        raise TaskFailedError(task.id, task.error.code, task.error.message, task.error.remedy)
    raise WaitTimeoutError(task.id, timeout or 0.0)
