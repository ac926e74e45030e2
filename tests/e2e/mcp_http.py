"""A server over HTTP in another process, and raw requests to it."""

import contextlib
import http.client
import json
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.e2e.mcp_wire import PATIENCE, Host, environment
from tests.e2e.modern_wire import VERSION, envelope

ACCEPT = "application/json, text/event-stream"
PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
# The handshake of the older clients.
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "raw", "version": "1"},
    },
}


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str

    @property
    def message(self) -> dict[str, Any]:
        """The JSON-RPC message; of a stream the last."""
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            lines = [line[5:] for line in self.text.splitlines() if line.startswith("data:")]
            return json.loads(next(line for line in reversed(lines) if line.strip()))
        return json.loads(self.text)


class HttpServer:
    """A process that serves HTTP on a free port of this machine."""

    def __init__(self, host: Host, *flags: str, program: str = "") -> None:
        self.home = host.home
        served = ["-c", program] if program else ["-m", "mcp_server"]
        self.process = subprocess.Popen(
            [sys.executable, "-P", *served, "--home", str(host.home), *flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=host.project,
            env=environment(host.home),
        )
        self.said = self._first_line()
        found = re.search(r"https?://[^ ]*:(\d+)/mcp", self.said)
        self.port = int(found[1]) if found else 0

    def _first_line(self) -> str:
        assert self.process.stderr
        said, end = b"", time.monotonic() + PATIENCE
        while b"\n" not in said and time.monotonic() < end:
            if select.select([self.process.stderr], [], [], 0.2)[0]:
                part = os.read(self.process.stderr.fileno(), 65536)
                if not part:
                    break
                said += part
        return said.decode()

    @classmethod
    @contextlib.contextmanager
    def running(cls, host: Host, *flags: str, program: str = "") -> "Iterator[HttpServer]":
        server = cls(host, "--http", "0", *flags, program=program)
        try:
            assert server.port, server.said
            yield server
        finally:
            server.end()

    def end(self) -> str:
        """Stop it; all that it said."""
        self.process.terminate()
        try:
            _, rest = self.process.communicate(timeout=PATIENCE)
        finally:
            self.process.kill()
        return self.said + rest.decode()

    @property
    def tokens(self) -> dict[str, str]:
        lines = (self.home / "http-tokens").read_text().splitlines()
        return dict(line.split() for line in lines if line and not line.startswith("#"))

    def send(
        self,
        body: bytes | None = None,
        *,
        method: str = "POST",
        path: str = "/mcp",
        token: str | None = "agent",
        headers: dict[str, str | None] | None = None,
    ) -> Reply:
        """One request; a header that is None is left out."""
        usual: dict[str, str | None] = {
            "Host": f"127.0.0.1:{self.port}",
            "Accept": ACCEPT,
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self.tokens[token]}" if token else None,
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in {**usual, **(headers or {})}.items():
                if value is not None:
                    connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            reply = connection.getresponse()
            kept = {name.lower(): value for name, value in reply.getheaders()}
            return Reply(reply.status, kept, reply.read().decode(errors="replace"))

    def ask(
        self,
        method: str,
        params: dict[str, Any] | None = None,
        *,
        tasks: bool = False,
        token: str = "agent",
        headers: dict[str, str | None] | None = None,
    ) -> Reply:
        """One request of the protocol of 2026-07-28."""
        message = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": method,
            "params": envelope(params or {}, tasks=tasks),
        }
        named = (params or {}).get("name") or (params or {}).get("taskId")
        routing: dict[str, str | None] = {
            "MCP-Protocol-Version": VERSION,
            "Mcp-Method": method,
            "Mcp-Name": named,
        }
        return self.send(
            json.dumps(message).encode(), token=token, headers={**routing, **(headers or {})}
        )

    def call(
        self, tool: str, arguments: dict[str, Any] | None = None, *, token: str = "agent"
    ) -> dict[str, Any]:
        """A tool's result."""
        params = {"name": tool, "arguments": arguments or {}}
        return self.ask("tools/call", params, token=token).message["result"]


def add_token(home: Path, name: str, token: str) -> None:
    with (home / "http-tokens").open("a") as file:
        file.write(f"{name} {token}\n")
