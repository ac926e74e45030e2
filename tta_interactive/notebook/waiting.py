"""Waiting in a cell: a card after a second, a line in a terminal, and Ctrl-C that only leaves.

The store is read only when a task moved; in between only the clock goes on.
"""

import shutil
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from tta_interactive.notebook.handle import stopped_words
from tta_interactive.notebook.session import Session, say
from tta_interactive.notebook.view import as_text, view_of
from tta_interactive.task import Task

CARD_AFTER: Final = 1.0  # quick tasks need no card
CARDS: Final = 5
LOOK: Final = 0.1  # how late the clock on the screen may be


def wait_for(
    session: Session,
    wanted: Sequence[str],
    *,
    timeout: float | None,
    until_any: bool,
    cancels: bool,
    is_quiet: bool,
) -> list[Task] | None:
    """Wait until the tasks are over, or the first of them.

    Args:
        session: The notebook.
        wanted: Ids.
        timeout: Seconds; None: as long as it takes.
        until_any: Only until the first is over.
        cancels: Ctrl-C asks the tasks to end, and does not leave them to go on.
        is_quiet: No card and no line.

    Returns:
        The tasks as they then stand, or None: time-out or Ctrl-C, and a line was printed.
    """
    engine = session.engine
    ids = list(dict.fromkeys(engine.status(one).id for one in wanted))
    enough = any if until_any else all
    moved = threading.Event()
    screen = _Screen(session, is_quiet)
    started = time.monotonic()
    tasks: list[Task] = []
    end = engine.subscribe(lambda _: moved.set(), ids)
    try:
        while True:
            if moved.is_set() or not tasks:
                moved.clear()
                tasks = [task if task.is_final else engine.status(task.id) for task in tasks] or [
                    engine.status(one) for one in ids
                ]
                if enough(task.is_final for task in tasks):
                    return tasks
            waited = time.monotonic() - started
            if timeout is not None and waited >= timeout:
                screen.clear()
                _say_timeout(tasks, timeout)
                return None
            engine.check_worker()
            screen.show(tasks, waited)
            moved.wait(LOOK if timeout is None else min(LOOK, timeout - waited))
    except KeyboardInterrupt:
        screen.clear()
        say(_cancelled_words(session, ids) if cancels else stopped_words(ids))
        return None
    finally:
        end()
        screen.clear()


def _cancelled_words(session: Session, ids: Sequence[str]) -> str:
    asked = [task for task in map(session.engine.cancel, ids) if not task.is_final]
    if not asked:
        return "Stopped waiting; nothing was left to cancel."
    return f"Stopped waiting, and asked {', '.join(task.id[:10] for task in asked)} to end."


def _say_timeout(tasks: Sequence[Task], timeout: float) -> None:
    for task in tasks:
        if not task.is_final:
            short = task.id[:10]
            say(
                f"{short} is still {task.status.value.upper()} after {timeout:g} s of waiting and "
                f"goes on. Wait again with: %tta_wait {short}"
            )


class _Screen:
    """What is seen while waiting: a card in a notebook, one changing line in a terminal."""

    def __init__(self, session: Session, is_quiet: bool) -> None:
        self._session = session
        self._is_quiet = is_quiet
        self._has_cards = False
        self._line = ""

    def show(self, tasks: Sequence[Task], waited: float) -> None:
        if self._is_quiet:
            return
        if self._session.is_terminal:
            self._show_line(next(task for task in tasks if not task.is_final))
        elif waited >= CARD_AFTER and not self._has_cards:
            self._has_cards = True
            for task in [task for task in tasks if not task.is_final][:CARDS]:
                self._session.show(task)

    def _show_line(self, task: Task) -> None:
        if not sys.stdout.isatty():
            return
        width = shutil.get_terminal_size().columns - 1
        line = as_text(view_of(task, datetime.now(UTC)))[:width]
        if line != self._line:
            self._line = line
            sys.stdout.write(f"\r\x1b[K{line}")
            sys.stdout.flush()

    def clear(self) -> None:
        if self._line:
            self._line = ""
            sys.stdout.write("\r\x1b[K")
            sys.stdout.flush()
