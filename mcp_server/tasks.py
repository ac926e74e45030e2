"""The extension `io.modelcontextprotocol/tasks` (2026-07-28) on the task store.

A client that declares it gets a task instead of an answer and follows it with `tasks/get`, or has
it pushed on `subscriptions/listen`. The id is our own task's, so whatever knows the store can
answer: another server, another process, the same one after a crash. Nothing is kept here.

    our status                     theirs
    queued, running                working; input_required while a question is open
    completed                      completed, with the result
    failed: the work               completed, with a result that is a tool error
    failed: the machine            failed, with an error of the protocol
    cancelled                      cancelled

Source: the extension's specification and its `schema.ts`, locked as 2026-07-28.
"""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, MethodBinding
from mcp.server.mcpserver import require_client_extension
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from mcp_types import (
    HEADER_MISMATCH,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    RequestParams,
)
from pydantic import Field

from tta_interactive.errors import RequestError
from tta_interactive.task import Task, TaskStatus
from tta_interactive.text import one_line

TASKS: Final = "io.modelcontextprotocol/tasks"
VERSIONS: Final = frozenset({"2026-07-28"})
POLL_MS: Final = 500  # looks cost a read of the store; who wants to know sooner listens
UNKNOWN: Final = "There is no such task of yours."
# The task's own work had no say in these.
OF_THE_MACHINE: Final = frozenset({"lost", "poison"})

Ctx = ServerRequestContext[Any, Any]


class Source(Protocol):
    """Where the tasks of a server come from. All methods are for the caller of the request."""

    async def begin(self, ctx: Ctx, params: CallToolRequestParams) -> Task | CallToolResult | None:
        """The stored task that a call is about; a refusal; None: it has a plain answer."""
        ...

    async def task(self, ctx: Ctx, task_id: str) -> Task:
        """The task; `RequestError` if the caller has none of that id."""
        ...

    async def cancel(self, ctx: Ctx, task_id: str) -> Task:
        """Ask for the end of the task; it as it then stands."""
        ...

    async def expires_at(self, ctx: Ctx, task: Task) -> datetime | None:
        """When a finished task is forgotten; None: not known."""
        ...

    async def outcome(self, ctx: Ctx, task: Task) -> CallToolResult:
        """What the call answers now that the task is over."""
        ...

    def changes(self, ctx: Ctx, ids: Sequence[str]) -> AsyncGenerator[Collection[str], None]:
        """First all of the ids, then, after each change, those that changed."""
        ...


class Questions(Protocol):
    """What running tasks ask their caller. Keys are unique over a task's life."""

    def open(self, task: Task) -> Mapping[str, Mapping[str, Any]]:
        """Key -> request, of all that is unanswered."""
        ...

    async def answer(self, ctx: Ctx, task: Task, responses: Mapping[str, Any]) -> None:
        """Take the answers to open questions; others are ignored.

        Raises:
            RequestError: An answer does not fit its question, which stays open.
        """
        ...


class TaskIdParams(RequestParams):
    """What `tasks/get` and `tasks/cancel` take."""

    task_id: str = Field(alias="taskId", max_length=256)


class UpdateParams(TaskIdParams):
    """What `tasks/update` takes."""

    input_responses: dict[str, Any] = Field(alias="inputResponses", max_length=64)


def declares(ctx: Ctx) -> bool:
    """Whether this very request comes from a client that follows tasks by itself."""
    capabilities = ctx.session.client_capabilities
    return (
        ctx.protocol_version in VERSIONS
        and capabilities is not None
        and TASKS in (capabilities.extensions or {})
    )


