"""How new tasks come into the file, inside one transaction: keys, needs, parents."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from tta_interactive.errors import RequestKeyError, TaskNotFoundError
from tta_interactive.store import statements as sql
from tta_interactive.store.consequences import cancel, fail_dependents
from tta_interactive.task import Task, TaskStatus

Read = Callable[[sqlite3.Row], Task]


def add_all(
    db: sqlite3.Connection, given: Sequence[tuple[Task, dict[str, Any]]], read: Read
) -> list[Task]:
    """Add the tasks; those that are known by their key in their place, without their steps.

    Args:
        db: In a transaction.
        given: Each task with its row; a parent stands before its steps.
        read: Makes a task of a row.
    """
    stored: list[Task] = []
    new = set[str]()
    left_out = set[str]()
    for task, row in given:
        if task.parent in left_out:
            left_out.add(task.id)
            continue
        found = _known(db, task, row, read) or _added(
            db, task, row, read, with_parent=task.parent in new
        )
        (new if found.id == task.id else left_out).add(task.id)
        stored.append(found)
    return stored


def _known(db: sqlite3.Connection, task: Task, row: dict[str, Any], read: Read) -> Task | None:
    if task.request_key is None:
        return None
    known = db.execute(sql.BY_KEY, row).fetchone()
    if known is not None and known["request_hash"] != row["request_hash"]:
        raise RequestKeyError(task.request_key, known["id"])
    return None if known is None else read(known)


def _added(
    db: sqlite3.Connection, task: Task, row: dict[str, Any], read: Read, *, with_parent: bool
) -> Task:
    if task.parent is None and not task.after:  # most tasks
        return task.model_copy(update={"seq": db.execute(sql.ADD, row).lastrowid})
    needs = [_need(db, task_id) for task_id in task.after]
    open_needs = [need for need in needs if need["status"] != TaskStatus.COMPLETED]
    waits, comes_too_late = _under_parent(db, task)
    row["blocked"] = len(open_needs) + waits
    seq = db.execute(sql.ADD, row).lastrowid
    if task.parent is not None and not with_parent:
        db.execute(sql.ADD_STEP, row)
    db.executemany(sql.ADD_EDGE, [{"needs": need["seq"], "task": seq} for need in open_needs])
    for need, task_id in zip(needs, task.after, strict=True):
        status = TaskStatus(need["status"])
        if status in (TaskStatus.FAILED, TaskStatus.CANCELLED):
            fail_dependents(db, need["seq"], task_id, status, row["submitted_at"])
            return read(db.execute(sql.BY_ID, {"id": task.id}).fetchone())
    if comes_too_late:
        cancel(db, task.id, row["submitted_at"])
        return read(db.execute(sql.BY_ID, {"id": task.id}).fetchone())
    return task.model_copy(update={"seq": seq})


def _need(db: sqlite3.Connection, task_id: str) -> sqlite3.Row:
    row = db.execute(sql.NEED, {"id": task_id}).fetchone()
    if row is None:
        raise TaskNotFoundError(task_id)
    return row


def _under_parent(db: sqlite3.Connection, task: Task) -> tuple[bool, bool]:
    """Whether a step waits for its parent's start, and whether it comes too late."""
    if task.parent is None:
        return False, False
    row = db.execute(sql.PARENT, {"parent": task.parent}).fetchone()
    if row is None:
        raise TaskNotFoundError(task.parent)
    is_over = TaskStatus(row["status"]).is_final or row["cancel_requested_at"] is not None
    return row["attempt"] == 0, is_over  # a later start releases nothing
