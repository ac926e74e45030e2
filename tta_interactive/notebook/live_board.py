"""The rich board in a notebook: the module that the page uses too, in an anywidget.

One model can be shown in several places (a notebook in two tabs, a view of its own beside the
notebook). Each place names itself and has a feed of its own, for each can look at another page.
"""

import importlib
import importlib.util
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, cast

from pydantic import JsonValue

from tta_interactive.blocking import BlockingEngine
from tta_interactive.board import MODULE, BoardFeed
from tta_interactive.notebook.board_loop import BoardLoop
from tta_interactive.notebook.card import answer_at_once

MAX_PLACES: Final = 3  # a page that was reloaded comes back under another name
NAME: Final = 40


def is_possible() -> bool:
    """Whether this kernel can show the rich board."""
    return importlib.util.find_spec("anywidget") is not None


class LiveBoard:
    """A board in one output of a notebook, live as long as the kernel."""

    def __init__(self, engine: BlockingEngine, heard: Callable[[], None] = lambda: None) -> None:
        """Make it.

        Args:
            engine: Whose tasks are shown.
            heard: Called when a page shows it: it could load the module.
        """
        base: Any = importlib.import_module("anywidget").AnyWidget
        # Made here: the class needs a library that not every kernel has.
        self._widget = type("TaskBoard", (base,), {"_esm": MODULE.read_text("utf-8")})()
        answer_at_once(self._widget)
        self._engine, self._heard = engine, heard
        self._feeds: dict[str, BoardFeed] = {}
        self._loop = BoardLoop(engine, self)

        # It runs in a thread that nobody can foretell: it only hands over.
        def asked(_: object, message: object, __: object) -> None:
            self._loop.ask(message)

        self._widget.on_msg(asked)

    @property
    def model_id(self) -> str:
        """Of the widget that shows it."""
        return self._widget.model_id

    @property
    def belongs_here(self) -> bool:
        """False in a process that was forked: its copy has no thread."""
        return self._loop.belongs_here

    def close(self) -> None:
        """End it; the page shows it as it was last."""
        self._loop.close()

    # Called in the board's own thread.

    @property
    def is_ticking(self) -> bool:
        return False  # the page's own clock does it

    def tick(self) -> None:
        """Nothing to do: it is never asked for."""

    def take(self, message: object) -> None:
        if not isinstance(message, dict):
            return  # not from our module: nobody to answer
        said = cast("dict[object, object]", message)
        if isinstance(place := said.get("view"), str):
            self._feed_of(place[:NAME]).take(said.get("message"))
            self._heard()

    def refresh(self, moved: Collection[str]) -> None:
        for feed in self._feeds.values():
            feed.refresh(moved)

    def stumbled(self, error: Exception) -> None:
        for place in self._feeds:
            self._say(place, {"type": "problem", "text": f"The board stumbled: {error!r:.200}"})

    def _feed_of(self, place: str) -> BoardFeed:
        feed = self._feeds.pop(place, None)
        if feed is None:
            feed = BoardFeed(self._engine, lambda said: self._say(place, said))
        self._feeds[place] = feed  # at the end: the first is the one not used for longest
        while len(self._feeds) > MAX_PLACES:
            self._feeds.pop(next(iter(self._feeds)))
        return feed

    def _say(self, place: str, message: Mapping[str, JsonValue]) -> None:
        self._widget.send({"view": place, "message": dict(message)})
