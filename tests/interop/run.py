"""Drive our server with clients that others wrote, each on stdio and over HTTP.

    python -m tests.interop.run [NAME ...]

They come from npm, pinned in package-lock.json beside this file, and from PyPI, pinned in a
requirements file each. Every one submits, waits and reads a result.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.e2e.mcp_http import HttpServer
from tests.e2e.mcp_wire import Host, environment
from tests.node import NODE, installed
from tests.pypi import interpreter

HERE: Final = Path(__file__).parent
TOOLS: Final = 8
FOLLOWED: Final = {
    "completed": {"outcome": "completed", "isError": False, "status": "completed"},
    "failed": {"outcome": "completed", "isError": True, "status": "failed"},
    "cancelled": "cancelled",
}
PLAIN: Final = {
    "tools": TOOLS,
    "completed": "completed",
    "progress": True,
    "failed": True,
    "waited": True,
    "result": {"exit_code": 0},
}
INSPECTED: Final = {
    "tools": TOOLS,
    "portable": True,
    "waited": "completed",
    "result": {"exit_code": 0},
    "failed": True,
}


def in_node(name: str) -> list[str | Path]:
    """A program of ours that uses packages of npm; it has to lie where they are."""
    place = installed(HERE)
    shutil.copy(HERE / name, place / name)
    return [NODE, place / name]


def in_python(name: str, requirements: str) -> list[str | Path]:
    """A program of ours that uses packages of PyPI."""
    return [interpreter(HERE / requirements), "-P", HERE / name]


def inspector() -> list[str | Path]:
    installed(HERE)
    return [sys.executable, "-P", "-m", "tests.interop.inspector"]


# Client -> its command, and what it must have seen.
CLIENTS: Final[dict[str, tuple[Callable[[], list[str | Path]], dict[str, Any]]]] = {
    "typescript-modern": (
        lambda: in_node("modern.mjs"),
        {
            "version": "2026-07-28",
            "tools": TOOLS,
            "completed": {"kind": "task", **FOLLOWED["completed"]},
            "failed": {"kind": "task", **FOLLOWED["failed"]},
            "cancelled": "cancelled",
            "submitted": "immediate",
        },
    ),
    "typescript-1": (lambda: in_node("classic.mjs"), PLAIN),
    "python-1": (
        lambda: in_python("mcp1_client.py", "mcp1.txt"),
        {"version": "2025-11-25", **PLAIN},
    ),
    "fastmcp-4": (
        lambda: in_python("fastmcp_client.py", "fastmcp4.txt"),
        {
            "tools": TOOLS,
            "waited": True,
            "result": {"exit_code": 0},
            "plain": "completed",
            **FOLLOWED,
        },
    ),
    "inspector": (inspector, {"legacy": INSPECTED, "modern": INSPECTED}),
}


def main(names: list[str]) -> int:
    wrong = 0
    with Host.made() as host:
        for name in names or CLIENTS:
            command, expected = CLIENTS[name]
            for wire in ("stdio", "http"):
                with served(host, wire) as told:
                    seen = drive(command(), told, host)
                fits = seen == expected
                wrong += not fits
                print(f"interop {name} {wire}: {'as expected' if fits else seen}", flush=True)
    return min(wrong, 1)


@contextmanager
def served(host: Host, wire: str) -> Iterator[dict[str, Any]]:
    """How a client reaches a server of that wire."""
    if wire == "http":
        with HttpServer.running(host, "--allow", "generate,shell") as server:
            url = f"http://127.0.0.1:{server.port}/mcp"
            yield {"url": url, "token": server.tokens["agent"]}
        return
    options = ["--home", str(host.home), "--root", str(host.project), "--allow", "shell"]
    yield {"command": [sys.executable, "-P", "-m", "mcp_server", *options]}


def drive(command: list[str | Path], told: dict[str, Any], host: Host) -> Any:
    """What the client saw."""
    done = subprocess.run(
        [*command, json.dumps(told)],
        cwd=host.project,
        env={**os.environ, **environment(host.home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    try:
        return json.loads(done.stdout)
    except ValueError:
        return f"{done.stdout}{done.stderr}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
