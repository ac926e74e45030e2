"""The thread of one board in a notebook: it takes what pages ask for and tells them what is new.

page ──message──> whatever thread the kernel picks ──┐
store ──moved ids──> the watcher's thread ───────────┼──> this thread ──> feed ──> page
                                                     └─ at most five rounds a second
"""

import os
import queue
import threading
from collections.abc import Collection
from typing import Final, Protocol

from tta_interactive.blocking import BlockingEngine
from tta_interactive.errors import TTAError

PAUSE: Final = 0.2  # a browser that gets more loses the last updates (measured)
TICK: Final = 1.0  # the seconds of running tasks go on


class Painter(Protocol):
    """What the thread serves: nothing else may touch it."""

    @property
    def is_ticking(self) -> bool:
        """Whether it wants `tick` each second."""
        ...

    def tick(self) -> None:
        """A second went by."""
        ...

    def take(self, message: object) -> None:
        """Do what a page asks for."""
        ...

    def refresh(self, moved: Collection[str]) -> None:
        """Tell what is new, or raise `TTAError`."""
        ...

    def stumbled(self, error: Exception) -> None:
        """Tell that a round came to nothing."""
        ...


class BoardLoop:
    """The thread, from its making until `close`."""

    def __init__(self, engine: BlockingEngine, painter: Painter) -> None:
        self._painter = painter
        self._pid = os.getpid()
        self._asked: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._moved: set[str] = set()
        self._bell = threading.Event()
        self._is_closed = False
        self._unsubscribe = engine.subscribe(self._ring)
        self._thread = threading.Thread(target=self._run, name="tta-board", daemon=True)
        self._thread.start()

    @property
    def belongs_here(self) -> bool:
        """False in a process that was forked: its copy has no thread."""
        return self._pid == os.getpid()

    def ask(self, message: object) -> None:
        """Hand over what a page asks for; from any thread."""
        self._asked.put(message)
        self._bell.set()

    def close(self) -> None:
        """End the thread; the page shows the board as it was last."""
        self._is_closed = True
        self._unsubscribe()
        self._bell.set()
        if self._thread is not threading.current_thread():
            self._thread.join(1.0)

    def _ring(self, moved: frozenset[str]) -> None:
        with self._lock:
            self._moved |= moved
        self._bell.set()

    def _run(self) -> None:
        while not self._is_closed:
            is_time = not self._bell.wait(TICK if self._painter.is_ticking else None)
            self._bell.clear()
            # Boundary: a front end that went away must not end the board of another page.
            try:
                self._painter.tick() if is_time else self._round()
            except Exception as error:
                self._painter.stumbled(error)
            threading.Event().wait(PAUSE)

    def _round(self) -> None:
        while not self._asked.empty():
            self._painter.take(self._asked.get())
        with self._lock:
            moved, self._moved = self._moved, set()
        if not moved:
            return
        try:
            self._painter.refresh(moved)
        except TTAError:  # busy or away: the same again in the next round
            self._ring(frozenset(moved))
