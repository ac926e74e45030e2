"""One call in a process of the pool: when it began, and what is left of its time. No I/O."""

from dataclasses import dataclass

from tta_interactive.kinds import Plan
from tta_interactive.task import Task
from tta_interactive.worker.pump import LogFile


@dataclass
class Call:
    """One task in a process, begun or waiting there."""

    task: Task
    plan: Plan
    number: int
    started: float = 0.0
    deadline: float | None = None
    log: LogFile | None = None
    reason: str = ""  # why it is being ended: `cancel` or `timeout`
    left: float | None = None  # seconds of its time-out, while it waits for an answer
    asking: str = ""
    """The key of the question whose answer it waits for."""

    @property
    def is_asking(self) -> bool:
        return bool(self.asking)

    def begins(self, now: float) -> None:
        """Its turn has come."""
        self.started = now
        self.deadline = now + self.task.timeout if self.task.timeout else None

    def asks(self, key: str, now: float) -> None:
        """It waits for an answer: its time stands still."""
        if not self.is_asking:
            self.left = None if self.deadline is None else self.deadline - now
            self.deadline, self.asking = None, key

    def goes_on(self, now: float) -> None:
        """It has its answer, or waits no longer."""
        if self.is_asking:
            self.deadline = None if self.left is None else now + self.left
            self.asking = ""
