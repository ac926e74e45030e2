"""What may be asked for: one request becomes one task.

A request is checked completely here, before anything is stored: what the store accepts,
the worker can run.
"""

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
)

from tta_interactive.errors import InvalidRequestError, RequestError
from tta_interactive.kinds import Kind, Step, checked_params, get_kind
from tta_interactive.kinds.steps import MAX_DEPTH, MAX_STEPS
from tta_interactive.task import OnFailure, Priority, SandboxLevel, Task

MAX_REQUEST_BYTES: Final = 16 * 1024 * 1024  # larger data belongs in a file
MAX_ATTEMPTS: Final = 100
MAX_SECONDS: Final = 10 * 365 * 86400
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
INHERITED: Final = ("PATH", "VIRTUAL_ENV")
RESERVED: Final = "tta:"  # metadata and request keys of our own begin so
# Made once: `json.dumps` with options of its own makes an encoder for each call.
_STRICT: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def _level(value: object) -> object:
    word = value.upper() if isinstance(value, str) else ""
    return SandboxLevel.__members__.get(word, value)


def _priority(value: object) -> object:
    word = value.upper() if isinstance(value, str) else ""
    return Priority.__members__.get(word, value)


NoNul = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]


class TaskRequest(BaseModel):
    """One task to be. Values are checked when it is made; params when it becomes a task."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    params: dict[str, JsonValue] = Field(default_factory=dict)
    label: Annotated[NoNul, Field(max_length=200)] = ""
    """What people call it; default: made by the kind."""
    workspace: Annotated[NoNul, Field(max_length=4096)] = ""
    """Directory in which it works; default: the current one."""
    priority: Annotated[Priority, BeforeValidator(_priority)] = Priority.NORMAL
    """`critical`, `high`, `normal` or `low`."""
    after: Annotated[tuple[str, ...], Field(max_length=1000)] = ()
    """Ids of tasks that must complete first."""
    not_before: Annotated[AwareDatetime, Field(ge=EARLIEST, le=LATEST)] | None = None
    """Do not start earlier."""
    timeout: Annotated[float, Field(gt=0, le=MAX_SECONDS, allow_inf_nan=False)] | None = None
    """Seconds that one attempt may take; default: the kind's."""
    max_attempts: Annotated[int, Field(ge=1, le=MAX_ATTEMPTS)] | None = None
    """How often it may be tried when it fails; more than 1 says that it may be repeated."""
    idempotent: bool | None = None
    """Whether it may be started again when its process was lost half-way; default: the kind's."""
    request_key: Annotated[NoNul, Field(min_length=1, max_length=200)] | None = None
    """A repeated submit with the same key gives the same task."""
    sandbox: Annotated[SandboxLevel, BeforeValidator(_level)] | None = None
    """The least level: `none`, `limits`, `landlock` or `namespaces`; default: the kind's."""
    python: Annotated[NoNul, Field(max_length=4096)] = ""
    """Interpreter for Python code; default: the one that submits."""
    environment: dict[NoNul, NoNul] = Field(default_factory=dict)
    """More variables for the task. They are stored: no secrets."""
    secrets: Annotated[tuple[NoNul, ...], Field(max_length=50)] = ()
    """Names of variables of the submitter's environment that only the task's process gets. Their
    values are never stored with the task, and are taken out of its output and result."""
    metadata: dict[str, JsonValue] = Field(default_factory=dict)

    @classmethod
    def checked(cls, **facts: Any) -> "TaskRequest":
        """A request, or `InvalidRequestError` with one sentence that names every wrong value."""
        try:
            return cls(**facts)
        except RecursionError:
            raise InvalidRequestError(
                "This cannot be submitted: its values are nested too deep. Flatten them."
            ) from None
        except ValidationError as error:
            found = "; ".join(
                f"{'.'.join(map(str, e['loc']))}: {e['msg']} (got {short_repr(e['input'])})"
                for e in error.errors(include_url=False)
            )
            raise InvalidRequestError(f"This cannot be submitted: {found}.") from None


def short_repr(value: object) -> str:
    """At most 80 characters of a value, whatever its depth."""
    try:
        return f"{value!r:.80}"
    except RecursionError:
        return f"a {type(value).__name__}, nested deep"


def new_task_id() -> str:
    """`t_` and 128 random bits in URL-safe base64."""
    return f"t_{secrets.token_urlsafe(16)}"


def _step_id(parent: str, name: str) -> str:
    """As hard to guess as the parent's, from which it is made."""
    digest = hashlib.sha256(f"{parent}/{name}".encode()).digest()[:16]
    return f"t_{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def as_task(request: TaskRequest, *, owner: str, python: str, at: datetime) -> Task:
    """The queued task that a request asks for.

    Raises:
        UnknownKindError: No such kind is installed.
        InvalidRequestError: The params, or the whole request, cannot be accepted.
    """
    kind = get_kind(request.kind)
    params = checked_params(kind, request.params)
    if request.secrets and not kind.takes_secrets:
        raise InvalidRequestError(
            f"Tasks of kind {request.kind!r} take no secrets. Leave them out, or use another kind."
        )
    repeat = request.idempotent
    if repeat is None:
        repeat = kind.idempotent or (request.max_attempts or 1) > 1
    task = Task(
        id=new_task_id(),
        kind=request.kind,
        params=params.model_dump(mode="json", exclude_defaults=True),
        label=request.label or kind.label(params)[:200],
        owner=owner,
        workspace=request.workspace or _current_directory(),
        python=request.python or python,
        environment=_inherited(request.environment),
        secrets=tuple(dict.fromkeys(request.secrets)),
        priority=request.priority,
        after=tuple(dict.fromkeys(request.after)),
        not_before=request.not_before,
        max_attempts=request.max_attempts or 1,
        timeout=request.timeout if request.timeout is not None else kind.timeout,
        idempotent=repeat,
        request_key=request.request_key,
        sandbox=request.sandbox if request.sandbox is not None else kind.sandbox,
        metadata=request.metadata,
        submitted_at=at,
    )
    if any(name.startswith(RESERVED) for name in task.metadata):
        raise InvalidRequestError(
            f"Metadata names that begin with {RESERVED!r} are reserved. Use other names."
        )
    if not os.path.isabs(task.workspace):
        raise InvalidRequestError(
            f"The workspace {task.workspace!r} is no absolute path. Give an absolute directory."
        )
    _check_text(task)
    return task


