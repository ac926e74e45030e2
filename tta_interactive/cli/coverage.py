"""`tta coverage ID`: the module of a finished `tests` task, with what its tests reach and miss."""

import argparse
from collections.abc import Sequence
from typing import Final

from tta_interactive.blocking import BlockingEngine
from tta_interactive.cli.exits import Exit
from tta_interactive.cli.report import is_report
from tta_interactive.cli.screen import Screen
from tta_interactive.cli.view import fit
from tta_interactive.errors import InvalidRequestError
from tta_interactive.listing import Line, Mark, listing
from tta_interactive.task import Task, TaskStatus
from tta_interactive.text import one_line

# In words of one character, for pipes and for eyes that see no colours.
SIGNS: Final[dict[Mark, str]] = {"covered": "+", "missed": "-", "partial": "~", "": " "}
COLOURS: Final[dict[Mark, str]] = {
    "covered": "green",
    "missed": "bold red",
    "partial": "yellow",
    "": "dim",
}
LEGEND: Final = "+ run by the tests   - missed   ~ a branch of it is missed"


def coverage(arguments: argparse.Namespace, screen: Screen) -> Exit:
    """`tta coverage ID`"""
    with BlockingEngine(owner="cli") as tasks:
        task = tasks.status(arguments.id)
    lines = listed(task)
    if screen.is_json:
        facts = task.result if isinstance(task.result, dict) else {}
        names = ("module", "module_file", "line", "branch", "covered", "uncovered", "partial")
        screen.json({name: facts.get(name) for name in names})
        return Exit.OK
    if arguments.missed:
        lines = around(lines)
    if screen.is_terminal:
        _print_colours(lines, screen)
    else:
        screen.lines(numbered(lines))
    screen.note(LEGEND)
    return Exit.OK


def listed(task: Task) -> list[Line]:
    """The lines of the task's module.

    Raises:
        InvalidRequestError: It has none that could be shown.
    """
    name = one_line(task.id[:10])
    if task.status is not TaskStatus.COMPLETED or not is_report(task.result):
        raise InvalidRequestError(
            f"Task {name!r} is {task.status} and has no coverage of a module. "
            "Give the id of a completed task of the kind 'tests'."
        )
    lines = listing(task.result, task.workspace)
    if lines is None:
        raise InvalidRequestError(
            f"The module that task {name!r} measured is gone or was changed since. "
            f"Measure it again: tta retry {name}"
        )
    return lines


def around(lines: Sequence[Line], near: int = 2) -> list[Line]:
    """Only what is missed, with the lines next to it."""
    wanted = {
        number
        for line in lines
        if line.mark in ("missed", "partial")
        for number in range(line.number - near, line.number + near + 1)
    }
    return [line for line in lines if line.number in wanted]


def numbered(lines: Sequence[Line]) -> list[str]:
    """The lines with their signs and numbers; a gap shows where some are left out."""
    width = len(str(lines[-1].number)) if lines else 1
    shown: list[str] = []
    last = 0
    for line in lines:
        if shown and line.number != last + 1:
            shown.append(f"  {'...':>{width}}")
        last = line.number
        shown.append(f"{SIGNS[line.mark]} {line.number:>{width}}  {line.text}".rstrip())
    return shown


def _print_colours(lines: Sequence[Line], screen: Screen) -> None:
    try:
        from rich.console import Console  # noqa: PLC0415 (rich is optional)
        from rich.text import Text  # noqa: PLC0415
    except ImportError:
        screen.lines(fit(text, screen.width) for text in numbered(lines))
        return
    console = Console(file=screen.out, highlight=False, markup=False, emoji=False, soft_wrap=True)
    colours = {sign: COLOURS[mark] for mark, sign in SIGNS.items()}
    for text in numbered(lines):
        console.print(Text(fit(text, screen.width), style=colours.get(text[:1], "")))
