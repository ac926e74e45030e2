"""The host's end of the wire to a real server: raw lines, without an SDK in between."""

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tta_interactive.worker.start import stop_worker

REPOSITORY = Path(__file__).parents[2]
INITIALIZE = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "raw", "version": "1"},
}
ANSWER_SECONDS = 1.0  # what a call after a hostile frame may take
PATIENCE = 20.0  # for what only has to happen


def environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(REPOSITORY)}


def refused(
    home: Path, project: Path, variables: dict[str, str], flags: list[str], words: str
) -> None:
    """A server that is started so ends at once, and says why to people alone."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "mcp_server", "--home", str(home), *flags],
        cwd=project,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


class Server:
    """A server process, and the host's end of its wire."""

    def __init__(self, home: Path, project: Path, *flags: str, program: str = "") -> None:
        command = [sys.executable, *(["-c", program] if program else ["-P", "-m", "mcp_server"])]
        self.process = subprocess.Popen(
            [*command, "--home", str(home), *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=project,
            env=environment(home),
        )
        self._held = b""
        self._id = 0
        self.others: list[dict[str, Any]] = []
        """Messages that nobody waited for."""

    def start(self) -> "Server":
        assert self.wait_for(self.ask("initialize", INITIALIZE), PATIENCE)["result"]
        self.tell("notifications/initialized")
        return self

    def write(self, data: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def tell(self, method: str, params: dict[str, Any] | None = None) -> None:
        message = {"jsonrpc": "2.0", "method": method, **({"params": params} if params else {})}
        self.write(json.dumps(message).encode() + b"\n")

    def ask(self, method: str, params: dict[str, Any] | None = None) -> int:
        self._id += 1
        message = {"jsonrpc": "2.0", "id": self._id, "method": method, "params": params or {}}
        self.write(json.dumps(message).encode() + b"\n")
        return self._id

    def read(self, seconds: float) -> dict[str, Any] | None:
        """The next message: every line must be one."""
        assert self.process.stdout
        end = time.monotonic() + seconds
        while b"\n" not in self._held:
            rest = end - time.monotonic()
            if rest <= 0 or not select.select([self.process.stdout], [], [], rest)[0]:
                return None
            chunk = os.read(self.process.stdout.fileno(), 65536)
            if not chunk:
                return None
            self._held += chunk
        line, _, self._held = self._held.partition(b"\n")
        message = json.loads(line)
        assert message["jsonrpc"] == "2.0"
        return message

    def wait_for(self, request_id: int | str | None, seconds: float = PATIENCE) -> dict[str, Any]:
        for index, message in enumerate(self.others):
            if "id" in message and message["id"] == request_id:
                return self.others.pop(index)
        end = time.monotonic() + seconds
        while (message := self.read(end - time.monotonic())) is not None:
            if "id" in message and message["id"] == request_id:
                return message
            self.others.append(message)
        raise AssertionError(f"no answer to {request_id!r} within {seconds} s: {self.others[-3:]}")

    def call(
        self, tool: str, arguments: dict[str, Any] | None = None, seconds: float = PATIENCE
    ) -> dict[str, Any]:
        """The tool's result."""
        asked = self.ask("tools/call", {"name": tool, "arguments": arguments or {}})
        return self.wait_for(asked, seconds)["result"]

    def submit(self, kind: str, **params: object) -> str:
        answer = self.call("tta_submit", {"kind": kind, "params": params}, PATIENCE)
        assert not answer["isError"], answer
        return answer["structuredContent"]["task_id"]

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


class Host:
    """A host that starts servers in one project, with one task store."""

    def __init__(self, base: Path) -> None:
        self.home, self.project = base / "home", base / "project"
        self.home.mkdir(mode=0o700)
        self.project.mkdir()
        self._servers: list[Server] = []

    @classmethod
    @contextlib.contextmanager
    def made(cls) -> "Iterator[Host]":
        """On a short path, for Unix sockets; all its processes are gone afterwards."""
        base = Path(tempfile.mkdtemp(prefix="tta", dir="/tmp"))
        host = cls(base)
        try:
            yield host
        finally:
            for server in host._servers:
                server.end()
            assert stop_worker(host.home, timeout=15), "the worker did not end"
            shutil.rmtree(base, ignore_errors=True)

    def spawn(self, *flags: str, program: str = "") -> Server:
        """A server process that was told nothing yet."""
        self._servers.append(Server(self.home, self.project, *flags, program=program))
        return self._servers[-1]

    def start(self, *flags: str, program: str = "") -> Server:
        """A server after the handshake."""
        return self.spawn(*flags, program=program).start()


def error_text(result: dict[str, Any]) -> str:
    assert result["isError"] is True
    return result["content"][0]["text"]


def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
