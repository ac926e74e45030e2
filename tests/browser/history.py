"""A store with a past: tasks of several doors that waited, ran, failed and were cancelled.

Nothing is run: the moves are written as a worker writes them, at the times of a made-up day.
"""

import base64
import hashlib
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tta_interactive.store import Ending, SqliteStore
from tta_interactive.task import Task, TaskError, TaskStatus

SLOTS = 2
WORK: Sequence[tuple[str, str, str, float]] = (  # kind, label, owner, seconds it takes
    ("tests", "tests src/shop/pricing.py", "notebook", 14),
    ("tests", "tests src/shop/orders/parser.py", "mcp:claude-code", 21),
    ("shell", "pytest -q tests", "cli", 6),
    ("python", "nightly fit", "notebook", 32),
    ("call", "mypkg.train:fit", "python", 11),
    ("shell", "mkdocs build --strict", "mcp:claude-code", 8),
    ("tests", "tests src/shop/a_module_with_quite_a_long_name_of_its_own.py", "mcp:codex", 26),
    ("shell", "ruff check .", "cli", 0.4),
)


def record(home: Path, number: int, *, workspace: str = "/home/me/shop") -> None:
    """Write so many finished tasks, the last of which ended a few seconds ago."""
    luck = random.Random(number)
    store = SqliteStore(home)
    at = datetime.now(UTC) - timedelta(seconds=number * 12 + 60)
    for first in range(0, number, 500):
        at = _write(store, range(first, min(number, first + 500)), at, workspace, luck)
    store.close()


def _write(
    store: SqliteStore, numbers: Sequence[int], at: datetime, workspace: str, luck: random.Random
) -> datetime:
    """Tasks that come one after another, each a little before the one before it has ended."""
    tasks = [_task(number, at + timedelta(seconds=12 * place), workspace, luck)
             for place, number in enumerate(numbers)]  # fmt: skip
    store.add(tasks)
    # One after the other, so that each is the only one that is ready when it is started.
    for task in tasks:
        begun = max(task.submitted_at, at) + timedelta(seconds=luck.expovariate(1 / 2.5))
        (started,) = store.exchange([], 1, begun)
        seconds = WORK[int(str(task.metadata["work"]))][3]
        ended = begun + timedelta(seconds=seconds * luck.uniform(0.4, 1.6))
        store.exchange([_ending(started, luck)], 0, ended)
        at = ended - timedelta(seconds=seconds * 0.5)
    return at


def _task(number: int, at: datetime, workspace: str, luck: random.Random) -> Task:
    work = luck.randrange(len(WORK))
    kind, label, owner, _ = WORK[work]
    return Task(
        id=_id(number),
        kind=kind,
        label=label,
        owner=owner,
        workspace=workspace,
        submitted_at=at,
        metadata={"work": work},
    )


def _id(number: int) -> str:
    """Looks like a drawn one, and is the same each time."""
    drawn = hashlib.shake_128(b"%d" % number).digest(16)
    return f"t_{base64.urlsafe_b64encode(drawn).decode().rstrip('=')}"


def _ending(task: Task, luck: random.Random) -> Ending:
    fate = luck.random()
    if fate < 0.1:
        error = TaskError(code="error", message="It exited with 2.")
        return Ending(task_id=task.id, attempt=task.attempt, status=TaskStatus.FAILED, error=error)
    if fate < 0.14:
        return Ending(task_id=task.id, attempt=task.attempt, status=TaskStatus.CANCELLED)
    result = {"cached": fate < 0.3, "cost": round(luck.uniform(0, 0.2), 3)}
    is_agent = task.owner.startswith("mcp:")
    return Ending(
        task_id=task.id,
        attempt=task.attempt,
        status=TaskStatus.COMPLETED,
        result=result if is_agent else None,
    )
