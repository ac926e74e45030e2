"""What the end of one task means for others, inside the same transaction.

did not complete  -> what waits for it fails, and what waits for that in turn
                  -> its siblings that have not begun are cancelled, if the parent says `stop`
wanted cancelled  -> its steps are cancelled, theirs too: the deepest first, because a task
                     ends after its steps
"""

import json
import sqlite3
from typing import Any

from tta_interactive.store import statements as sql
from tta_interactive.store.rows import error_json
from tta_interactive.task import TaskError, TaskStatus


def cancel(db: sqlite3.Connection, task_id: str, at: int | None) -> None:
    """Cancel a task that is queued, mark one that runs, and the same for all its steps."""
    cancel_steps(db, task_id, at)
    values: dict[str, Any] = {"id": task_id, "at": at}
    for seq, parent in db.execute(sql.CANCEL_QUEUED, values).fetchall():
        not_completed(db, seq, parent, task_id, TaskStatus.CANCELLED, at)
    db.execute(sql.CANCEL_OPEN, values)


def not_completed(
    db: sqlite3.Connection,
    seq: int,
    parent: str | None,
    task_id: str,
    status: TaskStatus,
    at: int | None,
) -> None:
    """What follows when a task failed or was cancelled.

    Args:
        seq: Its number.
        parent: Whose step it is.
        task_id: Its id.
        status: How it ended.
        at: When, in microseconds.
    """
    fail_dependents(db, seq, task_id, status, at)
    if parent is not None and db.execute(sql.STOPS, {"parent": parent}).fetchone():
        for sibling in _open_steps(db, [parent]):
            if sibling["status"] == TaskStatus.QUEUED:
                cancel(db, sibling["id"], at)


def fail_dependents(
    db: sqlite3.Connection, seq: int, task_id: str, status: TaskStatus, at: int | None
) -> None:
    """Fail what waits for a task that will not complete, and what waits for that in turn."""
    error = TaskError(
        code="dependency",
        message=f"Task {task_id!r}, which must complete first, failed."
        if status is TaskStatus.FAILED
        else f"Task {task_id!r}, which must complete first, was cancelled.",
        remedy="Submit that task again, then this one.",
    )
    pending = [seq]
    while pending:
        values = {"seq": pending.pop(), "error": error_json(error), "at": at}
        for (parent,) in db.execute(sql.DEPENDENT_PARENTS, values).fetchall():
            cancel_steps(db, parent, at)
        pending.extend(row[0] for row in db.execute(sql.FAIL_DEPENDENTS, values).fetchall())
        # They have told what they had to: the next task after this one must not read them again.
        db.execute(sql.FORGET_DEPENDENTS, values)


def cancel_steps(db: sqlite3.Connection, task_id: str, at: int | None) -> None:
    """Cancel the steps of a task, and theirs; the task itself stays as it is."""
    levels: list[list[sqlite3.Row]] = []
    parents = [task_id]
    while parents:
        levels.append(_open_steps(db, parents))
        parents = [row["id"] for row in levels[-1] if row["steps"]]
    # Whole levels at once: of many steps that wait for each other, each is cancelled and none
    # fails because another was cancelled a moment earlier.
    for level in reversed(levels):
        values = {"ids": json.dumps([row["id"] for row in level]), "at": at}
        gone = db.execute(sql.CANCEL_QUEUED_STEPS, values).fetchall()
        db.execute(sql.CANCEL_OPEN_STEPS, values)
        for seq, step_id in gone:
            fail_dependents(db, seq, step_id, TaskStatus.CANCELLED, at)


def _open_steps(db: sqlite3.Connection, parents: list[str]) -> list[sqlite3.Row]:
    return db.execute(sql.OPEN_STEPS, {"parents": json.dumps(parents)}).fetchall()
