"""A re-used Python process that calls one function after another for the worker's pool.

Runs by path in any Python from 3.9 on, standard library only. It is fast because nothing is
started; so nothing isolates one call from the next either. It says so itself when it should
be replaced: when a call left processes behind, or when the user has changed a module that
it has loaded.

Lines of JSON on the socket named in TTA_FDS. In: {"call", "task_id", "payload"}. Out: any number of
{"log": text}, then {"done": {"result": ...} or {"error": {...}}, "dirty": bool}; or, before
anything ran, {"stale": true}.
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
from collections.abc import Callable
from typing import Any

LOG_SECONDS = 0.1
LOG_BYTES = 32 * 1024
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


def _children(path: str) -> list[str]:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().split()
    except OSError:
        return []


def serve(connection: socket.socket, workspace: str) -> None:
    """Call what the worker sends, until it closes the connection."""
    child = _load_child()
    lock = threading.Lock()

    def send(text: str) -> None:
        with lock:
            connection.sendall(text.encode() + b"\n")

    log = _Log(send)
    stream = io.TextIOWrapper(
        io.BufferedWriter(log, 8192), "utf-8", "backslashreplace", line_buffering=True
    )
    sys.stdout = sys.stderr = stream
    fresh = _Freshness(workspace)
    for line in connection.makefile("rb"):
        if fresh.is_stale():
            send('{"stale": true}')
            return
        order = json.loads(line)
        os.environ["TTA_CALL"], os.environ["TTA_TASK_ID"] = order["call"], order["task_id"]
        spec = {"mode": "call", "payload": order["payload"]}
        record, _ = child.record_of(spec)
        child.flush()
        log.send()
        done = child.text_of_record(record, MAX_RESULT_BYTES)
        fresh.remember()
        send(f'{{"dirty": {str(left_processes()).lower()}, "done": {done}}}')


def main() -> None:
    """Serve on the inherited socket."""
    number = int(os.environ.pop("TTA_FDS").split(",")[0])
    connection = socket.socket(fileno=number)
    connection.set_inheritable(False)  # what a call starts must not hold it
    workspace = os.getcwd()
    sys.path[0] = workspace  # our own directory offers no modules to the functions
    sys.argv = [""]
    try:
        serve(connection, workspace)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the worker is gone; so are we


if __name__ == "__main__":
    main()
