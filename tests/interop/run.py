"""Drive our server with clients that others wrote, each on stdio and over HTTP.

    python -m tests.interop.run

The clients are packages of npm, pinned in package-lock.json beside this file.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.mcp_http import HttpServer
from tests.e2e.mcp_wire import Host, environment
from tests.node import NODE, installed

HERE = Path(__file__).parent
EXPECTED: dict[str, dict[str, Any]] = {
    "modern.mjs": {
        "version": "2026-07-28",
        "tools": 7,
        "completed": {
            "kind": "task",
            "outcome": "completed",
            "isError": False,
            "status": "completed",
        },
        "failed": {"kind": "task", "outcome": "completed", "isError": True, "status": "failed"},
        "cancelled": "cancelled",
        "submitted": "immediate",
    },
    "classic.mjs": {
        "tools": 7,
        "completed": "completed",
        "progress": True,
        "failed": True,
        "waited": True,
        "result": {"exit_code": 0},
    },
}


def main() -> int:
    place = installed(HERE)
    for name in EXPECTED:
        shutil.copy(HERE / name, place / name)
    wrong = 0
    with Host.made() as host:
        for name, expected in EXPECTED.items():
            for wire in ("stdio", "http"):
                with served(host, wire) as told:
                    seen = drive(place / name, told, host)
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


def drive(program: Path, told: dict[str, Any], host: Host) -> Any:
    """What the client saw."""
    done = subprocess.run(
        [NODE, program, json.dumps(told)],
        cwd=host.project,
        env={**os.environ, **environment(host.home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    try:
        return json.loads(done.stdout)
    except ValueError:
        return f"{done.stdout}{done.stderr}"


if __name__ == "__main__":
    sys.exit(main())
