"""The board as a page on loopback, for the browser of the user who started it.

The address holds a key behind its `#`, which browsers never send; the page sends it in a header.
So no other page and no other user can ask: a request needs the key, the right Host (against
names that were rebound to 127.0.0.1), and no other Origin. Nothing here answers with CORS headers.
"""

import json
import secrets
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tta_interactive.blocking import BlockingEngine
from tta_interactive.board.reader import Exchange, Readers

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
HOLD_SECONDS: Final = 25.0  # a request is answered after this, with or without news


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
        self._key = secrets.token_urlsafe(24)
        self.readers = Readers(engine, HOLD_SECONDS)
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
        self.readers.close()

    def is_known(self, key: str) -> bool:
        """Whether a request brought this server's key."""
        return secrets.compare_digest(key.encode(), self._key.encode())

    def is_ours(self, host: str, origin: str | None) -> bool:
        """Whether the request was made for this address, by a page of it."""
        names = (f"127.0.0.1:{self.port}", f"localhost:{self.port}")
        return host in names and origin in (None, *(f"http://{name}" for name in names))


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
            said = board.readers.exchange(asked)
            if said is None:
                self._answer(HTTPStatus.SERVICE_UNAVAILABLE)
                return
            self._answer(HTTPStatus.OK, json.dumps(said).encode(), "application/json")

        def _is_ours(self) -> bool:
            if board.is_ours(self.headers.get("Host", ""), self.headers.get("Origin")):
                return True
            self._answer(HTTPStatus.MISDIRECTED_REQUEST)
            return False

        def _body(self) -> Exchange | None:
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > MAX_BODY:
                return None
            if self.headers.get_content_type() != "application/json":
                return None
            try:
                return Exchange.model_validate(json.loads(self.rfile.read(int(length))))
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
