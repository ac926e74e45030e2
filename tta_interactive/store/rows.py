"""A task as a row, and back."""

import hashlib
import json
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import JsonValue

from tta_interactive.event import Event, EventKind
from tta_interactive.store.protocol import Ending
from tta_interactive.task import Task, TaskError, TaskStatus

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
BODY: Final = (
    "params",
    "workspace",
    "python",
    "environment",
    "secrets",
    "after",
    "max_attempts",
    "timeout",
    "idempotent",
    "sandbox",
    "metadata",
    "step",
)
_BODY: Final[set[str]] = set(BODY)
# Made once: `json.dumps` with options of its own makes an encoder for each call.
_COMPACT: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
# What makes two requests the same one. A label or a priority may differ.
IDENTITY: Final = ("kind", "params", "workspace", "after", "timeout", "max_attempts", "sandbox")


def microseconds(at: datetime | None) -> int | None:
    """Whole microseconds since 1970 UTC: exact, where a float of seconds is not."""
    if at is None:
        return None
    gap = at - EPOCH
    return (gap.days * 86_400 + gap.seconds) * 1_000_000 + gap.microseconds


def moment(value: int | None) -> datetime | None:
    """The aware time of a number of microseconds."""
    if value is None:
        return None
    try:
        return EPOCH + timedelta(microseconds=value)
    except OverflowError:  # a row that another program wrote must not hide the others
        return EPOCH


def as_json(value: object) -> str:
    """Compact JSON; NaN and lone surrogates are refused with ValueError."""
    text = _COMPACT.encode(value)
    text.encode()  # UnicodeEncodeError is a ValueError
    return text


def body_of(task: Task) -> str:
    """The facts that never change, as one JSON object.

    Raises:
        ValueError: A lone surrogate. (Infinite numbers were refused when it was submitted.)
    """
    return task.model_dump_json(include=_BODY, exclude_defaults=True)


def request_hash(task: Task) -> str:
    """A digest of what was asked for: equal for the same request."""
    facts = task.model_dump(mode="json", include=set(IDENTITY))
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode("utf-8")).hexdigest()


def error_json(error: TaskError | None) -> str | None:
    """The error as JSON text, or None."""
    return None if error is None else as_json(error.model_dump(exclude_defaults=True))


def ending_values(ending: Ending, at: datetime) -> dict[str, Any]:
    """The named values of the statements END and TRY_AGAIN, but for the result."""
    return {
        "id": ending.task_id,
        "attempt": ending.attempt,
        "status": ending.status.value,
        "error": error_json(ending.error),
        "not_before": microseconds(ending.not_before),
        "was_refused": ending.was_refused,
        "sandbox_got": ending.sandbox_got,
        "at": microseconds(at),
    }


def task_of(row: sqlite3.Row, body: str, result: JsonValue) -> Task:
    """The task that a row stands for; large parts are handed in by the store."""
    return Task.model_validate(
        {
            **json.loads(body),
            "id": row["id"],
            "seq": row["seq"],
            "kind": row["kind"],
            "label": row["label"],
            "owner": row["owner"],
            "status": row["status"],
            "priority": row["priority"],
            "parent": row["parent"],
            "steps": row["steps"],
            "on_failure": row["on_failure"],
            "not_before": moment(row["not_before"]),
            "attempt": row["attempt"],
            "refused": row["refused"],
            "request_key": row["request_key"],
            "progress": row["progress"],
            "message": row["message"],
            "question": _question(row["question"], row["answer"]),
            "sandbox_got": row["sandbox_got"],
            "result": result,
            "error": None if row["error"] is None else json.loads(row["error"]),
            "submitted_at": moment(row["submitted_at"]),
            "started_at": moment(row["started_at"]),
            "finished_at": moment(row["finished_at"]),
            "cancel_requested_at": moment(row["cancel_requested_at"]),
        }
    )


def _question(question: str | None, answer: str | None) -> object:
    if question is None:
        return None
    asked = json.loads(question)
    return asked if answer is None else {**asked, "answer": json.loads(answer)}


def event_of(row: sqlite3.Row) -> Event:
    """The event of a row of EVENTS_AFTER."""
    seq, task_id, kind, status, attempt, at = row
    return Event(
        seq=seq,
        task_id=task_id,
        kind=EventKind(kind),
        status=TaskStatus(status),
        attempt=attempt,
        at=moment(at) or EPOCH,
    )