def as_tasks(request: TaskRequest, *, owner: str, python: str, at: datetime) -> list[Task]:
    """The queued task that a request asks for, and behind it its steps and theirs.

    Each stands behind its parent and behind the steps that it comes after.

    Raises:
        UnknownKindError: No such kind is installed.
        InvalidRequestError: The request, or one of its steps, cannot be accepted.
    """
    if request.request_key is not None and request.request_key.startswith(RESERVED):
        raise InvalidRequestError(
            f"Request keys that begin with {RESERVED!r} are reserved. Use another key."
        )
    task = as_task(request, owner=owner, python=python, at=at)
    steps, on_failure = _parts(task)
    if not steps:
        return [task]
    task = task.model_copy(update={"steps": len(steps), "on_failure": on_failure})
    return [task, *steps_of(task, steps, at=at)]


def _parts(task: Task) -> tuple[Sequence[Step], OnFailure]:
    """The steps that a task consists of, and what a failure among them means."""
    kind = get_kind(task.kind)
    if type(kind).steps is Kind.steps:  # most kinds: their params need no second check
        return (), "continue"
    params = checked_params(kind, task.params)
    return kind.steps(params), kind.on_failure(params)


def steps_of(parent: Task, steps: Sequence[Step], *, at: datetime, depth: int = 1) -> list[Task]:
    """The queued tasks of a parent's steps, and of theirs.

    Args:
        parent: The task as it is, or will be, stored: its steps inherit from it.
        steps: Each behind those that it comes after.
        at: The time now.
        depth: How many parents stand above the steps.

    Raises:
        InvalidRequestError: A step cannot be accepted, or there are too many.
    """
    if depth > MAX_DEPTH:
        raise InvalidRequestError(
            f"Steps in steps go deeper than {MAX_DEPTH} levels. Take some levels away."
        )
    tasks: list[Task] = []
    ids: dict[str, str] = {}
    for step in steps:
        try:
            found = _step_tasks(parent, step, tuple(ids[name] for name in step.after), at, depth)
        except RequestError as error:
            raise InvalidRequestError(f"Step {step.name!r}: {error}") from None
        ids[step.name] = found[0].id
        tasks += found
        if len(tasks) > MAX_STEPS:
            raise InvalidRequestError(
                f"There are more than {MAX_STEPS:,} steps, which is the most. Submit several "
                "workflows, or let one step do the work of many."
            )
    return tasks


def _step_tasks(
    parent: Task, step: Step, after: tuple[str, ...], at: datetime, depth: int
) -> list[Task]:
    request = TaskRequest.checked(
        kind=step.kind,
        params=step.params,
        label=step.label or step.name,
        workspace=os.path.join(parent.workspace, step.workspace).rstrip(os.sep) or os.sep,
        priority=parent.priority if step.priority is None else step.priority,
        after=after,
        timeout=step.timeout,
        max_attempts=step.max_attempts or parent.max_attempts,
        idempotent=step.idempotent,
        sandbox=step.sandbox,
        secrets=step.secrets,
        request_key=f"{RESERVED}{parent.id}/{step.name}",
    )
    task = as_task(request, owner=parent.owner, python=step.python or parent.python, at=at)
    below, on_failure = _parts(task)
    task = task.model_copy(
        update={
            # The same whenever it is made: who adds the steps a second time adds nothing.
            "id": _step_id(parent.id, step.name),
            "parent": parent.id,
            "step": step.name,
            "steps": len(below),
            "on_failure": on_failure,
            "sandbox": max(task.sandbox or SandboxLevel.NONE, parent.sandbox or SandboxLevel.NONE),
            # As whoever submitted the whole has it; this may be the worker's process.
            "environment": {**parent.environment, **step.environment},
        }
    )
    return [task, *steps_of(task, below, at=at, depth=depth + 1)] if below else [task]


def _current_directory() -> str:
    try:
        return os.getcwd()
    except OSError as error:
        raise InvalidRequestError(
            f"The current directory is gone ({error.strerror}). Change to one that exists, or "
            "give a workspace."
        ) from None


def _inherited(given: Mapping[str, str]) -> dict[str, str]:
    """The submitter's PATH and virtual environment, which the worker may not share."""
    own = {name: value for name in INHERITED if (value := os.environ.get(name)) is not None}
    return {**own, **given}


def _check_text(task: Task) -> None:
    try:
        free = (task.params, task.metadata, task.environment, task.label, task.request_key,
                task.workspace, task.python, task.after)  # fmt: skip
        size = len(_STRICT.encode(free).encode())
    except ValueError as error:  # UnicodeEncodeError and pydantic's own are such
        raise InvalidRequestError(
            f"The request cannot be written as JSON: {error}. "
            "Leave out lone surrogates, NaN and infinite numbers."
        ) from None
    if size > MAX_REQUEST_BYTES:
        raise InvalidRequestError(
            f"The request has {size:,} bytes; at most {MAX_REQUEST_BYTES:,} are kept. "
            "Put the data into a file and pass its path."
        )
