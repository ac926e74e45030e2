"""Who looks at a board from outside our processes, one long request at a time.

A page in a browser and an app in a chat speak the same: each request brings what the reader asks
for and the number of what he got, and is answered when there is something new.
"""

import threading
import time
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from tta_interactive.blocking import BlockingEngine
from tta_interactive.board.feed import BoardFeed
from tta_interactive.errors import TTAError

MAX_MESSAGES: Final = 100
MAX_READERS: Final = 32
PAUSE_SECONDS: Final = 0.2  # between two answers: at most five a second
LEFT_SECONDS: Final = 120.0  # a page that asked nothing for so long was closed


class Exchange(BaseModel):
    """A request of a page."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    client: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    """What the page calls itself."""
    seen: Annotated[int, Field(ge=0)]
    """The number of the last message that it got."""
    first: Annotated[int, Field(ge=1)]
    """The number of the first of its own messages here."""
    messages: Annotated[tuple[object, ...], Field(max_length=MAX_MESSAGES)]
    """What the reader asks for."""


class Reader:
    """One open page: its feed, and what it has not said it got.

    A page that has something to ask ends the request that it waits in. What was under way then,
    in either direction, may be lost: both sides number what they say and say it until it is got.
    """

    def __init__(self, engine: BlockingEngine) -> None:
        self._turn = threading.Lock()
        self._bell = threading.Event()
        self._moved_lock = threading.Lock()
        self._moved: set[str] = set()
        self._told: list[Mapping[str, JsonValue]] = []
        self._forgotten = 0  # how many of the told are got and gone
        self._taken = 0
        self._newest = 0  # the request that came last
        self._feed = BoardFeed(engine, self._told.append)
        self.last = time.monotonic()
        self.end = engine.subscribe(self._ring)

    def _ring(self, moved: frozenset[str]) -> None:
        with self._moved_lock:
            self._moved |= moved
        self._bell.set()

    def exchange(self, asked: Exchange, hold: float) -> dict[str, JsonValue]:
        """Do what the page asks for; tell what is new, or nothing after `hold` seconds."""
        with self._moved_lock:
            self._newest += 1
            mine = self._newest
        self._bell.set()  # an older request of this page is given up
        with self._turn:
            self.last = time.monotonic()
            del self._told[: max(0, asked.seen - self._forgotten)]
            self._forgotten = max(self._forgotten, asked.seen)
            for number, message in enumerate(asked.messages, asked.first):
                if number > self._taken:
                    self._taken = number
                    self._feed.take(message)
            until = time.monotonic() + hold
            while not self._told and mine == self._newest:
                rest = until - time.monotonic()
                if rest <= 0:
                    break
                self._bell.wait(rest)
                self._bell.clear()
                if self._moved and mine == self._newest:
                    self._refresh()
            self.last = time.monotonic()
            return {"first": self._forgotten + 1, "messages": [dict(one) for one in self._told]}

    def _refresh(self) -> None:
        time.sleep(PAUSE_SECONDS)  # what else moves meanwhile goes with it
        with self._moved_lock:
            moved, self._moved = self._moved, set()
        try:
            self._feed.refresh(moved)
        except TTAError:  # busy or away: the same again in the next round
            self._ring(frozenset(moved))


class Readers:
    """The open pages of one board. Calls may come from any thread.

    Args:
        engine: Whose tasks are shown; it must see what the readers may see.
        hold: Seconds after which a request is answered, with or without news.
    """

    def __init__(self, engine: BlockingEngine, hold: float) -> None:
        self._engine, self._hold = engine, hold
        self._readers: dict[str, Reader] = {}
        self._lock = threading.Lock()

    def exchange(self, asked: Exchange) -> dict[str, JsonValue] | None:
        """Serve a request; blocks until there is news. None: too many pages are open."""
        reader = self._reader(asked.client)
        return reader and reader.exchange(asked, self._hold)

    def close(self) -> None:
        """Forget them all."""
        for reader in self._readers.values():
            reader.end()
        self._readers.clear()

    def _reader(self, client: str) -> Reader | None:
        with self._lock:
            now = time.monotonic()
            for name in [n for n, r in self._readers.items() if now - r.last > LEFT_SECONDS]:
                self._readers.pop(name).end()
            if client not in self._readers:
                if len(self._readers) >= MAX_READERS:
                    return None
                self._readers[client] = Reader(self._engine)
            return self._readers[client]
