"""The jobs that the suite's tasks scenarios ask for, as real tasks in a real store.

The scenarios name these tools and what each must do. Each is a shell task that the worker runs;
what it asks its caller stands in its metadata, and an answer is a file in its directory, so all of
it is there for any process that knows the store.
"""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import Context, MCPServer, require_client_extension
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ElicitRequest,
    ElicitRequestFormParams,
    InputRequiredResult,
    TextContent,
)

from mcp_server.native import NativeTasks
from mcp_server.tasks import TASKS, Ctx
from tta_interactive.engine import ExecutionEngine
from tta_interactive.task import Task


def elicitation(message: str, **properties: Mapping[str, Any]) -> ElicitRequest:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


class Files:
    """`Questions`: open is what stands in the metadata and has no file yet."""

    def open(self, task: Task) -> dict[str, dict[str, Any]]:
        asked: Any = task.metadata.get("asks", {})
        place = Path(task.workspace)
        return {key: each for key, each in asked.items() if not (place / key).exists()}

    async def answer(self, ctx: Ctx, task: Task, responses: Mapping[str, Any]) -> None:
        for key in self.open(task).keys() & responses.keys():
            (Path(task.workspace) / key).write_text(json.dumps(responses[key]))


class Jobs(NativeTasks):
    """`Source`: the jobs, beside the tasks of the product's own tools."""

    def __init__(self, engine: ExecutionEngine) -> None:
        super().__init__(())
        self._engine = engine
        self._scripts = {
            "slow_compute": lambda given: f"sleep {float(given['seconds'])}",
            "failing_job": lambda _: "sleep 1; exit 1",
            "protocol_error_job": lambda _: "kill -9 $PPID",
            "confirm_delete": lambda _: "until [ -e in-1 ]; do sleep 0.05; done",
            "multi_input": lambda _: (
                "until [ -e in-1 ] && [ -e in-2 ]; do sleep 0.05; done"
            ),
            "test_tool_with_task": lambda _: "sleep 0.3",
        }  # fmt: skip

    async def begin(self, ctx: Ctx, params: CallToolRequestParams) -> Task | CallToolResult | None:
        given = params.arguments or {}
        if params.name not in self._scripts:
            return None
        if params.name == "test_tool_with_task":
            answer: Any = (params.input_responses or {}).get("user_name")
            if answer is None:
                return None  # the tool asks first
            given = {"label": dict(answer.content).get("name")}
        return await self.start(params.name, given)

    async def start(self, name: str, given: Mapping[str, Any]) -> Task:
        task_id = await self._engine.submit(
            "shell",
            {"script": self._scripts[name](given)},
            workspace=tempfile.mkdtemp(dir=self._engine.home),
            metadata={"job": name, "given": dict(given), "asks": _asks(name, given)},
        )
        return await self._engine.status(task_id)

    async def whole(self, name: str, given: Mapping[str, Any]) -> CallToolResult:
        """For a client that follows no tasks."""
        task = await self.start(name, given)
        for key in _asks(name, given):
            (Path(task.workspace) / key).write_text("{}")  # nobody can be asked
        return _told(await self._engine.wait(task.id, timeout=60))

    async def outcome(self, ctx: Ctx, task: Task) -> CallToolResult:
        return _told(task) if "job" in task.metadata else await super().outcome(ctx, task)


def _asks(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    confirm = {"confirm": {"type": "boolean"}}
    match name:
        case "confirm_delete":
            found = {"in-1": elicitation(f"Delete {given['filename']}?", **confirm)}
        case "multi_input":
            both = {"name": {"type": "string"}, **confirm}
            found = {key: elicitation(f"{key}?", **both) for key in ("in-1", "in-2")}
        case _:
            found = {}
    return {key: each.model_dump(by_alias=True, mode="json", exclude_none=True)
            for key, each in found.items()}  # fmt: skip


def _told(task: Task) -> CallToolResult:
    given: Any = task.metadata["given"]
    said = " ".join(str(each) for each in given.values())
    texts = {
        "slow_compute": f"done {given.get('label', '')}",
        "test_tool_with_task": f"Hello, {given.get('label', '')}!",
    }
    text = texts.get(str(task.metadata["job"]), f"{task.metadata['job']} {said}".strip())
    failed = task.status != "completed"
    text = f"this job failed: {task.error}" if failed else text
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=failed)


def install(server: MCPServer[Any], jobs: Jobs) -> None:
    """The tools of the tasks scenarios."""

    @server.tool()
    def greet(name: str) -> str:
        """Answers at once, never as a task."""
        return f"Hello, {name}!"

    @server.tool()
    async def slow_compute(seconds: float, label: str = "") -> CallToolResult:
        """Takes so many seconds."""
        return await jobs.whole("slow_compute", {"seconds": seconds, "label": label})

    @server.tool()
    async def failing_job(ctx: Context) -> CallToolResult:
        """Fails, and only as a task."""
        require_client_extension(ctx.request_context, TASKS)
        raise AssertionError("a client that follows tasks gets one")

    @server.tool()
    async def protocol_error_job() -> CallToolResult:
        """Loses the process that runs it."""
        return await jobs.whole("protocol_error_job", {})

    @server.tool()
    async def confirm_delete(filename: str) -> CallToolResult:
        """Asks one question."""
        return await jobs.whole("confirm_delete", {"filename": filename})

    @server.tool()
    async def multi_input() -> CallToolResult:
        """Asks two questions at once."""
        return await jobs.whole("multi_input", {})

    @server.tool()
    async def test_tool_with_task(ctx: Context) -> CallToolResult | InputRequiredResult:
        """Asks before it becomes a task."""
        answer: Any = (ctx.input_responses or {}).get("user_name")
        if answer is None:
            asked = elicitation("Who are you?", name={"type": "string"})
            return InputRequiredResult(input_requests={"user_name": asked})
        return await jobs.whole("test_tool_with_task", {"label": dict(answer.content)["name"]})
