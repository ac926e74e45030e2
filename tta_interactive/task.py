"""The life of one task: what is known about it, and how it may change.

Nothing here does I/O, waits or reads a clock. Stores, worker and doors ask this module
whether a change is allowed.

        +-----------(retry: attempts left, and the work may be repeated)----------+
        v                                                                          |
     queued ---> running ---> completed | failed | cancelled    running <---> input_required
        |           |                                              |
        +-----------+--> cancelled                          failed attempt

A queued task may also fail at once: a task that it depends on failed.

A task may have steps: tasks whose parent it is. They begin after it has started, and it ends
after the last of them has ended, whatever becomes of its own process.

While a task's question is open it is `input_required`; the answer, or the end of the patience
for one, makes it `running` again. Until then nothing counts against its time-out.
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from tta_interactive.errors import InvalidTransitionError
from tta_interactive.question import Question

AGENT: Final = "mcp:"  # how the owner of an agent's task begins


class TaskStatus(StrEnum):
    """Where a task stands. The value is the word that JSON, SQL and people see."""

    QUEUED = "queued"
    RUNNING = "running"
    INPUT_REQUIRED = "input_required"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing can follow."""
        return not NEXT[self]


NEXT: Final[Mapping[TaskStatus, frozenset[TaskStatus]]] = {
    TaskStatus.QUEUED: frozenset({TaskStatus.RUNNING, TaskStatus.FAILED, TaskStatus.CANCELLED}),
    TaskStatus.RUNNING: frozenset(
        {
            TaskStatus.QUEUED,  # a retry
            TaskStatus.INPUT_REQUIRED,
            TaskStatus.COMPLETED,
            TaskStatus.FAILED,
            TaskStatus.CANCELLED,
        }
    ),
    TaskStatus.INPUT_REQUIRED: frozenset(
        {TaskStatus.RUNNING, TaskStatus.QUEUED, TaskStatus.FAILED, TaskStatus.CANCELLED}
    ),
    TaskStatus.COMPLETED: frozenset(),
    TaskStatus.FAILED: frozenset(),
    TaskStatus.CANCELLED: frozenset(),
}


class Priority(IntEnum):
    """Which queued task starts first; the lowest number wins."""

    CRITICAL = 0
    HIGH = 1
    NORMAL = 2
    LOW = 3

    @property
    def word(self) -> str:
        """The name that people write: `critical`, `high`, `normal`, `low`."""
        return self.name.lower()


class SandboxLevel(IntEnum):
    """How well a task is contained; a higher number is better."""

    NONE = 0
    """Nothing: plain functions in a re-used process."""
    LIMITS = 1
    """A process tree of its own that can be killed whole, and resource limits."""
    LANDLOCK = 2
    """LIMITS, and the kernel refuses files outside the workspace."""
    NAMESPACES = 3
    """Bubblewrap: own process, mount and network namespaces; no home, no store."""

    @property
    def word(self) -> str:
        """The name that people write: `none`, `limits`, `landlock`, `namespaces`."""
        return self.name.lower()


