"""Real attempts for tests: a zygote, attempts in a short directory, and nothing left after."""

import fcntl
import json
import os
import secrets
import shutil
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tta_interactive.worker.attempt import AttemptSpec, Outcome
from tta_interactive.worker.pump import read_log
from tta_interactive.worker.sweep import sweep
from tta_interactive.worker.zygote import Zygote

PATIENCE = 20.0


def until(what: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """The first true answer of `what`; fails after `seconds`."""
    end = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < end, f"{what} did not come true within {seconds} s"
        time.sleep(0.005)
    return answer


def processes_with(text: str) -> dict[int, str]:
    """Living processes whose command line holds `text`."""
    found: dict[int, str] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                line = Path(f"/proc/{name}/cmdline").read_bytes()
                state = Path(f"/proc/{name}/stat").read_bytes().rpartition(b")")[2].split()[0]
            except OSError:
                continue
            if text.encode() in line and state != b"Z":
                found[int(name)] = line.replace(b"\0", b" ").decode(errors="replace")
    return found


class Attempt:
    """One attempt, seen by its worker."""

    def __init__(self, spec: AttemptSpec, channel: socket.socket) -> None:
        self.spec, self.channel = spec, channel
        self.directory = Path(spec.directory)
        self.messages: list[dict[str, Any]] = []
        self._rest = b""
        self.is_over = False

    def read(self, seconds: float = PATIENCE) -> None:
        """Take in one piece of what the shim says."""
        self.channel.settimeout(seconds)
        try:
            data = self.channel.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        self.is_over = not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.messages += map(json.loads, lines)

    def hears(self, kind: str) -> dict[str, Any]:
        """The first message of a type."""
        while True:
            for message in self.messages:
                if message["type"] == kind:
                    return message
            assert not self.is_over, f"no {kind!r} in {self.messages}"
            self.read()

    def pid(self) -> int:
        return self.hears("started")["pid"]

    def shim(self) -> int:
        """The parent of the task's first process."""
        stat = Path(f"/proc/{self.pid()}/stat").read_text()
        return int(stat.rpartition(")")[2].split()[1])

    def cancel(self) -> None:
        self.channel.sendall(b'{"type": "cancel"}\n')

    def outcome(self) -> Outcome:
        """How it ended. The shim gets no other attempt."""
        outcome = Outcome.from_json(self.hears("finished")["outcome"])
        with suppress(OSError):  # it has gone by itself
            self.channel.shutdown(socket.SHUT_WR)
        return outcome

    def log(self) -> bytes:
        return read_log(str(self.directory))


class Attempts:
    """Starts attempts and cleans up after them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.workspace = home / "work"
        self.workspace.mkdir()
        (home / "attempts").mkdir()
        self.zygote = Zygote.start()
        self.made: list[Attempt] = []

    def start(self, **facts: Any) -> Attempt:
        task_id = "t_" + secrets.token_urlsafe(16)
        directory = self.home / "attempts" / f"{task_id}.1"
        directory.mkdir(0o700)
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        extra = facts.pop("extra_fds", ())
        given: dict[str, Any] = {
            "task_id": task_id,
            "attempt": 1,
            "kind": "test",
            "workspace": str(self.workspace),
            "directory": str(directory),
            "state": str(self.home),
            "grace": 0.2,
            **facts,
        }
        spec = AttemptSpec(**given)
        try:
            attempt = Attempt(spec, self.zygote.spawn(spec, lock, extra))
        finally:
            os.close(lock)
        self.made.append(attempt)
        return attempt

    def shell(self, script: str, **facts: Any) -> Attempt:
        return self.start(argv=("/bin/bash", "-c", script), **facts)

    def python(self, code: str, **facts: Any) -> Attempt:
        return self.start(child="python", payload={"code": code}, **facts)

    def close(self) -> None:
        for attempt in self.made:
            attempt.channel.close()
            sweep(str(attempt.directory), attempt.spec.task_id)
        self.zygote.close()
        shutil.rmtree(self.home, ignore_errors=True)
