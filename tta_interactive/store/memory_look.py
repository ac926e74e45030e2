"""Which tasks of a collection in memory are meant, and a page of them for a board. Pure."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from tta_interactive.errors import AmbiguousTaskError, TaskNotFoundError
from tta_interactive.store.protocol import CHOICES, Choices, Filter, Look
from tta_interactive.task import Task

STATE_ORDER = ("running", "input_required", "queued", "failed", "cancelled", "completed")
ORDERS: dict[str, Callable[[Task, datetime], Any]] = {
    "submitted": lambda task, _: task.seq,
    "state": lambda task, _: STATE_ORDER.index(task.status),
    "label": lambda task, _: task.label.lower(),
    "owner": lambda task, _: task.owner,
    "waited": lambda task, at: (task.started_at or task.finished_at or at) - task.submitted_at,
    "ran": lambda task, at: task.started_at and (task.finished_at or at) - task.started_at,
}


def resolved(tasks: Collection[Task], wanted: str) -> str:
    """The id that is meant; as `TaskStore.resolve`."""
    found = [task.id for task in tasks if wanted and task.id.startswith(wanted)]
    if wanted in found or len(found) == 1:
        return wanted if wanted in found else found[0]
    labelled = [task for task in tasks if task.label == wanted and wanted]
    if labelled:
        return max(labelled, key=lambda task: task.seq).id
    if found:
        raise AmbiguousTaskError(wanted, found)
    raise TaskNotFoundError(wanted)


def found(tasks: Collection[Task], only: Filter) -> list[Task]:
    """The tasks that a filter leaves, the newest first."""
    passing = [
        task
        for task in tasks
        if (only.statuses is None or task.status in only.statuses)
        and (only.kind is None or task.kind == only.kind)
        and (only.owner is None or task.owner == only.owner)
        and (only.parent is None or task.parent == only.parent)
        and not (only.without_steps and task.parent is not None)
        and (only.before_seq is None or task.seq < only.before_seq)
    ]
    return sorted(passing, key=lambda task: -task.seq)[: only.limit]


def page(tasks: Collection[Task], wish: Look, at: datetime) -> tuple[list[Task], int]:
    """(the tasks of the page, how many pass the filters); what has no value comes last."""
    found = sorted((task for task in tasks if _passes(task, wish)), key=lambda task: -task.seq)
    key = ORDERS[wish.sort]
    known = [(key(task, at), task) for task in found]
    with_value = sorted(
        (pair for pair in known if pair[0] is not None),
        key=lambda pair: pair[0],
        reverse=wish.descending,
    )
    ordered = [task for _, task in with_value] + [task for value, task in known if value is None]
    return ordered[wish.offset : wish.offset + wish.limit], len(ordered)


def choices(tasks: Collection[Task]) -> Choices:
    """What the newest of the tasks can be filtered by."""
    newest = sorted(tasks, key=lambda task: -task.seq)[:CHOICES]
    return Choices(
        kinds=sorted({task.kind for task in newest}),
        owners=sorted({task.owner for task in newest}),
        workspaces=sorted({task.workspace for task in newest if task.workspace}),
    )


def _passes(task: Task, wish: Look) -> bool:
    return (
        (not wish.statuses or task.status in wish.statuses)
        and wish.kind in ("", task.kind)
        and wish.owner in ("", task.owner)
        and wish.workspace in ("", task.workspace)
        and (wish.search.lower() in task.label.lower() or task.id.startswith(wish.search))
    )
