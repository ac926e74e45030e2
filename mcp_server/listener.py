"""A listening socket that has only so many connections at one time.

They count from the moment they are taken to the moment they are closed, so that one whose TLS
handshake never ends counts too: the server's own list begins after it. A further one is cut off at
once, before descriptors run out that the task store needs.
"""

import socket
from typing import Any, Final

MAX_OPEN: Final = 400  # over the 256 that are served: those are told 503


class Listener(socket.socket):
    """Takes connections while fewer than `MAX_OPEN` are open."""

    _open = 0

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection.

        Raises:
            ConnectionAbortedError: It was cut off. An event loop takes it as one that gave up.
            BlockingIOError: There is none.
        """
        taken, address = super().accept()
        if self._open >= MAX_OPEN:
            taken.close()
            raise ConnectionAbortedError
        self._open += 1
        return _Taken(self, taken), address

    def forget(self) -> None:
        """One of the connections was closed."""
        self._open -= 1


class _Taken(socket.socket):
    def __init__(self, listener: Listener, taken: socket.socket) -> None:
        self._listener: Listener | None = listener
        super().__init__(taken.family, taken.type, taken.proto, fileno=taken.detach())

    def close(self) -> None:
        """Close it, and count it no more."""
        if self._listener is not None:
            self._listener.forget()
            self._listener = None
        super().close()