class TaskError(BaseModel):
    """Why a task failed: data for the reader, never a traceback to dig in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    """`error`, `timeout`, `lost`, `poison`, `dependency`, `bad_result`, `not_verified`, ..."""
    message: str
    """What went wrong, in one or two sentences."""
    remedy: str = ""
    """What to do next; empty if nothing better than 'look at the logs' is known."""
    detail: str = ""
    """More text, such as a traceback; shown only on request."""


OnFailure = Literal["continue", "stop"]
"""`continue`: only what depends on the step fails. `stop`: no further step begins either."""
Seconds = Annotated[float, Field(ge=0, le=10 * 365 * 86400, allow_inf_nan=False)]


class Task(BaseModel):
    """One piece of work, as last read from the store. A value: it never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    """`t_` and 128 random bits, URL-safe. Any unique prefix names it in CLI and magics."""
    seq: int = 0
    """Order of arrival in its store; clocks can jump, this cannot."""
    kind: str
    """Name of the kind that does the work, such as `shell`."""
    params: dict[str, JsonValue] = Field(default_factory=dict)
    """What the kind needs, checked by its params model."""
    label: str = ""
    """What people call it; the doors make one from the params when none is given."""
    owner: str = "python"
    """The door that submitted it: `python`, `notebook`, `cli`, or `mcp:<principal>`."""
    workspace: str = ""
    """Absolute directory in which the task works."""
    python: str = ""
    """Interpreter that runs Python code of this task: the submitter's own by default."""
    environment: dict[str, str] = Field(default_factory=dict)
    """Variables set for the task beside the allow-listed ones. Never secrets."""
    secrets: tuple[str, ...] = ()
    """Names of variables whose values only its own process gets; they are not stored here."""
    priority: Priority = Priority.NORMAL
    after: tuple[str, ...] = ()
    """Ids of tasks that must complete before this one starts."""
    parent: str | None = None
    """Id of the task that this one is a step of. A parent is over only after all its steps."""
    step: str = ""
    """Its name among the steps of its parent."""
    steps: int = 0
    """How many steps it has."""
    on_failure: OnFailure = "continue"
    """What a step that does not complete means for the other steps."""
    not_before: AwareDatetime | None = None
    attempt: int = 0
    """How many times it was started; a result counts only for the current attempt."""
    refused: int = 0
    """How many of those came to nothing because the machine could start no process."""
    max_attempts: int = 1
    timeout: Seconds | None = None
    """Wall-clock seconds that one attempt may take; None: no limit."""
    idempotent: bool = False
    """Whether the work may be repeated after its process was lost half-way."""
    request_key: str | None = None
    """Same owner, same key, same request: the same task."""
    sandbox: SandboxLevel | None = None
    """The least level wanted; None: the kind's own choice."""
    sandbox_got: SandboxLevel | None = None
    """The level that the current attempt runs at."""
    status: TaskStatus = TaskStatus.QUEUED
    progress: float | None = None
    """Fraction done, 0 to 1; None: not known."""
    message: str = ""
    """What it is doing now, in the task's own words: untrusted text."""
    question: Question | None = None
    """The newest question of the current attempt, with its answer when it has one."""
    result: JsonValue = None
    """What it returned. Only for a completed task."""
    error: TaskError | None = None
    """Only for a failed task."""
    submitted_at: AwareDatetime
    started_at: AwareDatetime | None = None
    """Start of the current or last attempt."""
    finished_at: AwareDatetime | None = None
    cancel_requested_at: AwareDatetime | None = None
    """Set when somebody asked for a cancel; the status follows when every process is gone."""
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    """Free for the submitter."""

    @property
    def tries(self) -> int:
        """How many attempts really ran."""
        return self.attempt - self.refused

    @property
    def open_question(self) -> Question | None:
        """What it waits for an answer to."""
        return self.question if self.status is TaskStatus.INPUT_REQUIRED else None

    @property
    def is_final(self) -> bool:
        """Whether the task is over."""
        return self.status.is_final

    def check_move(self, to: TaskStatus) -> None:
        """Raise `InvalidTransitionError` unless the task may become `to`."""
        check_move(self.id, self.status, to)

    def moved(self, to: TaskStatus, **facts: object) -> Self:
        """The task after the move to `to`, with `facts` set; checked like a new one."""
        self.check_move(to)
        # Built anew and checked: model_copy(update=...) would skip validation.
        return self.model_validate({**self.model_dump(), "status": to, **facts})


def check_move(task_id: str, current: TaskStatus, wanted: TaskStatus) -> None:
    """Raise `InvalidTransitionError` unless a task that is `current` may become `wanted`."""
    if wanted not in NEXT[current]:
        raise InvalidTransitionError(task_id, current, wanted, sorted(NEXT[current]))
