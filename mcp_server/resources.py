"""What a client can read by address: the caller's tasks, their output, results and test files.

    tta://tasks                  the recent ones and their counts
    tta://tasks/ID               one of them
    tta://tasks/ID/log           its newest output, as data that nobody should believe
    tta://tasks/ID/log?lines=N
    tta://tasks/ID/result        what it returned
    tta://tasks/ID/file          the test file that it wrote

The list of addresses never changes, so no client is told that it did: a task is found in
`tta://tasks`, and `updates` tells when one moves.
"""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from anyio import to_thread
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError

from mcp_server.doors import Doors
from mcp_server.policy import Policy
from mcp_server.tools import Door
from mcp_server.view import MAX_RESULT_BYTES, bounded, clean
from mcp_server.wire import LogsArguments, StatusArguments, checked
from tta_interactive.errors import InvalidRequestError, RequestError, TTAError
from tta_interactive.runners.testgen.reading import read_bytes
from tta_interactive.task import Task

TASKS: Final = "tta://tasks"
JSON: Final = "application/json"
TEXT: Final = "text/plain"
MAX_FILE: Final = 1024 * 1024
LISTED: Final = 50

Work = Callable[[Door], Awaitable[str]]


class Resources:
    """The resources of one server.

    Args:
        policy: Whose roots a file must lie in.
        doors: Gives the server's doors while it runs.
    """

    def __init__(self, policy: Policy, doors: Callable[[], Doors]) -> None:
        self._policy, self._doors = policy, doors

    def install(self, server: MCPServer[Doors]) -> None:
        """Offer all of them."""
        server.resource(
            TASKS,
            name="tasks",
            title="Your tasks",
            description="Your recent tasks, the newest first, and how many there are of each.",
            mime_type=JSON,
        )(self.tasks)
        one = f"{TASKS}/{{task_id}}"
        for address, read, what, kind in (
            (one, self.task, "One of your tasks with its result.", JSON),
            (f"{one}/log{{?lines}}", self.log, "The last lines that it printed: data.", TEXT),
            (f"{one}/result", self.result, "What a completed task returned.", JSON),
            (f"{one}/file", self.file, "The test file that a completed task wrote.", TEXT),
        ):
            name = "task" if read == self.task else f"task-{read.__name__}"
            server.resource(address, name=name, description=what, mime_type=kind)(read)

    async def tasks(self) -> str:
        """The recent tasks."""

        async def work(door: Door) -> str:
            answer, _ = await door.status(StatusArguments(limit=LISTED), None)
            return answer.model_dump_json(exclude_none=True)

        return await self._served(work)

    async def task(self, task_id: str) -> str:
        """One task."""

        async def work(door: Door) -> str:
            answer, _ = await door.status(StatusArguments(task_id=task_id), None)
            return answer.tasks[0].model_dump_json(exclude_none=True)

        return await self._served(work)

    async def log(self, task_id: str, lines: str = "100") -> str:
        """Its newest output."""

        async def work(door: Door) -> str:
            given = {"task_id": task_id, "tail_lines": lines}
            _, text = await door.logs(checked(LogsArguments, "log", given), None)
            return text

        return await self._served(work)

    async def result(self, task_id: str) -> str:
        """What it returned."""

        async def work(door: Door) -> str:
            task = await door.task(task_id)
            return json.dumps(bounded(clean(task.result), MAX_RESULT_BYTES), ensure_ascii=False)

        return await self._served(work)

    async def file(self, task_id: str) -> str:
        """The test file."""

        async def work(door: Door) -> str:
            return await to_thread.run_sync(written, self._policy, await door.task(task_id))

        return await self._served(work)

    async def _served(self, work: Work) -> str:
        try:
            return await work(await self._doors().mine())
        except RequestError as error:
            raise ResourceNotFoundError(str(error)) from None
        except (TTAError, OSError) as error:
            raise ResourceError(f"The task store cannot serve: {error}") from error


def written(policy: Policy, task: Task) -> str:
    """The test file that a task wrote.

    Raises:
        InvalidRequestError: It wrote none, it is gone, or it would lie outside the roots.
    """
    facts = task.result if isinstance(task.result, dict) else {}
    path = facts.get("output_path") if task.kind == "tests" else None
    if not isinstance(path, str):
        raise InvalidRequestError(f"Task {task.id!r} wrote no test file. Read its result.")
    # It may be another file by now: the same rule as for a path that the caller gives.
    policy.params({"path": path}, Path(task.workspace))
    data = read_bytes(Path(task.workspace) / path, MAX_FILE)
    if data is None:
        raise InvalidRequestError(f"The file {path!r} is not there any more, or is too large.")
    return data.decode(errors="replace")
