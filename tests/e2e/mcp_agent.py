"""An agent's end of a stdio server in another process: the SDK's own client."""

import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

from mcp import Client, StdioServerParameters
from mcp.client.client import ConnectMode
from mcp.client.stdio import stdio_client
from mcp_types import CallToolResult

REPOSITORY = Path(__file__).parents[2]


PATIENCE = 20.0


class Place(NamedTuple):
    home: Path
    project: Path


def agent(place: Place, *flags: str, mode: ConnectMode = "auto", code: str = "") -> Client:
    """A client whose host starts the server in the project."""
    command = StdioServerParameters(
        command=sys.executable,
        args=["-P", *(["-c", code] if code else ["-m", "mcp_server"]), *options(place), *flags],
        cwd=place.project,
        env=environment(place),
    )
    return Client(stdio_client(command), mode=mode)


def options(place: Place) -> list[str]:
    return ["--home", str(place.home)]


def environment(place: Place) -> dict[str, str]:
    variables = {"PYTHONPATH": str(REPOSITORY), "HOME": str(place.project.parent)}
    return {**variables, "PATH": os.environ["PATH"]}


def facts(result: Any) -> dict[str, Any]:
    """The structured content of a call that succeeded."""
    assert isinstance(result, CallToolResult)
    assert not result.is_error, text(result)
    return result.structured_content


def text(result: Any) -> str:
    return result.content[0].text


async def submit(client: Client, script: str, **more: object) -> str:
    arguments = {"kind": "shell", "params": {"script": script}, **more}
    return facts(await client.call_tool("tta_submit", arguments))["task_id"]
