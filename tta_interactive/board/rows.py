"""What the board shows, as JSON: rows of tasks, bars, and the figures over them. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import quantiles
from typing import Final

from pydantic import JsonValue

from tta_interactive.board.answers import asks
from tta_interactive.owner import owner_words
from tta_interactive.task import Task, TaskStatus
from tta_interactive.text import one_line, visible

SHORT_ID: Final = 10
LABEL: Final = 200
MESSAGE: Final = 200
MINUTE: Final = 60.0
BAR: Final = ("label", "kind", "state", "submitted", "started", "finished")


def row_of(task: Task) -> dict[str, JsonValue]:
    """A task's row; every text is bounded and shows what it holds. Times: seconds since 1970."""
    final = task.is_final
    return {
        "id": task.id,
        "short": one_line(task.id[:SHORT_ID]),
        "state": task.status.value,
        "kind": one_line(task.kind, 40),
        "label": one_line(task.label, LABEL).removeprefix(f"{one_line(task.kind, 40)} "),
        "owner": owner_words(task.owner),
        "progress": None if final else task.progress,
        "message": "" if final else one_line(task.message, MESSAGE),
        "asks": asks(task.open_question),
        "error": _problem(task),
        "cancelling": task.cancel_requested_at is not None and not final,
        "submitted": task.submitted_at.timestamp(),
        "started": _seconds(task.started_at),
        "finished": _seconds(task.finished_at),
    }


def _problem(task: Task) -> str:
    """Why it failed, with the code in front unless that says nothing."""
    if task.error is None:
        return ""
    message = one_line(task.error.message, MESSAGE)
    return message if task.error.code == "error" else f"{one_line(task.error.code, 40)}: {message}"


def bar_of(task: Task) -> dict[str, JsonValue]:
    """A task's bar in the timeline."""
    row = row_of(task)
    return {name: row[name] for name in BAR}


def facts_of(tasks: Sequence[Task], now: datetime) -> dict[str, JsonValue]:
    """Figures over the newest tasks: throughput, times in seconds, share that completed."""
    ended = [task for task in tasks if task.is_final and task.finished_at is not None]
    completed = [task for task in ended if task.status is TaskStatus.COMPLETED]
    facts: dict[str, JsonValue] = {
        "per_minute": sum(
            0 <= (now - task.finished_at).total_seconds() < MINUTE
            for task in ended
            if task.finished_at is not None
        ),
        "success": len(completed) / len(ended) if ended else None,
        "cached": sum(_result(task).get("cached") is True for task in completed),
        "cost": sum(_cost(task) for task in ended),
    }
    waited = [
        (task.started_at - task.submitted_at).total_seconds() for task in tasks if task.started_at
    ]
    ran = [
        (task.finished_at - task.started_at).total_seconds()
        for task in ended
        if task.finished_at and task.started_at
    ]
    for name, spans in (("waited", waited), ("ran", ran)):
        facts[f"{name}_p50"], facts[f"{name}_p95"] = _percentiles(spans)
    return facts


def lines_of(task: Task) -> list[JsonValue]:
    """What a reader who opens a row is told first, a fact a line."""
    lines = [f"workspace {one_line(task.workspace, 300)}"] if task.workspace else []
    if task.open_question is not None:
        lines.append(f"asks: {one_line(task.open_question.text, 600)}")
        lines.append(f"answer above, or: tta answer {one_line(task.id[:SHORT_ID])} ...")
    if task.error is not None:
        lines.append(f"{one_line(task.error.message, 600)} {one_line(task.error.remedy, 300)}")
    if task.result is not None and task.status is TaskStatus.COMPLETED:
        lines.append(f"result {one_line(visible(str(task.result)), 600)}")
    if task.attempt > 1:
        lines.append(f"attempt {task.attempt}")
    if task.sandbox_got is not None:
        lines.append(f"sandbox {task.sandbox_got.word}")
    return [line.strip() for line in lines]


def _result(task: Task) -> Mapping[str, JsonValue]:
    return task.result if isinstance(task.result, dict) else {}


def _cost(task: Task) -> float:
    cost = _result(task).get("cost")
    return max(0.0, float(cost)) if isinstance(cost, int | float) else 0.0


def _percentiles(spans: Sequence[float]) -> tuple[float | None, float | None]:
    """(median, 95th percentile); clocks can jump, so nothing is below 0."""
    known = [max(0.0, span) for span in spans]
    if len(known) < 2:
        return (known[0], known[0]) if known else (None, None)
    cuts = quantiles(known, n=20, method="inclusive")
    return cuts[9], cuts[18]


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()
