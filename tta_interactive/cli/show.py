"""What is printed about tasks when the waiting is over."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from tta_interactive.blocking import BlockingEngine
from tta_interactive.cli.report import durations_lines, is_report, report_lines
from tta_interactive.cli.screen import Screen
from tta_interactive.cli.tree import rows_of, tree_lines
from tta_interactive.cli.view import error_lines, result_lines, summary, took
from tta_interactive.task import Task, TaskStatus
from tta_interactive.text import visible

TAIL_LINES: Final = 20
PRINTING_KINDS: Final = frozenset({"shell", "python"})  # their output is what they were run for


def show_json(screen: Screen, tasks: Sequence[Task], *, is_one: bool = False) -> None:
    """The tasks as JSON: one object, or an array."""
    found = [task.model_dump(mode="json") for task in tasks]
    screen.json(found[0] if is_one and found else found)


def show_ends(engine: BlockingEngine, tasks: Sequence[Task], screen: Screen) -> None:
    """How the tasks ended: a line and the report each; with one task also its output."""
    for task in tasks:
        if screen.is_terminal or len(tasks) > 1:  # a pipe has got this line while waiting
            screen.line(summary(task, screen.width, datetime.now(UTC)))
        show_steps(engine, task, screen)
        screen.lines(error_lines(task, screen.width))
        if len(tasks) > 1:
            if is_report(task.result):
                show_result(task, screen)
            continue
        if task.kind in PRINTING_KINDS or (task.status is TaskStatus.FAILED and not task.steps):
            screen.lines(visible(engine.logs(task.id, tail_lines=TAIL_LINES)).splitlines())
        if task.status is TaskStatus.COMPLETED:
            show_result(task, screen)


def show_steps(engine: BlockingEngine, task: Task, screen: Screen) -> None:
    """The steps of a task, if it has any, as a tree."""
    if task.steps:
        rows = rows_of(engine, task, is_unicode=screen.is_unicode)
        screen.lines(tree_lines(rows, screen.width, datetime.now(UTC)))


def show_result(task: Task, screen: Screen) -> None:
    """The result: a report for a `tests` task, nothing for a command, else JSON."""
    result = task.result
    if isinstance(result, dict) and is_report(result):
        seconds = took(task, datetime.now(UTC))
        screen.lines(
            report_lines(result, width=screen.width, is_unicode=screen.is_unicode, took=seconds)
        )
    elif task.kind == "workflow":
        screen.lines(durations_lines(result))
    elif task.kind != "shell":  # its result is the exit code, and the status says that
        screen.lines(result_lines(result))
