"""Waiting in a cell: a card after a second, a line in a terminal, and Ctrl-C that only leaves.

A task that asks is answered right here, where somebody can type (asking.py). The store is read only when a task moved; in between only the clock goes on.
"""

import shutil
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from tta_interactive.errors import TTAError
from tta_interactive.notebook.asking import ask, takes_clicks
from tta_interactive.notebook.card import display_mode
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
    asked: set[tuple[str, str]] = set()
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
            asking = None if is_quiet else _asking(tasks, asked)
            if asking is not None:
                screen.clear()
                screen.show_card(asking)
                if not (screen.has_widgets and takes_clicks()):
                    deadline = None if timeout is None else started + timeout
                    is_closed = _closing(session, asking, ids if until_any else [], deadline)
                    ask(engine, asking, is_closed, is_terminal=session.is_terminal)
                moved.set()
                continue
            screen.show(tasks, waited)
            moved.wait(LOOK if timeout is None else min(LOOK, timeout - waited))
    except KeyboardInterrupt:
        screen.clear()
        say(_cancelled_words(session, ids) if cancels else stopped_words(ids))
        return None
    finally:
        end()
        screen.clear()


def _asking(tasks: Sequence[Task], asked: set[tuple[str, str]]) -> Task | None:
    """A task that waits to be told something; each of its questions comes once."""
    for task in tasks:
        question = task.open_question
        if question is not None and (task.id, question.key) not in asked:
            asked.add((task.id, question.key))
            return task
    return None


def _closing(
    session: Session, asking: Task, ids: Sequence[str], deadline: float | None
) -> Callable[[], bool]:
    """Whether the question is answered, or the waiting over while somebody thinks about it.

    Args:
        session: The notebook.
        asking: The task.
        ids: When one of these is over the waiting is, too.
        deadline: So is it at this time of the clock.
    """

    def is_closed() -> bool:
        if deadline is not None and time.monotonic() >= deadline:
            return True
        try:
            now = session.engine.status(asking.id).open_question
            return (
                now is None
                or asking.question is None
                or now.key != asking.question.key
                or any(session.engine.status(one).is_final for one in ids)
            )
        except TTAError:
            return True  # who waits is told

    return is_closed


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
        self._shown: set[str] = set()
        self._line = ""

    def show(self, tasks: Sequence[Task], waited: float) -> None:
        if self._is_quiet:
            return
        if self._session.is_terminal:
            self._show_line(next(task for task in tasks if not task.is_final))
        elif waited >= CARD_AFTER and not self._has_cards:
            self._has_cards = True
            for task in [task for task in tasks if not task.is_final][:CARDS]:
                self.show_card(task)

    @property
    def has_widgets(self) -> bool:
        """Whether cards are live, with buttons and fields."""
        return display_mode(self._session.shell) == "widget"

    def show_card(self, task: Task) -> None:
        """Show the card of a task, once; in a terminal there is none."""
        if not self._session.is_terminal and task.id not in self._shown:
            self._shown.add(task.id)
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
