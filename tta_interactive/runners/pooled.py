"""A re-used Python process that calls one function after another for the worker's pool.

Runs by path in any Python from 3.9 on, standard library only. It is fast because nothing is
started; so nothing isolates one call from the next either. It says so itself when it should
be replaced: when a call left processes behind, or when the user has changed a module that
it has loaded.

TTA_FDS names three descriptors. From the second come orders, one packet a call: {"call",
"task_id", "waits", "payload"}, or {"call", ..., "file"} whose content is the order. To the
first go lines of JSON: any number of {"log": text}, then {"done": {"result": ...} or
{"error": {...}}, "dirty": bool, "took": seconds}; or, before anything ran, {"stale": true}. To the third go
the numbers of calls that waited and are begun now: see `worker.ahead`.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Collection
from typing import Any

LOG_SECONDS = 0.1
LOG_BYTES = 32 * 1024
ORDER_BYTES = 65536
MAX_RESULT_BYTES = 16 * 1024 * 1024


def _load_child() -> Any:
    """The module beside this one, under a name that hides no module of the user."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "child.py")
    spec = importlib.util.spec_from_file_location("_tta_child", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _Log(io.RawIOBase):
    """What `print` writes to; sends it in pieces, at the latest after a tenth of a second."""

    def __init__(self, send: Callable[[str], None]) -> None:
        super().__init__()
        self._send = send
        self._lock = threading.Lock()
        self._held: bytearray = bytearray()
        self._sent_at = 0.0
        self._timer = None

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        with self._lock:
            self._held += data
            due = time.monotonic() - self._sent_at >= LOG_SECONDS
            if due or len(self._held) >= LOG_BYTES:
                self._let_go()
            elif self._timer is None:
                self._timer = threading.Timer(LOG_SECONDS, self.send)
                self._timer.daemon = True
                self._timer.start()
        return len(data)

    def send(self) -> None:
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._held:
            for start in range(0, len(self._held), LOG_BYTES):
                text = self._held[start : start + LOG_BYTES].decode("utf-8", "replace")
                self._send(json.dumps({"log": text}))
            self._held.clear()
            self._sent_at = time.monotonic()


class _Freshness:
    """Whether the modules loaded from the workspace are still what the files say."""

    def __init__(self, workspace: str) -> None:
        self._root = os.path.realpath(workspace) + os.sep
        self._count = 0
        self._files: dict[str, tuple[int, int]] = {}

    def remember(self) -> None:
        if len(sys.modules) == self._count:
            return
        self._count = len(sys.modules)
        for module in list(sys.modules.values()):
            path = getattr(module, "__file__", None)
            if isinstance(path, str) and path not in self._files and self._is_users(path):
                stamp = _stamp(path)
                if stamp is not None:
                    self._files[path] = stamp

    def is_stale(self) -> bool:
        return any(_stamp(path) != stamp for path, stamp in self._files.items())

    def _is_users(self, path: str) -> bool:
        return os.path.realpath(path).startswith(self._root) and "site-packages" not in path


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size


def left_processes() -> bool:
    """Whether a process that a call started lives on: a child of ours, or an orphan."""
    own: list[str] = []
    for thread in os.listdir("/proc/self/task"):
        own += _children(f"/proc/self/task/{thread}/children")
    parent = os.getppid()  # the shim, to which every orphan falls
    return bool(own) or len(_children(f"/proc/{parent}/task/{parent}/children")) > 1


def left_threads(before: Collection[threading.Thread]) -> bool:
    """Whether a thread that a call started lives on. Timers do not count: the log has one."""
    new = [one for one in threading.enumerate() if one not in before]
    return not all(isinstance(one, threading.Timer) for one in new)


def _children(path: str) -> list[str]:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().split()
    except OSError:
        return []


def serve(orders: socket.socket, wire: socket.socket, begun: int, workspace: str) -> None:
    """Call what the worker sends, until it closes the connection."""
    child = _load_child()
    for name in child.BESIDE:
        child.beside(name)  # now, so that the first call need not
    lock = threading.Lock()

    def send(text: str) -> None:
        with lock:
            wire.sendall(text.encode() + b"\n")

    log = _Log(send)
    stream = io.TextIOWrapper(
        io.BufferedWriter(log, 8192), "utf-8", "backslashreplace", line_buffering=True
    )
    sys.stdout = sys.stderr = stream
    fresh = _Freshness(workspace)
    is_dirty = False
    while not is_dirty:  # then the worker ends us; nothing more is taken
        packet = orders.recv(ORDER_BYTES)
        if not packet:
            return
        order = json.loads(packet)
        if order["waits"]:
            os.write(begun, (order["call"] + "\n").encode())
        if fresh.is_stale():
            send('{"stale": true}')
            return
        if "file" in order:
            with open(order["file"], encoding="utf-8") as file:
                order = json.load(file)
            os.unlink(file.name)
        os.environ["TTA_CALL"], os.environ["TTA_TASK_ID"] = order["call"], order["task_id"]
        begun_at, threads = time.monotonic(), set(threading.enumerate())
        spec = {"mode": "call", "payload": order["payload"]}
        record, _ = child.record_of(spec)
        child.flush()
        log.send()
        done = child.text_of_record(record, MAX_RESULT_BYTES)
        fresh.remember()
        # A thread that outlives its call would print, report and ask in the name of the next one.
        is_dirty = left_processes() or left_threads(threads)
        took = time.monotonic() - begun_at
        send(f'{{"took": {took:.6f}, "dirty": {str(is_dirty).lower()}, "done": {done}}}')
    orders.recv(1, socket.MSG_PEEK)


def main() -> None:
    """Serve on the inherited sockets."""
    numbers = [int(number) for number in os.environ.pop("TTA_FDS").split(",")]
    for number in numbers:
        os.set_inheritable(number, False)  # what a call starts must not hold them
    wire, orders = (socket.socket(fileno=number) for number in numbers[:2])
    workspace = os.getcwd()
    sys.path[0] = workspace  # our own directory offers no modules to the functions
    sys.argv = [""]
    try:
        serve(orders, wire, numbers[2], workspace)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the worker is gone; so are we


if __name__ == "__main__":
    main()
