"""The Inspector's command line against our server: a process of its own for each request.

On standard input and output each is served by another server, so what the first one submits, a
second waits for and a third reads. Prints one JSON value: what it saw.
"""

import json
import subprocess
import sys
from typing import Any

from tests.node import CACHE, NODE

LAUNCHER = (
    CACHE / "interop/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
)
TOOL_ERROR = 5  # the Inspector's exit code for a tool result that is an error


def asked(told: dict[str, Any], era: str, method: str, *options: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the result of one request in an era of the protocol."""
    if command := told.get("command"):
        # Its own options end where the server's begin.
        before, after = ["--transport", "stdio", *options], ["--", *command]
    else:
        header = f"Authorization: Bearer {told['token']}"
        before, after = ["--server-url", told["url"], "--header", header, *options], []
    plain = ["--cli", "--quiet", "--format", "json", "--protocol-era", era, "--method", method]
    done = subprocess.run(
        [NODE, LAUNCHER, *plain, *before, *after],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    try:
        return done.returncode, json.loads(done.stdout)["result"]
    except (ValueError, KeyError):
        raise SystemExit(f"{method} ended with {done.returncode}: {done.stderr}") from None


def seen(told: dict[str, Any], era: str) -> dict[str, Any]:
    def call(tool: str, arguments: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        options = ("--tool-name", tool, "--tool-args-json", json.dumps(arguments))
        return asked(told, era, "tools/call", *options)

    def shell(script: str) -> dict[str, Any]:
        return {"kind": "shell", "params": {"script": script}}

    _, submitted = call("tta_submit", shell("sleep 0.3"))
    task_id = submitted["structuredContent"]["task_id"]
    _, waited = call("tta_wait", {"task_ids": [task_id]})
    _, read = asked(told, era, "resources/read", "--uri", f"tta://tasks/{task_id}/result")
    failed, _ = call("tta_run", shell("exit 3"))
    strict, listed = asked(told, era, "tools/list", "--strict")
    return {
        "tools": len(listed["tools"]),
        "portable": strict == 0,
        "waited": waited["structuredContent"]["tasks"][0]["status"],
        "result": json.loads(read["contents"][0]["text"]),
        "failed": failed == TOOL_ERROR,
    }


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    print(json.dumps({era: seen(given, era) for era in ("legacy", "modern")}))
