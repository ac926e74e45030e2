"""The board as a page on loopback, for the browser of the user who started it.

The address holds a key behind its `#`, which browsers never send; the page sends it in a header.
So no other page and no other user can ask: a request needs the key, the right Host (against
names that were rebound to 127.0.0.1), and no other Origin. Nothing here answers with CORS headers.
"""

import json
import secrets
import sys
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from tta_interactive.blocking import BlockingEngine
from tta_interactive.board.feed import BoardFeed
from tta_interactive.errors import TTAError

FILES: Final = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/board.js": ("board.js", "text/javascript; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
MAX_BODY: Final = 64 * 1024
MAX_MESSAGES: Final = 100
MAX_READERS: Final = 32
HOLD_SECONDS: Final = 25.0  # a request is answered after this, with or without news
PAUSE_SECONDS: Final = 0.2  # between two answers: at most five a second
LEFT_SECONDS: Final = 120.0  # a page that asked nothing for so long was closed


class _Reader:
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

    def exchange(self, asked: "_Asked") -> dict[str, JsonValue]:
        """Do what the page asks for; then tell what is new, or nothing after a while."""
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
            until = time.monotonic() + HOLD_SECONDS
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


class _Asked(BaseModel):
    """A request of a page."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    seen: Annotated[int, Field(ge=0)]
    """The number of the last message that it got."""
    first: Annotated[int, Field(ge=1)]
    """The number of the first of its own messages here."""
    messages: Annotated[tuple[object, ...], Field(max_length=MAX_MESSAGES)]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A page that was closed, or gave up a request, is no error; others are told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # pyright: ignore[reportArgumentType]


class BoardServer:
    """Serves the board of one store, in a thread of its own, until it is closed.

    Args:
        engine: Whose tasks are shown; it must see what the reader may see.
        port: On 127.0.0.1; 0 takes a free one.

    Raises:
        OSError: The port is taken.
    """

    def __init__(self, engine: BlockingEngine, port: int = 0) -> None:
        self._engine = engine
        self._key = secrets.token_urlsafe(24)
        self._readers: dict[str, _Reader] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), _handler(self))
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), name="tta-board", daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """What to open in a browser. Whoever has it can cancel and repeat tasks."""
        return f"http://127.0.0.1:{self.port}/#{self._key}"

    def close(self) -> None:
        """Stop answering, and forget the readers."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        for reader in self._readers.values():
            reader.end()
        self._readers.clear()

    def is_known(self, key: str) -> bool:
        """Whether a request brought this server's key."""
        return secrets.compare_digest(key.encode(), self._key.encode())

    def is_ours(self, host: str, origin: str | None) -> bool:
        """Whether the request was made for this address, by a page of it."""
        names = (f"127.0.0.1:{self.port}", f"localhost:{self.port}")
        return host in names and origin in (None, *(f"http://{name}" for name in names))

    def reader(self, client: str) -> _Reader | None:
        """The reader of that name; None if there are too many."""
        with self._lock:
            now = time.monotonic()
            for name in [n for n, r in self._readers.items() if now - r.last > LEFT_SECONDS]:
                self._readers.pop(name).end()
            if client not in self._readers:
                if len(self._readers) >= MAX_READERS:
                    return None
                self._readers[client] = _Reader(self._engine)
            return self._readers[client]


def _handler(board: BoardServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_GET(self) -> None:
            if not self._is_ours():
                return
            found = FILES.get(urlsplit(self.path).path)
            if found is None:
                self._answer(HTTPStatus.NOT_FOUND)
                return
            name, kind = found
            self._answer(HTTPStatus.OK, Path(__file__).with_name(name).read_bytes(), kind)

        def do_POST(self) -> None:
            if not self._is_ours():
                return
            key = self.headers.get("Authorization", "").removeprefix("Bearer ")
            if not board.is_known(key):
                self._answer(HTTPStatus.UNAUTHORIZED)
                return
            asked = self._body()
            if asked is None or urlsplit(self.path).path != "/ask":
                self._answer(HTTPStatus.BAD_REQUEST)
                return
            reader = board.reader(asked.client)
            if reader is None:
                self._answer(HTTPStatus.SERVICE_UNAVAILABLE)
                return
            said = json.dumps(reader.exchange(asked)).encode()
            self._answer(HTTPStatus.OK, said, "application/json")

        def _is_ours(self) -> bool:
            if board.is_ours(self.headers.get("Host", ""), self.headers.get("Origin")):
                return True
            self._answer(HTTPStatus.MISDIRECTED_REQUEST)
            return False

        def _body(self) -> _Asked | None:
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > MAX_BODY:
                return None
            if self.headers.get_content_type() != "application/json":
                return None
            try:
                return _Asked.model_validate(json.loads(self.rfile.read(int(length))))
            except (ValueError, RecursionError):  # pydantic's own error is a ValueError
                return None

        def _answer(self, status: HTTPStatus, body: bytes = b"", kind: str = "text/plain") -> None:
            # What was not read of a refused request must not be taken for the next one.
            self.close_connection = self.close_connection or status is not HTTPStatus.OK
            self.send_response(status)
            for name, value in HEADERS.items():
                self.send_header(name, value)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def version_string(self) -> str:
            return "tta"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing: the terminal belongs to the reader."""

    return Handler
