"""The worker's end of the doorbell: who listens, and what each wants to hear."""

import os
import selectors
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tta_interactive.doorbell import BELL, Address, peer_uid

MAX_CLIENTS: Final = 1000
MAX_LINE_BYTES: Final = 4096
DEAF_SECONDS: Final = 1.0


class _Client:
    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.pending = b""
        self.wants: set[str] = set()
        self.wants_end: set[str] = set()
        self.wants_all = False

    @property
    def watches(self) -> bool:
        return self.wants_all or bool(self.wants) or bool(self.wants_end)

    def concerns(self, moved: Mapping[str, bool]) -> bool:
        """Whether it wants to hear of that: what moved, and whether it is over or asks."""
        if self.wants_all or not self.wants.isdisjoint(moved):
            return True
        return any(moved[task_id] for task_id in self.wants_end & moved.keys())


class BellServer:
    """Takes rings and sends bells; everything happens in the worker's selector loop.

    Args:
        home: The store's directory.
        selector: Where its sockets are registered, each with a function as data.
        greeting: The first line that every client gets.
        rung: Called when a client rang.
        watched: Called before a client that now watches is told to look.
        handed: Called when a worker wants to take over, with its version and a function that
            says whether it still waits.
    """

    def __init__(
        self,
        home: Path,
        selector: selectors.BaseSelector,
        greeting: bytes,
        rung: Callable[[], None],
        watched: Callable[[], None],
        handed: Callable[[str, Callable[[], bool]], None],
    ) -> None:
        self._home, self._selector, self._greeting = home, selector, greeting
        self._rung, self._watched, self._handed = rung, watched, handed
        self._clients: dict[int, _Client] = {}
        self._listener: socket.socket | None = None
        self._deaf_until: float | None = None

    def open(self) -> None:
        """Listen. A socket that a dead worker left is replaced: the lease says it is dead."""
        listener = socket.socket(socket.AF_UNIX)
        with Address(self._home) as address:
            try:
                os.unlink(address)
            except FileNotFoundError:
                pass
            old = os.umask(0o177)  # the file is 0600 from its first moment
            try:
                listener.bind(address)
            finally:
                os.umask(old)  # tasks get the umask of whoever started the worker
        listener.listen(128)
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._listener = listener

    def close(self) -> None:
        """Take the name away, then drop every client: they notice at once."""
        if self._listener is not None:
            with Address(self._home) as address:
                try:
                    os.unlink(address)
                except FileNotFoundError:
                    pass
            if self._deaf_until is None:
                self._selector.unregister(self._listener)
            self._deaf_until = None
            self._listener.close()
            self._listener = None
        for client in list(self._clients.values()):
            self._drop(client)

    @property
    def is_heard(self) -> bool:
        """Whether a client that rings now is heard at once."""
        return self._listener is not None and self._deaf_until is None

    @property
    def next_deadline(self) -> float | None:
        """When `listen_again` wants to be called, on the monotonic clock."""
        return self._deaf_until

    def listen_again(self) -> None:
        """Take clients again when some time has passed since that was impossible."""
        if self._deaf_until is not None and time.monotonic() >= self._deaf_until:
            self._deaf_until = None
            if self._listener is not None:
                self._selector.register(self._listener, selectors.EVENT_READ, self._accept)

    @property
    def is_watched(self) -> bool:
        """Whether anybody wants to hear of any task."""
        return any(client.watches for client in self._clients.values())

    def ring(self, moved: Mapping[str, bool]) -> None:
        """Send one bell to everyone who watches one of the tasks.

        Args:
            moved: Their ids, and whether each is over or asks a question.
        """
        for client in list(self._clients.values()):
            if client.concerns(moved):
                self._send(client, BELL)

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:
            # No descriptor left: who waits in line would wake us again and again.
            self._selector.unregister(self._listener)
            self._deaf_until = time.monotonic() + DEAF_SECONDS
            return
        if len(self._clients) >= MAX_CLIENTS or peer_uid(connection) != os.geteuid():
            connection.close()
            return
        connection.setblocking(False)
        client = _Client(connection)
        self._clients[connection.fileno()] = client
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._read(client))
        self._send(client, self._greeting)

    def _read(self, client: _Client) -> None:
        try:
            data = client.connection.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        *lines, client.pending = (client.pending + data).split(b"\n")
        if any([self._obey(client, line) for line in lines]):  # noqa: C419  (obey all)
            self._watched()
            self._send(client, BELL)
        if not data or len(client.pending) > MAX_LINE_BYTES:
            self._drop(client)

    def _obey(self, client: _Client, line: bytes) -> bool:
        """Do what a client says; whether it now watches more."""
        word, _, rest = line.partition(b" ")
        match word:
            case b"r":
                self._rung()
            case b"w" | b"e":
                wants = client.wants if word == b"w" else client.wants_end
                wants.add(rest.decode("utf-8", "replace"))
                return True
            case b"u":
                client.wants.discard(rest.decode("utf-8", "replace"))
                client.wants_end.discard(rest.decode("utf-8", "replace"))
            case b"a" | b"n":
                client.wants_all = word == b"a"
                return client.wants_all
            case b"h":
                version = rest.decode("ascii", "replace")
                self._handed(version, lambda: client.connection.fileno() >= 0)
            case _:
                pass  # a newer client's word
        return False

    def _send(self, client: _Client, line: bytes) -> None:
        try:
            client.connection.send(line)
        except BlockingIOError:
            pass  # it has thousands of bells unread already: one more says nothing new
        except OSError:
            self._drop(client)

    def _drop(self, client: _Client) -> None:
        number = client.connection.fileno()
        if number >= 0 and self._clients.pop(number, None) is not None:
            self._selector.unregister(client.connection)
            client.connection.close()
