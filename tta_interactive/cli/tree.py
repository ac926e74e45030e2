"""The steps of a task as a small tree: who is done, who runs, who waits for what."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from tta_interactive.blocking import BlockingEngine
from tta_interactive.cli.view import cells, fit, state_words, took
from tta_interactive.duration import span
from tta_interactive.task import Task, TaskStatus
from tta_interactive.text import one_line

MAX_ROWS: Final = 200
MAX_NAME: Final = 40


class Row(NamedTuple):
    """One step in the tree."""

    task: Task
    stem: str
    """The lines that lead to it: `│  └─ `."""
    needs: str
    """Names of the steps that it waits for."""


def rows_of(engine: BlockingEngine, parent: Task, *, is_unicode: bool, stem: str = "") -> list[Row]:
    """The steps of a task and theirs, from top to bottom."""
    steps = engine.steps(parent.id) if parent.steps else ()
    names = {step.id: step.step for step in steps}
    over = {step.id for step in steps if step.status is TaskStatus.COMPLETED}
    fork, corner, bar = ("├─ ", "└─ ", "│  ") if is_unicode else ("|- ", "`- ", "|  ")
    rows: list[Row] = []
    for number, step in enumerate(steps, 1):
        is_last = number == len(steps)
        waits = [one_line(names.get(need, need), MAX_NAME) for need in step.after
                 if need not in over and step.status is TaskStatus.QUEUED]  # fmt: skip
        rows.append(Row(step, stem + (corner if is_last else fork), ", ".join(waits)))
        rows += rows_of(
            engine, step, is_unicode=is_unicode, stem=stem + ("   " if is_last else bar)
        )
    return rows


def tree_lines(rows: Sequence[Row], width: int, now: datetime) -> list[str]:
    """A line for each row, no wider than the screen."""
    shown = rows[:MAX_ROWS]
    heads = [f"{row.stem}{one_line(row.task.step, MAX_NAME)}" for row in shown]
    wide = max(map(cells, heads), default=0)
    lines = [
        fit(f"{head}{' ' * (wide - cells(head))}  {_facts(row, now)}", width).rstrip()
        for head, row in zip(heads, shown, strict=True)
    ]
    return [*lines, f"... and {len(rows) - MAX_ROWS} more"] if len(rows) > MAX_ROWS else lines


def _facts(row: Row, now: datetime) -> str:
    task = row.task
    seconds = took(task, now)
    parts = [
        state_words(task),
        span(seconds) if seconds is not None and task.attempt else "",
        f"{task.progress:.0%}" if task.progress is not None and not task.is_final else "",
        f"after {row.needs}" if row.needs else "",
        one_line(task.message, 100) if task.message and not task.is_final else "",
    ]
    return "  ".join(part for part in parts if part)
