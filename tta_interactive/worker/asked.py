"""What a task asks, in its shim: one question at a time, each with its own way back.

    waits for a packet --question--> told to the worker, until it says `answer` --> waits again
                                     `-- nobody waits for it any more: `withdrawn`

While one is open no other is read: they stay in the socket. Time passes in `waited` then and not
in the task's time-out. A worker that takes over is told again, by the same key.
"""

import json
import os
import socket
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

MAX_PACKET: Final = 64 * 1024


class Watching(Protocol):
    """What calls a handler when a descriptor can be read, and stops to."""

    def __call__(self, source: socket.socket | int | None, handler: Callable[[], None]) -> None:
        """Watch it."""
        ...


class Asked:
    """The questions of one attempt.

    Args:
        door: The descriptor on which packets arrive; owned from now on.
        attempt: Its number.
        watch: Calls when a descriptor can be read.
        unwatch: No longer.
        tell: Tells the worker.
        clean: Makes a value safe to tell: no secrets.
    """

    def __init__(
        self,
        door: int,
        attempt: int,
        watch: Watching,
        unwatch: Callable[[int], None],
        tell: Callable[[dict[str, Any]], None],
        clean: Callable[[Any], Any],
    ) -> None:
        self._door = socket.socket(fileno=door)
        self._attempt, self._watch, self._unwatch = attempt, watch, unwatch
        self._tell, self._clean = tell, clean
        self._count = 0
        self._way_back: socket.socket | None = None
        self._message: dict[str, Any] = {}
        self._since = 0.0
        self._waited = 0.0
        watch(self._door, self._take)

    @property
    def is_open(self) -> bool:
        """Whether a question waits for its answer."""
        return self._way_back is not None

    @property
    def waited(self) -> float:
        """Seconds in which the task waited for answers."""
        return self._waited

    def tell_again(self) -> None:
        """Another worker listens."""
        if self.is_open:
            self._tell(self._message)

    def answer(self, message: dict[str, Any]) -> None:
        """Pass on what the worker says; what is not about the open question is old."""
        if self._way_back is None or message.get("key") != self._message["key"]:
            return
        reply = {name: message[name] for name in ("value", "refused") if name in message}
        try:
            self._way_back.send(json.dumps(reply).encode(), socket.MSG_DONTWAIT)
        except OSError:
            pass  # it is gone: so is what it wanted to know
        self._close()

    def close(self) -> None:
        """The task is over."""
        if self._way_back is not None:
            self._close()
        self._unwatch(self._door.fileno())
        self._door.close()

    def _take(self) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(
                self._door, MAX_PACKET, 1, socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return
        except OSError:
            data, fds = b"", []
        if not data and not fds:
            self._unwatch(self._door.fileno())  # nobody is left who could ask
            return
        way_back = _socket_of(fds)
        if way_back is None:
            return
        try:
            said = json.loads(data)
            question, call = said["question"], str(said.get("call", ""))[:40]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            way_back.close()  # a task may write what it likes
            return
        self._count += 1
        key = f"{self._attempt}.{self._count}"
        self._message = {"type": "asks", "key": key, "question": self._clean(question)}
        if call:
            self._message["call"] = call.encode("ascii", "replace").decode()
        self._way_back, self._since = way_back, time.monotonic()
        self._unwatch(self._door.fileno())
        self._watch(way_back, self._look_back)
        self._tell(self._message)

    def _look_back(self) -> None:
        """Whoever asked is gone, or says what nobody wants to hear: the end of the question."""
        told = {name: self._message[name] for name in ("key", "call") if name in self._message}
        self._close()
        self._tell({"type": "withdrawn", **told})

    def _close(self) -> None:
        assert self._way_back is not None
        self._waited += time.monotonic() - self._since
        self._unwatch(self._way_back.fileno())
        self._way_back.close()
        self._way_back = None
        self._watch(self._door, self._take)


def _socket_of(fds: list[int]) -> socket.socket | None:
    if len(fds) != 1:
        return None
    try:
        return socket.socket(fileno=fds[0])
    except OSError:
        os.close(fds[0])  # no socket
        return None
