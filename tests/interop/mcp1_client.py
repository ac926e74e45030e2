"""The Python SDK 1.x, which many hosts of today are built on, against our server.

Runs in an environment that has that SDK, not this project. Prints one JSON value: what it saw.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

TOLD = json.loads(sys.argv[1])


@asynccontextmanager
async def connected() -> AsyncIterator[ClientSession]:
    if command := TOLD.get("command"):
        server = StdioServerParameters(
            command=command[0], args=command[1:], env=dict(os.environ), cwd=os.getcwd()
        )
        async with stdio_client(server) as streams, ClientSession(*streams) as session:
            yield session
        return
    headers = {"Authorization": f"Bearer {TOLD['token']}"}
    async with (
        httpx.AsyncClient(headers=headers, timeout=60) as web,
        streamable_http_client(TOLD["url"], http_client=web) as (reading, writing, _),
        ClientSession(reading, writing) as session,
    ):
        yield session


def shell(script: str) -> dict[str, Any]:
    return {"kind": "shell", "params": {"script": script}}


async def main() -> dict[str, Any]:
    progress: list[float] = []

    async def note(done: float, total: float | None, message: str | None) -> None:
        progress.append(done)

    async with connected() as session:
        agreed = await session.initialize()

        async def call(name: str, arguments: dict[str, Any]) -> Any:
            return await session.call_tool(name, arguments, progress_callback=note)

        done = await call("tta_run", shell("sleep 5"))
        failed = await call("tta_run", shell("exit 3"))
        submitted = await call("tta_submit", shell("sleep 0.3"))
        task_id = submitted.structuredContent["task_id"]
        waited = await call("tta_wait", {"task_ids": [task_id]})
        read = await session.read_resource(f"tta://tasks/{task_id}/result")
        return {
            "version": agreed.protocolVersion,
            "tools": len((await session.list_tools()).tools),
            "completed": done.structuredContent["tasks"][0]["status"],
            "progress": bool(progress) and progress == sorted(progress),
            "failed": failed.isError,
            "waited": waited.structuredContent["done"],
            "result": json.loads(read.contents[0].text),
        }


print(json.dumps(asyncio.run(main())))
