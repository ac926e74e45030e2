"""Requests of the protocol of 2026-07-28, which carries all about its client in each."""

from typing import Any

from tests.e2e.mcp_wire import PATIENCE, Server, until

VERSION = "2026-07-28"
TASKS = "io.modelcontextprotocol/tasks"


def envelope(params: dict[str, Any], *, tasks: bool = True) -> dict[str, Any]:
    declared = {"extensions": {TASKS: {}}} if tasks else {}
    meta = {
        "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientCapabilities": declared,
    }
    return {**params, "_meta": meta}


def ask(
    server: Server, method: str, params: dict[str, Any] | None = None, *, tasks: bool = True
) -> dict[str, Any]:
    """The whole answer to one request."""
    asked = server.ask(method, envelope(params or {}, tasks=tasks))
    return server.wait_for(asked, PATIENCE)


def call(
    server: Server, tool: str, arguments: dict[str, Any], *, tasks: bool = True
) -> dict[str, Any]:
    return ask(server, "tools/call", {"name": tool, "arguments": arguments}, tasks=tasks)["result"]


def run(server: Server, script: str, **more: object) -> dict[str, Any]:
    """A shell task, started as a client that follows tasks does."""
    arguments = {"kind": "shell", "params": {"script": script}, **more}
    return call(server, "tta_run", arguments)


def get(server: Server, task_id: str) -> dict[str, Any]:
    return ask(server, "tasks/get", {"taskId": task_id})["result"]


def until_over(server: Server, task_id: str) -> dict[str, Any]:
    over = ("completed", "failed", "cancelled")
    assert until(lambda: get(server, task_id)["status"] in over)
    return get(server, task_id)
