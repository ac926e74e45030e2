"""What a task asks, in its shim: one question at a time, each with its own way back.

    waits for a packet --question--> told to the worker, until it says `answer` --> waits again
                                     `-- nobody waits for it any more: `withdrawn`

While one is open no other is read: they stay in the socket. Time passes in `waited` then and not
in the task's time-out. A worker that takes over is told again, by the same key.

What comes with a packet is a stranger's, and closing it can hang: a socket that lingers
(socket(7)), or one in the queue of another. So packets are taken, and what came with them is
closed, in a thread that nobody waits for. A task that never asks has none.

No packet is taken while the worker has not taken what it was told of the one before: a task that
asks faster than it is heard fills its own socket, and nobody's memory.
"""

import _thread
import array
import json
import os
import select
import socket
import time
from _queue import SimpleQueue  # `queue` would bring `threading` into every shim
from collections.abc import Callable
from typing import Any, Final, Protocol, cast

MAX_PACKET: Final = 64 * 1024
MOST_FDS: Final = 253  # of one packet: SCM_MAX_FD, unix(7)
# Of lists and objects; a form has six. No reader's stack is so full that it could not read that.
MOST_LEVELS: Final = 32

UNREADABLE: Final = f"The question is no JSON object, or has more than {MOST_LEVELS} levels."

Order = Callable[[], None]


class Watching(Protocol):
    """What calls a handler when a descriptor can be read, and stops to."""

    def __call__(self, source: socket.socket | int | None, handler: Callable[[], None]) -> None:
        """Watch it."""
        ...


class _Porter:
    """Takes packets from the door and closes what is foreign, one thing after another.

    Args:
        door: Owned from now on.
    """

    def __init__(self, door: socket.socket) -> None:
        self._door = door
        door.setblocking(True)
        self.bell, self._rings = socket.socketpair()
        self._came: SimpleQueue[tuple[bytes, socket.socket | None] | None] = SimpleQueue()
        self._orders: SimpleQueue[Order | None] = SimpleQueue()
        self._orders.put(self._take)
        _thread.start_new_thread(self._work, ())

    def came(self) -> tuple[bytes, socket.socket | None] | None:
        """After the bell: a packet and its way back, if it has one; None: no more will come."""
        self.bell.recv(1)
        return self._came.get()

    def drop(self, done: socket.socket) -> None:
        """Close what is done with."""
        self._orders.put(done.close)

    def next(self) -> None:
        """Take another packet when there is one."""
        self._orders.put(self._take)

    def end(self, done: socket.socket | None) -> None:
        """Close everything. Nobody waits for that: it goes with the process at the latest."""
        for one in (done, self._door):
            if one is not None:
                self._orders.put(one.close)
        self._orders.put(None)
        self.bell.close()

    def _work(self) -> None:
        while (order := self._orders.get()) is not None:
            try:
                order()
            except OSError:
                pass  # a foreign socket may say what it likes when it is closed
        self._rings.close()

    def _take(self) -> None:
        numbers = array.array("i")
        try:
            data, ancillary, _, _ = self._door.recvmsg(
                MAX_PACKET, socket.CMSG_SPACE(MOST_FDS * numbers.itemsize), socket.MSG_CMSG_CLOEXEC
            )
        except OSError:
            data, ancillary = b"", []
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                numbers.frombytes(payload[: len(payload) - len(payload) % numbers.itemsize])
        way_back = _way_back(numbers[0]) if len(numbers) == 1 else None
        is_over = not data and not numbers and _is_over(self._door)
        self._came.put(None if is_over else (data, way_back))
        self._rings.send(b"!")
        if way_back is None:
            for number in numbers:
                os.close(number)


