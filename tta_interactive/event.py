"""What happened to a task, in the one order that every door reads.

Each move of each task is one event with a number of its own. Boards, watchers, MCP
notifications and `tta logs --follow` all read this stream and nothing else.
"""

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from tta_interactive.task import TaskStatus


class EventKind(StrEnum):
    """What sort of thing happened."""

    MOVED = "moved"
    """The task entered `status`."""
    PROGRESSED = "progressed"
    """Its progress or message changed; only the newest of these is kept."""
    CANCEL_REQUESTED = "cancel_requested"


class Event(BaseModel):
    """One thing that happened to one task."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    seq: int
    """Rises with every event of the store; gaps are possible."""
    task_id: str
    kind: EventKind
    status: TaskStatus
    """The task's status after the event."""
    attempt: int
    at: AwareDatetime
