"""The live block on a terminal: a bar, the time and the message of each task. Needs `rich`."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Self

from rich.console import Console, Group
from rich.live import Live as RichLive
from rich.text import Text

from tta_interactive.cli.report import bar
from tta_interactive.cli.screen import Screen
from tta_interactive.cli.view import cells, fit, named, short_id, state_words, took
from tta_interactive.duration import span
from tta_interactive.task import Task, TaskStatus
from tta_interactive.text import one_line

FRAMES_A_SECOND: Final = 5
BAR: Final = 20
COLOURS: Final = {
    TaskStatus.QUEUED: "dim",
    TaskStatus.RUNNING: "cyan",
    TaskStatus.INPUT_REQUIRED: "yellow",
    TaskStatus.COMPLETED: "green",
    TaskStatus.FAILED: "red",
    TaskStatus.CANCELLED: "yellow",
}


class Live:
    """Redraws itself; `show` only says what to draw."""

    tick = 60.0  # rich redraws on its own: the waiting loop need not wake for it

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._console = Console(file=screen.out, highlight=False, markup=False, emoji=False)
        self._lock = threading.Lock()
        self._tasks: Sequence[Task] = ()
        self._live = RichLive(
            get_renderable=self._draw,
            console=self._console,
            refresh_per_second=FRAMES_A_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    @staticmethod
    def is_possible(screen: Screen) -> bool:
        """Whether the terminal can move its cursor."""
        return not Console(file=screen.out).is_dumb_terminal

    def show(self, tasks: Sequence[Task]) -> None:
        with self._lock:
            self._tasks = tasks

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def _draw(self) -> Group:
        with self._lock:
            tasks = self._tasks
        # The console is asked each time: the window may have been resized.
        width, room = self._console.width - 1, max(1, self._console.height - 2)
        shown = sorted(tasks, key=lambda task: task.is_final)[:room]  # what still moves first
        rows = [row(task, width, datetime.now(UTC), self._screen.is_unicode) for task in shown]
        if len(tasks) > len(shown):
            rows.append(Text(f"... and {len(tasks) - len(shown)} more"))
        return Group(*rows)


def row(task: Task, width: int, now: datetime, is_unicode: bool) -> Text:
    """One task on one line; styled, never parsed as markup."""
    share = 1.0 if task.status is TaskStatus.COMPLETED else task.progress or 0.0
    marks = "▒█·|" if is_unicode else "=#-|"
    seconds = took(task, now)
    parts = [
        (short_id(task, 0), ""),
        (fit(state_words(task), 20), COLOURS[task.status]),
        (bar(100 * share, 0.0, None, BAR, marks) if width > 3 * BAR else "", ""),
        (f"{share:4.0%}", ""),
        (span(seconds) if seconds is not None else "waiting", "dim"),
    ]
    line = Text(no_wrap=True, overflow="crop")
    for text, style in parts:
        if text:
            line.append(f"{text} ", style=style)
    words = named(task)
    if task.message and not task.is_final:
        words += f": {one_line(task.message, 200)}"
    line.append(fit(words, max(0, width - cells(line.plain))))
    return line
