"""The board in a notebook: the module that the page uses too, in an anywidget.

page ──custom message──> widget ──queue──┐
store ──moved ids──> watcher's thread ───┼──> one thread a board ──> feed ──> page
                                         └─ at most five rounds a second
"""

import importlib
import importlib.util
import os
import queue
import threading
from collections.abc import Mapping
from typing import Any, Final

from pydantic import JsonValue

from tta_interactive.blocking import BlockingEngine
from tta_interactive.board import MODULE, BoardFeed
from tta_interactive.errors import TTAError
from tta_interactive.notebook.card import WIDGET_VIEW

PAUSE: Final = 0.2  # a browser that gets more loses the last updates (measured)


def is_possible() -> bool:
    """Whether this kernel can show a live board."""
    return importlib.util.find_spec("anywidget") is not None


class LiveBoard:
    """A board in one output of a notebook, live as long as the kernel."""

    def __init__(self, engine: BlockingEngine) -> None:
        base: Any = importlib.import_module("anywidget").AnyWidget
        # Made here: the class needs a library that not every kernel has.
        self._widget = type("TaskBoard", (base,), {"_esm": MODULE.read_text("utf-8")})()
        if hasattr(self._widget.comm, "_reply_subshell_for"):
            self._widget.comm._reply_subshell_for = None  # as for the button of a card
        self._pid = os.getpid()
        self._feed = BoardFeed(engine, self._say)
        self._asked: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._moved: set[str] = set()
        self._bell = threading.Event()
        self._is_closed = False
        self._widget.on_msg(self._take)
        self._unsubscribe = engine.subscribe(self._ring)
        self._thread = threading.Thread(target=self._run, name="tta-board", daemon=True)
        self._thread.start()

    @property
    def view(self) -> dict[str, object]:
        """What shows it, as part of a bundle."""
        live = {"version_major": 2, "version_minor": 0, "model_id": self._widget.model_id}
        return {WIDGET_VIEW: live}

    @property
    def belongs_here(self) -> bool:
        """False in a process that was forked: its copy has no thread."""
        return self._pid == os.getpid()

    def close(self) -> None:
        """End it; the page shows it as it was last."""
        self._is_closed = True
        self._unsubscribe()
        self._bell.set()
        if self._thread is not threading.current_thread():
            self._thread.join(1.0)

    # Called in threads that nobody can foretell: they only hand over.

    def _take(self, _: object, message: object, __: object) -> None:
        self._asked.put(message)
        self._bell.set()

    def _ring(self, moved: frozenset[str]) -> None:
        with self._lock:
            self._moved |= moved
        self._bell.set()

    # The board's own thread.

    def _run(self) -> None:
        while not self._is_closed:
            self._bell.wait()
            self._bell.clear()
            # Boundary: a front end that went away must not end the board of another page.
            try:
                self._round()
            except Exception as error:
                self._say({"type": "problem", "text": f"The board stumbled: {error!r:.200}"})
            threading.Event().wait(PAUSE)

    def _round(self) -> None:
        while not self._asked.empty():
            self._feed.take(self._asked.get())
        with self._lock:
            moved, self._moved = self._moved, set()
        try:
            self._feed.refresh(moved)
        except TTAError:  # busy or away: the same again in the next round
            self._ring(frozenset(moved))

    def _say(self, message: Mapping[str, JsonValue]) -> None:
        self._widget.send(dict(message))
