"""Waiting for tasks and showing how they go: a live block on a terminal, lines in a pipe.

The wait sleeps until the engine says that something changed; it reads only what changed. The
slow tick beside it keeps the elapsed time honest on a screen and asks the store nothing.
"""

import threading
import time
from collections.abc import Callable, Sequence, Set
from datetime import UTC, datetime
from typing import Final, Protocol, Self

from tta_interactive.blocking import BlockingEngine
from tta_interactive.cli.answering import prompt
from tta_interactive.cli.screen import Screen
from tta_interactive.cli.view import question_lines, summary
from tta_interactive.task import Task

LINE_PAUSE: Final = 1.0  # seconds between two lines about one running task
LEAST_LIVE_WIDTH: Final = 40


class Display(Protocol):
    """Shows tasks while they are waited for."""

    tick: float
    """Seconds after which `show` wants to be called again though nothing changed."""

    def show(self, tasks: Sequence[Task]) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class Lines:
    """A line for each change: for pipes, logs and terminals without `rich`."""

    tick = LINE_PAUSE

    def __init__(self, screen: Screen, clock: Callable[[], float] = time.monotonic) -> None:
        self._screen, self._clock = screen, clock
        self._shown: dict[str, tuple[object, float]] = {}

    def show(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            state = (task.status, task.message, task.cancel_requested_at is None)
            before, at = self._shown.get(task.id, (None, 0.0))
            if state == before:
                continue
            is_only_message = before is not None and state[0] == before[0]  # type: ignore[index]  # a tuple like state
            if is_only_message and self._clock() - at < LINE_PAUSE:
                continue  # the next tick looks again
            self._shown[task.id] = (state, self._clock())
            if not self._screen.is_json:
                self._screen.line(summary(task, self._screen.width, datetime.now(UTC)))
                if not self._screen.can_prompt:
                    self._screen.lines(question_lines(task, self._screen.width))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def display_for(screen: Screen) -> Display:
    """The best display that this screen can show."""
    if screen.is_terminal and not screen.is_json and screen.width >= LEAST_LIVE_WIDTH:
        try:
            from tta_interactive.cli.live import Live  # noqa: PLC0415  (needs the extra [cli])
        except ImportError:
            return Lines(screen)
        if Live.is_possible(screen):
            return Live(screen)
    return Lines(screen)


class _Changes:
    """Ids that changed since they were last taken; filled from the watcher's thread."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._lock, self._some = threading.Lock(), threading.Event()

    def add(self, ids: frozenset[str]) -> None:
        with self._lock:
            self._ids |= ids
        self._some.set()

    def take(self, timeout: float) -> set[str]:
        """Those that changed, after waiting for the first; empty at the time-out."""
        self._some.wait(timeout)  # Ctrl-C ends it at once: it has a time-out
        self._some.clear()
        with self._lock:
            taken, self._ids = self._ids, set()
        return taken


def wait_for(
    engine: BlockingEngine,
    task_ids: Sequence[str],
    screen: Screen,
    *,
    timeout: float | None = None,
    any_of: bool = False,
) -> list[Task]:
    """The tasks, in the given order, when all (or any) are over, or as they are at the time-out.

    Raises:
        KeyboardInterrupt: Ctrl-C; the tasks go on.
        WorkerDiesError: Nobody can work on them.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    changes = _Changes()
    unsubscribe = engine.subscribe(changes.add, task_ids)
    asked: set[tuple[str, str]] = set()
    try:
        tasks = {task_id: engine.status(task_id) for task_id in task_ids}
        while True:
            with display_for(screen) as display:
                asking = _until_over(
                    engine, tasks, display, changes, deadline, any_of, screen, asked
                )
            if asking is None:
                return list(tasks.values())
            assert asking.question is not None
            asked.add((asking.id, asking.question.key))
            prompt(engine, asking, screen)
            tasks[asking.id] = engine.status(asking.id)
    finally:
        unsubscribe()


def _until_over(
    engine: BlockingEngine,
    tasks: dict[str, Task],
    display: Display,
    changes: _Changes,
    deadline: float | None,
    any_of: bool,
    screen: Screen,
    asked: Set[tuple[str, str]],
) -> Task | None:
    """Show and follow the tasks until the wait is over; or one that asks, where a person is."""
    while True:
        display.show(list(tasks.values()))
        enough = any if any_of else all
        if enough(task.is_final for task in tasks.values()):
            return None
        for task in tasks.values() if screen.can_prompt else ():
            question = task.open_question
            if question is not None and (task.id, question.key) not in asked:
                return task
        left = display.tick if deadline is None else deadline - time.monotonic()
        if left <= 0:
            return None
        engine.check_worker()
        for task_id in changes.take(min(left, display.tick)) & tasks.keys():
            tasks[task_id] = engine.status(task_id)
