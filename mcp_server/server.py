"""The server: what it says of itself, its tools, and the engine for as long as it lives."""

import os
import signal
import sys
import threading
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import anyio
from mcp.server.mcpserver import MCPServer

from mcp_server.app import board_app, only_where_apps_are
from mcp_server.describe import INSTRUCTIONS
from mcp_server.doors import LOCAL, Doors
from mcp_server.native import NativeTasks
from mcp_server.old_tasks import OldTasks
from mcp_server.policy import Policy
from mcp_server.prompts import Prompts
from mcp_server.pushes import Pushes
from mcp_server.resources import Resources
from mcp_server.stdio import strict_stdio
from mcp_server.table import offers
from mcp_server.tasks import TasksExtension
from mcp_server.updates import Updates
from tta_interactive.settings import Settings

EXIT_SECONDS: Final = 0.7  # of patience with what is still busy when the host hangs up


class TTAServer(MCPServer[Doors]):
    """An SDK server on our own wire: strict, bounded, and gone within a second."""

    async def run_stdio_async(self) -> None:
        """Serve standard input and output until the host hangs up or a signal comes."""
        if sys.platform == "win32":  # not run: there the wire is the SDK's own
            return await super().run_stdio_async()
        async with anyio.create_task_group() as group:
            group.start_soon(_end_on_signal, group.cancel_scope)
            async with strict_stdio(on_hangup=leave_soon) as (incoming, outgoing):
                options = self._lowlevel_server.create_initialization_options()
                await self._lowlevel_server.run(incoming, outgoing, options)
            group.cancel_scope.cancel()
        return None


async def _end_on_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            leave_soon()
            scope.cancel()
            return


def leave_soon() -> None:
    """See to it that this process ends within a second, whatever is still busy.

    Nothing can be lost: what was acknowledged is on the disk, and tasks run elsewhere.
    """
    deadline = threading.Timer(EXIT_SECONDS, os._exit, (0,))
    deadline.daemon = True
    deadline.start()


def make_server(policy: Policy, settings: Settings, transport: str = "stdio") -> TTAServer:
    """The server of one store: for the caller on `stdio`, or for each principal over `http`."""

    updates = Updates()
    opened: list[Doors] = []

    @asynccontextmanager
    async def lifespan(_: MCPServer[Doors]) -> AsyncGenerator[Doors]:
        async with AsyncExitStack() as stack:
            doors = Doors(policy, settings, transport, stack)
            if transport == "stdio":
                await doors.owned_by(LOCAL)  # a store that cannot serve is told at once
            opened.append(doors)
            async with anyio.create_task_group() as group:
                updates.begin(doors, group)
                yield doors
                group.cancel_scope.cancel()

    def doors() -> Doors:
        return opened[-1]

    offered = offers(policy)
    source = NativeTasks(offered)
    tasks = TasksExtension(source, source)
    waiting = frozenset(offer.name for offer in offered if offer.starts and not offer.is_look)
    server = TTAServer(
        "tta",
        title="Background tasks",
        instructions=INSTRUCTIONS,
        version=own_version(),
        tools=[offer.tool(asks=bool(policy.ask)) for offer in offered],
        lifespan=lifespan,
        extensions=[tasks, board_app()],
        middleware=[
            only_where_apps_are,
            Pushes(tasks, source),
            OldTasks(tasks, source, source, waiting),
        ],
        subscriptions=updates,
    )
    Resources(policy, doors).install(server)
    Prompts(policy, doors).install(server)
    return server


def own_version() -> str:
    """The version of the installed package; `0` in a source tree that is not installed."""
    try:
        return version("tta-interactive")
    except PackageNotFoundError:
        return "0"