class TasksExtension(Extension):
    """The extension: nothing but what the store says, in the words of the protocol.

    Args:
        source: The tasks.
        questions: What they ask; None: they never ask.
    """

    identifier = TASKS

    def __init__(self, source: Source, questions: Questions | None = None) -> None:
        self._source, self._questions = source, questions

    def methods(self) -> Sequence[MethodBinding]:
        return [
            MethodBinding("tasks/get", TaskIdParams, self.get, VERSIONS),
            MethodBinding("tasks/update", UpdateParams, self.update, VERSIONS),
            MethodBinding("tasks/cancel", TaskIdParams, self.cancel, VERSIONS),
        ]

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: Ctx, call_next: CallNext
    ) -> HandlerResult:
        begun = await self._source.begin(ctx, params) if declares(ctx) else None
        if begun is None:
            return await call_next(ctx)
        if isinstance(begun, CallToolResult):
            return begun
        return {"resultType": "task", **await self.card(ctx, begun)}

    async def get(self, ctx: Ctx, params: TaskIdParams) -> HandlerResult:
        """The task as it stands; never waits."""
        task = await self._required(ctx, params.task_id)
        return {"resultType": "complete", **await self.detailed(ctx, task)}

    async def update(self, ctx: Ctx, params: UpdateParams) -> HandlerResult:
        """Take answers to questions of the task; the ack says nothing of them."""
        task = await self._required(ctx, params.task_id)
        if self._questions is not None and not task.is_final:
            try:
                await self._questions.answer(ctx, task, params.input_responses)
            except RequestError as error:
                raise MCPError(INVALID_PARAMS, str(error)) from None
        return {"resultType": "complete"}

    async def cancel(self, ctx: Ctx, params: TaskIdParams) -> HandlerResult:
        """Ask for the end of the task; whether it comes is seen later."""
        await self._required(ctx, params.task_id)
        await self._source.cancel(ctx, params.task_id)
        return {"resultType": "complete"}

    async def _required(self, ctx: Ctx, task_id: str) -> Task:
        require_client_extension(ctx, TASKS)
        # The SDK compares this header for its own methods only. Some clients never send it.
        named = getattr(ctx.request, "headers", {}).get(MCP_NAME_HEADER)
        if named is not None and decode_header_value(named) != task_id:
            raise MCPError(HEADER_MISMATCH, "The header Mcp-Name is not the taskId of the body.")
        return await self.find(ctx, task_id)

    async def find(self, ctx: Ctx, task_id: str) -> Task:
        """The caller's task; foreign, expired and unknown ones are the same error."""
        try:
            return await self._source.task(ctx, task_id)
        except RequestError:
            raise MCPError(INVALID_PARAMS, UNKNOWN) from None

    async def detailed(self, ctx: Ctx, task: Task) -> dict[str, Any]:
        """The task with its result, error or open questions."""
        card = await self.card(ctx, task)
        match card["status"]:
            case "input_required":
                card["inputRequests"] = self._asked(task)
            case "completed":
                # It has a `resultType` of its own: some clients take no result without.
                result = await self._source.outcome(ctx, task)
                card["result"] = result.model_dump(by_alias=True, mode="json", exclude_none=True)
            case "failed":
                card["error"] = {"code": INTERNAL_ERROR, "message": card["statusMessage"]}
            case _:
                pass
        return card

    async def card(self, ctx: Ctx, task: Task) -> dict[str, Any]:
        """What is told of a task wherever it is named."""
        expires = await self._source.expires_at(ctx, task)
        # Plain dicts: a model would be dumped without the `ttlMs` that is null.
        return {
            "taskId": task.id,
            "status": self._status(task),
            "statusMessage": _message(task),
            "createdAt": _stamp(task.submitted_at),
            "lastUpdatedAt": _stamp(
                task.finished_at or max(task.submitted_at, task.started_at or task.submitted_at)
            ),
            "ttlMs": None if expires is None else _milliseconds(task.submitted_at, expires),
            "pollIntervalMs": POLL_MS,
        }

    def _status(self, task: Task) -> str:
        match task.status:
            case TaskStatus.COMPLETED | TaskStatus.CANCELLED:
                return task.status.value
            case TaskStatus.FAILED:
                machine = task.error is not None and task.error.code in OF_THE_MACHINE
                return "failed" if machine else "completed"
            case _:
                return "input_required" if self._asked(task) else "working"

    def _asked(self, task: Task) -> dict[str, Any]:
        return {} if self._questions is None else dict(self._questions.open(task))


def _message(task: Task) -> str:
    """Where the task stands, for people; the words of a task are its own."""
    if task.error is not None:
        return one_line(f"{task.error.code}: {task.error.message}", 300)
    done = f"{task.progress:.0%} " if task.progress is not None and not task.is_final else ""
    return f"{done}{one_line(task.message, 200)}".strip() or task.status.value


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _milliseconds(start: datetime, end: datetime) -> int:
    return max(1, round((end - start).total_seconds() * 1000))  # more than 0: the protocol
