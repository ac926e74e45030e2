"""Lines of JSON on a stream socket, in a selector loop."""

import json
import selectors
import socket
from collections.abc import Callable
from typing import Any, Final, cast

MAX_LINE_BYTES: Final = 64 * 1024 * 1024


class Channel:
    """One end of a socket that carries one JSON object a line.

    Args:
        connection: The socket; owned from now on.
        selector: Where it is registered, with a function as data.
        heard: Called with each object.
        ended: Called once when the other side is gone, or says what cannot be read.
    """

    def __init__(
        self,
        connection: socket.socket,
        selector: selectors.BaseSelector,
        heard: Callable[[dict[str, Any]], None],
        ended: Callable[[], None],
    ) -> None:
        self._connection, self._selector = connection, selector
        self._heard, self._ended = heard, ended
        self._parts: list[bytes] = []
        self._size = 0
        self._outbox = b""
        connection.setblocking(False)
        selector.register(connection, selectors.EVENT_READ, self._ready)

    def tell(self, message: dict[str, Any]) -> None:
        """Send an object; what the other side cannot take yet follows when it can."""
        self._outbox += json.dumps(message, allow_nan=False).encode() + b"\n"
        self._push()

    def drain(self) -> None:
        """Hear now what has arrived."""
        while self._connection.fileno() >= 0 and self._has_more():
            self._ready()

    def _has_more(self) -> bool:
        try:
            return bool(self._connection.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def release(self) -> socket.socket:
        """The connection, for another use. Nothing is called any more."""
        self._selector.unregister(self._connection)
        return self._connection

    def close(self) -> None:
        """Close it. Nothing is called any more."""
        if self._connection.fileno() >= 0:
            self._selector.unregister(self._connection)
            self._connection.close()

    def _ready(self) -> None:
        if self._outbox:
            self._push()
        try:
            data = self._connection.recv(262_144)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._give_up()
            return
        first, *rest = data.split(b"\n")
        self._parts.append(first)
        self._size += len(first)
        for part in rest:
            line = b"".join(self._parts)
            self._parts, self._size = [part], len(part)
            if line and not self._pass_on(line):
                return
        if self._size > MAX_LINE_BYTES:
            self._give_up()

    def _pass_on(self, line: bytes) -> bool:
        try:
            message: Any = json.loads(line)
            if not isinstance(message, dict):
                raise TypeError("no object")
        except (ValueError, TypeError, RecursionError):
            self._give_up()
            return False
        self._heard(cast(dict[str, Any], message))  # may close this channel
        return self._connection.fileno() >= 0

    def _push(self) -> None:
        try:
            sent = self._connection.send(self._outbox)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._outbox = b""  # its end is seen by `_ready`
            return
        self._outbox = self._outbox[sent:]
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outbox else 0)
        if self._selector.get_key(self._connection).events != wanted:
            self._selector.modify(self._connection, wanted, self._ready)

    def _give_up(self) -> None:
        self.close()
        self._ended()
