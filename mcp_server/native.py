"""The tasks of the tools, as the task extension of the protocol takes them."""

from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolRequestParams, CallToolResult, TextContent

from mcp_server import questions
from mcp_server.doors import Doors
from mcp_server.table import Offer, result_of
from mcp_server.tasks import Ctx
from mcp_server.tools import Door
from tta_interactive.errors import NoQuestionError
from tta_interactive.task import Task


class NativeTasks:
    """A `Source` and its `Questions`: calls of the tools that wait, every task of the caller.

    Args:
        offers: The tools.
    """

    def __init__(self, offers: Iterable[Offer[Any]]) -> None:
        self._offers = {offer.name: offer for offer in offers if offer.starts is not None}

    async def begin(self, ctx: Ctx, params: CallToolRequestParams) -> Task | CallToolResult | None:
        offer = self._offers.get(params.name)
        if offer is None:
            return None
        try:
            return await offer.begin(_doors(ctx), params.arguments or {})
        except ToolError as error:
            told = f"Error executing tool {params.name}: {error}"  # as the SDK words it
            return CallToolResult(content=[TextContent(type="text", text=told)], is_error=True)

    async def task(self, ctx: Ctx, task_id: str) -> Task:
        return await (await self._door(ctx)).task(task_id)

    async def cancel(self, ctx: Ctx, task_id: str) -> Task:
        return await (await self._door(ctx)).end(task_id, tool="tasks/cancel")

    async def expires_at(self, ctx: Ctx, task: Task) -> datetime | None:
        return (await self._door(ctx)).expires_at(task)

    async def outcome(self, ctx: Ctx, task: Task) -> CallToolResult:
        return result_of(*(await self._door(ctx)).told_of(task))

    async def changes(self, ctx: Ctx, ids: Sequence[str]) -> AsyncGenerator[Collection[str], None]:
        door = await self._door(ctx)
        async for changed in door.changes(ids):
            yield changed

    def open(self, task: Task) -> Mapping[str, Mapping[str, Any]]:
        return questions.requests(task)

    async def answer(self, ctx: Ctx, task: Task, responses: Mapping[str, Any]) -> None:
        question = task.open_question
        if question is None or question.key not in responses:
            return
        value = questions.answer_of(question, responses[question.key])
        with suppress(NoQuestionError):  # somebody was quicker: then it counts for nothing
            door = await self._door(ctx)
            await door.tell(task.id, value, question.key, tool="tasks/update")

    async def _door(self, ctx: Ctx) -> Door:
        return await _doors(ctx).mine()


def _doors(ctx: Ctx) -> Doors:
    return ctx.lifespan_context
