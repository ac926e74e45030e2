"""FastMCP 4's client with its tasks extension, against our server.

Runs in an environment that has FastMCP, not this project. Prints one JSON value: what it saw.
"""

import asyncio
import json
import os
import sys
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport
from fastmcp_tasks.client import call_tool_task

TOLD = json.loads(sys.argv[1])


def shell(script: str) -> dict[str, Any]:
    return {"kind": "shell", "params": {"script": script}}


def transport() -> StdioTransport | StreamableHttpTransport:
    if command := TOLD.get("command"):
        return StdioTransport(command[0], command[1:], env=dict(os.environ), keep_alive=False)
    return StreamableHttpTransport(TOLD["url"], auth=TOLD["token"])


async def followed(client: Client, script: str) -> dict[str, Any]:
    """What comes of a call that the client follows as a task of the protocol."""
    handle = await call_tool_task(client, "tta_run", shell(script))
    over = await handle.wait(timeout=30)
    status = over.result["structuredContent"]["tasks"][0]["status"]
    return {"outcome": over.status, "isError": over.result["isError"], "status": status}


async def main() -> dict[str, Any]:
    async with Client(transport()) as client:
        submitted = await client.call_tool("tta_submit", shell("sleep 0.3"))
        task_id = submitted.structured_content["task_id"]
        waited = await client.call_tool("tta_wait", {"task_ids": [task_id]})
        (contents,) = await client.read_resource(f"tta://tasks/{task_id}/result")
        plain = await client.call_tool("tta_run", shell("true"))
        long = await call_tool_task(client, "tta_run", shell("sleep 60"))
        seen = {
            "tools": len(await client.list_tools()),
            "waited": waited.structured_content["done"],
            "result": json.loads(contents.text),
            "plain": plain.structured_content["tasks"][0]["status"],
            "completed": await followed(client, "sleep 0.5"),
            "failed": await followed(client, "exit 3"),
        }
        await long.cancel()
        return {**seen, "cancelled": (await long.wait(timeout=30)).status}


print(json.dumps(asyncio.run(main())))