class Asked:
    """The questions of one attempt.

    Args:
        door: The descriptor on which packets arrive; owned from now on.
        prefix: What the keys of its questions begin with; no other attempt's do.
        watch: Calls when a descriptor can be read.
        unwatch: No longer.
        tell: Tells the worker; whether it took that at once. If not, `go_on` says when it has.
        clean: Makes a value safe to tell: no secrets.
    """

    def __init__(
        self,
        door: int,
        prefix: str,
        watch: Watching,
        unwatch: Callable[[int], None],
        tell: Callable[[dict[str, Any]], bool],
        clean: Callable[[Any], Any],
    ) -> None:
        self._door = socket.socket(fileno=door)
        self._prefix, self._watch, self._unwatch = prefix, watch, unwatch
        self._tell, self._clean = tell, clean
        self._count = 0
        self._porter: _Porter | None = None
        self._way_back: socket.socket | None = None
        self._message: dict[str, Any] = {}
        self._withdrawn: dict[str, Any] = {}
        self._since = 0.0
        self._waited = 0.0
        self._is_heard = True
        self._is_due = False  # another packet is to be taken, once that is so
        watch(self._door, self._knock)

    @property
    def was_used(self) -> bool:
        """Whether the task asked: a thread may be left then."""
        return self._porter is not None

    @property
    def is_open(self) -> bool:
        """Whether a question waits for its answer."""
        return self._way_back is not None

    @property
    def waited(self) -> float:
        """Seconds in which the task waited for answers."""
        return self._waited

    def tell_again(self) -> None:
        """Another worker listens; the one before may not have heard the last."""
        if self._withdrawn:
            self._is_heard = self._tell(self._withdrawn)
        if self.is_open:
            self._is_heard = self._tell(self._message)

    def go_on(self) -> None:
        """The worker has taken all that it was told, or is gone."""
        self._is_heard = True
        if self._porter is not None and self._is_due:
            self._is_due = False
            self._porter.next()

    def answer(self, message: dict[str, Any]) -> None:
        """Pass on what the worker says; what is not about the open question is old."""
        if self._way_back is None or message.get("key") != self._message["key"]:
            return
        reply = {name: message[name] for name in ("value", "refused") if name in message}
        _reply(self._way_back, reply)
        self._close()

    def close(self) -> None:
        """The task is over."""
        if self._porter is None:
            self._knock()
        if self._way_back is not None:
            self._unwatch(self._way_back.fileno())
        if self._porter is not None:
            self._unwatch(self._porter.bell.fileno())
            self._porter.end(self._way_back)
        self._way_back = None

    def _knock(self) -> None:
        """The first packet, or nobody is left who could ask."""
        if self._door.fileno() < 0:
            return
        self._unwatch(self._door.fileno())
        if _is_over(self._door):
            self._door.close()
        else:
            self._porter = _Porter(self._door)
            self._watch(self._porter.bell, self._take)

    def _take(self) -> None:
        assert self._porter is not None
        came = self._porter.came()
        if came is None:
            return
        data, way_back = came
        asks = None if way_back is None else self._question_of(data)
        if way_back is None or asks is None:
            if way_back is not None:
                _reply(way_back, {"refused": UNREADABLE})
                self._porter.drop(way_back)
            self._porter.next()
            return
        self._message, self._way_back, self._since = asks, way_back, time.monotonic()
        self._watch(way_back, self._look_back)
        self._is_heard = self._tell(self._message)

    def _question_of(self, data: bytes) -> dict[str, Any] | None:
        """What the worker is to be told; None: a task may write what it likes."""
        try:
            said = json.loads(data)
            if _is_deeper(said, MOST_LEVELS):
                return None
            key = f"{self._prefix}.{self._count + 1}"
            asks = {"type": "asks", "key": key, "question": self._clean(said["question"])}
            if call := str(said.get("call", ""))[:40]:
                asks["call"] = call.encode("ascii", "replace").decode()
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        self._count += 1
        return asks

    def _look_back(self) -> None:
        """Whoever asked is gone, or says what nobody wants to hear: the end of the question."""
        told = {name: self._message[name] for name in ("key", "call") if name in self._message}
        self._withdrawn = {"type": "withdrawn", **told}
        self._is_heard = self._tell(self._withdrawn)
        self._close()

    def _close(self) -> None:
        assert self._way_back is not None
        assert self._porter is not None
        self._waited += time.monotonic() - self._since
        self._unwatch(self._way_back.fileno())
        self._porter.drop(self._way_back)
        self._way_back, self._is_due = None, True
        if self._is_heard:
            self.go_on()


def _is_deeper(value: object, levels: int) -> bool:
    """Whether it has more levels of lists and objects."""
    if isinstance(value, dict):
        value = list(cast(dict[str, Any], value).values())
    if not isinstance(value, list):
        return False
    return levels == 0 or any(_is_deeper(one, levels - 1) for one in cast(list[Any], value))


def _reply(way_back: socket.socket, reply: dict[str, Any]) -> None:
    try:
        way_back.send(json.dumps(reply).encode(), socket.MSG_DONTWAIT)
    except OSError:
        pass  # it is gone: so is what it wanted to know


def _is_over(door: socket.socket) -> bool:
    """Whether nobody is left at the other end, and nothing lies in it that closing it would close."""
    poll = select.poll()
    poll.register(door, 0)
    if not any(event & select.POLLHUP for _, event in poll.poll(0)):
        return False
    data, _, flags, _ = door.recvmsg(1, 0, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    return not data and not flags & socket.MSG_CTRUNC


def _way_back(number: int) -> socket.socket | None:
    """The socket that an answer goes to, if it is one of the sort that `ask` makes."""
    try:
        found = socket.socket(fileno=number)
    except OSError:
        return None
    if (found.family, found.type) == (socket.AF_UNIX, socket.SOCK_SEQPACKET):
        return found
    found.detach()
    return None
