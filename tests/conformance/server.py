"""A server for the official conformance suite: our extension and our HTTP guard, a real store.

    python -m tests.conformance.server HOME PORT

The suite sends no token, so the part of the guard that asks for one is left out; all else is what
`tta-mcp --http` runs. It ends with its standard input.
"""

import logging
import os
import sys
import threading
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings

from mcp_server.doors import LOCAL, Doors
from mcp_server.guard import PATH, Body, Front
from mcp_server.http import Place, listen, serve
from mcp_server.policy import Policy
from mcp_server.pushes import Pushes
from mcp_server.tasks import TasksExtension
from tests.conformance import fixtures, jobs
from tta_interactive.engine import ExecutionEngine
from tta_interactive.settings import read_settings


def main(home: Path, port: int) -> None:
    # Before the SDK sets up its own, which is slow; scenarios fail on purpose and in detail.
    logging.basicConfig(level=logging.CRITICAL)
    policy = Policy(home=home, roots=(home,), kinds=frozenset({"shell"}))
    engine = ExecutionEngine(home, owner=LOCAL)
    source = jobs.Jobs(engine)
    extension = TasksExtension(source, jobs.Files())

    @asynccontextmanager
    async def lifespan(_: MCPServer[Doors]) -> AsyncGenerator[Doors]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(engine)
            yield Doors(policy, read_settings(home), "http", stack)

    server = MCPServer[Doors](
        "tta-conformance",
        version="0",
        lifespan=lifespan,
        extensions=[extension],
        middleware=[Pushes(extension, source)],
    )
    fixtures.install(server)
    jobs.install(server, source)
    place = Place(port=port)
    bound = listen(place)
    hosts = place.names(bound.getsockname()[1])
    origins = {f"http://{name}" for name in hosts}
    inner = server.streamable_http_app(
        streamable_http_path=PATH,
        event_store=fixtures.Events(),
        retry_interval=100,
        transport_security=TransportSecuritySettings(
            allowed_hosts=sorted(hosts), allowed_origins=sorted(origins)
        ),
    )
    print(bound.getsockname()[1], flush=True)
    threading.Thread(target=_end_with_input, daemon=True).start()
    anyio.run(serve, Front(Body(inner), hosts, origins), bound, place)


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
