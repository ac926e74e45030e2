"""What every store promises to the engine and to the worker.

A store keeps tasks and their events; it decides nothing. Every method may wait for the disk,
is safe to call from any thread, and does one transaction. Methods are plain functions: the
engine calls them off its event loop, the worker calls them straight.

Two rules keep writers from undoing each other: a task moves only as `task.NEXT` allows, and
an attempt's result counts only while that attempt is the current one.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

from pydantic import JsonValue

from tta_interactive.event import Event
from tta_interactive.question import Answer, Question
from tta_interactive.task import SandboxLevel, Task, TaskError, TaskStatus


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a running attempt says of itself."""

    task_id: str
    attempt: int
    progress: float | None = None
    message: str = ""
    sandbox_got: SandboxLevel | None = None


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How an attempt ended. `queued` means: try again, not before `not_before`."""

    task_id: str
    attempt: int
    status: TaskStatus
    result: JsonValue = None
    error: TaskError | None = None
    not_before: datetime | None = None
    sandbox_got: SandboxLevel | None = None
    was_refused: bool = False
    """Nothing was started, so it counts as no try."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which tasks to list: every field that is set must hold."""

    statuses: Collection[TaskStatus] | None = None
    kind: str | None = None
    owner: str | None = None
    parent: str | None = None
    without_steps: bool = False
    """Whether tasks that are steps of another are left out."""
    before_seq: int | None = None
    limit: int = 50


CHOICES: Final = 2000  # tasks that a list of choices looks at
SortKey = Literal["submitted", "state", "label", "owner", "waited", "ran"]


@dataclass(frozen=True, kw_only=True)
class Look:
    """One page of a board: every filter that is set must hold."""

    statuses: Collection[TaskStatus] = ()
    kind: str = ""
    owner: str = ""
    workspace: str = ""
    search: str = ""
    """Stands in the label, or the id begins with it; ASCII letters of either case."""
    sort: SortKey = "submitted"
    descending: bool = True
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What the newest tasks can be filtered by, each sorted."""

    kinds: Sequence[str]
    owners: Sequence[str]
    workspaces: Sequence[str]


class TaskStore(Protocol):
    """Keeps tasks safe between processes."""

    def add(self, tasks: Sequence[Task]) -> list[Task]:
        """Keep new queued tasks, all or none; return them as stored.

        A task whose owner and request key are known already is not added again: the stored
        one is returned in its place, and steps that came with it are left out. A task that is
        `after` one that failed fails at once; a step of a task that ends is cancelled at once.
        Steps stand behind their parent, and begin only after it has.

        Raises:
            RequestKeyError: The key is known, with another request.
            TaskNotFoundError: A task in `after`, or the parent, is unknown.
        """
        ...

    def get(self, task_id: str) -> Task:
        """Return the task as last written, or raise `TaskNotFoundError`."""
        ...

    def get_many(self, task_ids: Collection[str]) -> list[Task]:
        """Return those of the tasks that exist, in no special order."""
        ...

    def resolve(self, wanted: str, owner: str | None = None) -> str:
        """The id meant by an exact id, a unique prefix of one, or a label (the newest).

        Raises:
            TaskNotFoundError: Nothing fits.
            AmbiguousTaskError: A prefix fits several.
        """
        ...

    def find(self, only: Filter) -> list[Task]:
        """Tasks, the newest first. Large results are left out: `get` has them."""
        ...

    def look(self, wish: Look, at: datetime) -> tuple[list[Task], int]:
        """The tasks of one page, and how many pass its filters; large results are left out."""
        ...

    def choices(self, owner: str | None = None) -> Choices:
        """The kinds, owners and workspaces of the newest `CHOICES` tasks."""
        ...

    def counts(self, owner: str | None = None) -> dict[TaskStatus, int]:
        """How many tasks there are of each status that occurs."""
        ...

    def request_cancel(self, task_id: str, at: datetime) -> Task:
        """Cancel a queued task now; mark a running one; leave a final one as it is.

        The same happens to its steps, and to theirs. A task that has open steps is marked.
        """
        ...

    def cancels_wanted(self) -> list[tuple[str, int]]:
        """(id, attempt) of running tasks that somebody wants cancelled."""
        ...

    def cancel_steps(self, task_id: str, at: datetime) -> None:
        """Do to the steps of a task what `request_cancel` does, and nothing to the task."""
        ...

    def step_progress(self, task_id: str, names: int) -> tuple[dict[TaskStatus, int], list[str]]:
        """How many steps of each status a task has, and up to `names` labels of running ones."""
        ...

    def with_open_steps(self, task_ids: Collection[str]) -> set[str]:
        """Those of the tasks of which a step is not over."""
        ...

    def active(self) -> list[Task]:
        """All tasks that are running or wait for input: what a dead worker left."""
        ...

    def next_ready(self, limit: int, at: datetime) -> list[Task]:
        """The tasks that `exchange` would start, in its order."""
        ...

    def exchange(
        self, endings: Sequence[Ending], free: int, at: datetime, ahead: Sequence[Task] = ()
    ) -> list[Task]:
        """Store what ended, then start up to `free` ready tasks and return them.

        Endings of attempts that are not current any more are dropped, and those of tasks that
        have open steps. When a step does not complete and its parent says `stop`, its siblings
        that have not begun are cancelled.

        Args:
            endings: What ended.
            free: How many to start.
            at: The time now.
            ahead: More tasks to start, as just read, where they are ready still.
        """
        ...

    def report(self, reports: Sequence[Report], at: datetime) -> None:
        """Keep the newest progress of running attempts; late reports are dropped."""
        ...

    def ask(self, task_id: str, attempt: int, question: Question, at: datetime) -> bool:
        """Keep the question of a running attempt, which then waits for input.

        Returns:
            Whether it was kept. False: the attempt is over, or that question is known already.
        """
        ...

    def answer(self, task_id: str, attempt: int, key: str, answer: Answer, at: datetime) -> bool:
        """Keep the answer to a question if it is open, and let the task run again.

        Returns:
            Whether it was open. False: nothing was written; somebody was quicker.
        """
        ...

    def is_ready_work(self, at: datetime) -> bool:
        """Whether `exchange` would start something: a cheap look without a lock."""
        ...

    def next_start(self) -> datetime | None:
        """The earliest `not_before` of a queued task."""
        ...

    def events_after(self, seq: int, limit: int = 1000) -> list[Event]:
        """Events with a number above `seq`, the oldest first."""
        ...

    def moved_after(self, seq: int) -> tuple[int, dict[str, bool]]:
        """The newest event's number; the tasks of the events above `seq`, and whether each was
        over, or waited for input, after the last of its own."""
        ...

    def last_event(self) -> int:
        """The newest event's number; 0 if there is none."""
        ...

    def change_counter(self) -> int:
        """A number that differs after somebody else's commit; microseconds, no table read."""
        ...

    def remove_finished(self, before: datetime, limit: int = 1000) -> list[Task]:
        """Forget final tasks that finished earlier, at most `limit`, and return them."""
        ...

    def are_over(self, task_ids: Collection[str]) -> dict[str, bool]:
        """Whether each of the tasks is over; unknown ids are left out."""
        ...

    def existing(self, task_ids: Collection[str]) -> set[str]:
        """Those of the ids that tasks have."""
        ...

    def remove_unnamed(self, before: datetime) -> list[str]:
        """Delete files, last written earlier, that no task names; their names.

        One is left where a process dies between the file and the row that names it, and where
        a late result is dropped.
        """
        ...

    def close(self) -> None:
        """Let go of files. A later call opens them again."""
        ...
