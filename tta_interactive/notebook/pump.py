"""One thread that feeds all cards of a kernel.

    watcher's thread ──moved ids──┐
    click on a button ────────────┼──> bell ──> read the newest state ──> paint, at most
    %tta_submit shows a card ─────┘             of each card that moved    five times a second

Only the newest state of a task is ever read, so a flood of changes costs nothing and the
final state is always the last one painted. With no unfinished card the thread sleeps for ever.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Collection
from typing import Final, Protocol

from pydantic import JsonValue

from tta_interactive.blocking import BlockingEngine
from tta_interactive.errors import TTAError
from tta_interactive.notebook.view import TAIL_BYTES
from tta_interactive.task import Task, TaskStatus

PAUSE: Final = 0.2  # a browser that gets more loses the last updates (measured)
TICK: Final = 1.0  # the seconds on a running card go on
TICKING: Final = 20  # of so many cards; a reader looks at one or two
AT_ONCE: Final = 100  # cards painted in one round; the rest comes in the next
PATIENCE: Final = 1.0  # so long a wait that is over waits for its cards


class Card(Protocol):
    """What the pump paints."""

    def show(self, task: Task) -> None:
        """Show it in the cell that is running."""
        ...

    def paint(self, task: Task, log: str = "", problem: str = "") -> None:
        """Show the newest state.

        Args:
            task: As last read.
            log: The end of its output, as it was written.
            problem: What went wrong with a click.
        """
        ...

    def finish(self, task: Task, log: str = "") -> None:
        """Show the final state, for good."""
        ...


class Pump:
    """The thread, and the cards that it feeds."""

    def __init__(self, engine: BlockingEngine) -> None:
        self._engine = engine
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._bell = threading.Event()
        self._stop = threading.Event()
        self._hurry = threading.Event()
        self._finished = threading.Condition(self._lock)
        self._cards: dict[str, tuple[Card, Task]] = {}
        self._moved: set[str] = set()
        self._orders: list[tuple[str, Callable[[], object]]] = []
        self._end_subscription = lambda: None
        self._thread: threading.Thread | None = None

    @property
    def belongs_here(self) -> bool:
        """False in a process that was forked: its copy has no thread."""
        return self._pid == os.getpid()

    def card_of(self, task_id: str) -> Card | None:
        """The card of a task that is not over, if there is one."""
        with self._lock:
            return self._cards[task_id][0] if task_id in self._cards else None

    def feed(self, task: Task, card: Card) -> None:
        """Keep the card up to date until the task is over."""
        with self._lock:
            is_first = not self._cards
            self._cards[task.id] = card, task
            self._moved.add(task.id)  # it may have moved since it was read
            if is_first:
                self._end_subscription = self._engine.subscribe(self._ring)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="tta-pump", daemon=True)
                self._thread.start()
        self._bell.set()

    def settle(self, task_ids: Collection[str]) -> None:
        """Return when the cards of tasks that are over show it, or after a second.

        A program that runs a notebook drops what comes after the cell.
        """
        with self._lock:
            ours = set(task_ids) & self._cards.keys()
            self._moved |= ours
            if ours:
                self._hurry.set()
                self._bell.set()
                self._finished.wait_for(lambda: not ours & self._cards.keys(), PATIENCE)

    def cancel(self, task_id: str) -> None:
        """Ask the task to end, from any thread: it is done in the pump's own."""
        self._order(task_id, lambda: self._engine.cancel(task_id))

    def answer(self, task_id: str, value: JsonValue, key: str) -> None:
        """Answer the task's question, from any thread."""
        self._order(task_id, lambda: self._engine.answer(task_id, value, key=key))

    def _order(self, task_id: str, do: Callable[[], object]) -> None:
        with self._lock:
            self._orders.append((task_id, do))
        self._bell.set()

    def close(self) -> None:
        """End the thread; cards stay as they were painted last, without a button."""
        self._stop.set()
        self._hurry.set()
        self._bell.set()
        self._end_subscription()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(1.0)
        for card, task in self._cards.values():
            # Boundary: a front end that went away must not end the others.
            with contextlib.suppress(Exception):
                card.finish(task)
        self._cards.clear()

    def _ring(self, moved: frozenset[str]) -> None:
        with self._lock:
            ours = moved & self._cards.keys()
            self._moved |= ours
        if ours:
            self._bell.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._bell.wait(TICK if self._ticking() else None)
            self._bell.clear()
            with self._lock:
                orders, self._orders = self._orders, []
                moved = set(list(self._moved)[:AT_ONCE])
                self._moved -= moved
                if self._moved:
                    self._bell.set()
            for task_id, do in orders:
                self._obey(task_id, do)
            for task_id in moved | set(self._ticking()):
                self._paint(task_id, is_fresh=task_id not in moved)
            if self._hurry.wait(PAUSE):
                self._hurry.clear()

    def _ticking(self) -> list[str]:
        """The running tasks whose seconds go on, the newest."""
        with self._lock:
            running = [i for i, (_, t) in self._cards.items() if t.status is TaskStatus.RUNNING]
        return running[-TICKING:]

    def _obey(self, task_id: str, do: Callable[[], object]) -> None:
        """Do what a click asked for."""
        try:
            do()
            with self._lock:
                self._moved.add(task_id)
            self._bell.set()
        except TTAError as error:
            self._paint(task_id, is_fresh=False, problem=str(error))

    def _paint(self, task_id: str, *, is_fresh: bool, problem: str = "") -> None:
        with self._lock:
            card, task = self._cards.get(task_id, (None, None))
        if card is None or task is None:
            return
        try:
            task = task if is_fresh else self._engine.status(task_id)
            if task.is_final:
                card.finish(task, self._log_of(task))
                self._drop(task_id)
                return
            card.paint(task, self._log_of(task), problem)
            with self._lock:
                if task_id in self._cards:
                    self._cards[task_id] = card, task
        except TTAError:
            with self._lock:  # the store is busy or away: look again in the next round
                self._moved.add(task_id)
        # Boundary: a front end that went away must not end the other cards.
        except Exception:
            self._drop(task_id)

    def _log_of(self, task: Task) -> str:
        """The end of the output; a task that waits to be tried again has its last try's."""
        return self._engine.logs(task.id, max_bytes=TAIL_BYTES) if task.attempt else ""

    def _drop(self, task_id: str) -> None:
        with self._lock:
            self._cards.pop(task_id, None)
            self._finished.notify_all()
            is_last = not self._cards
            if is_last:
                end, self._end_subscription = self._end_subscription, lambda: None
                end()
