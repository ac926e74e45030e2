"""Tasks as the core protocol of 2025-11-25 had them, for clients of that time.

There the client decides, by `params.task` of a call; the result is fetched with `tasks/result`,
which waits. The two dialects never meet: this one is spoken on a connection of 2025-11-25 only.
A failed task is `failed` here, also where its result is a tool error.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final, cast

import anyio
from mcp.server.context import CallNext, HandlerResult
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, METHOD_NOT_FOUND, CallToolRequestParams, CallToolResult
from pydantic import ValidationError

from mcp_server.old_questions import RELATED, OldQuestions
from mcp_server.tasks import Ctx, Questions, Source, TasksExtension
from tta_interactive.task import Task, TaskStatus

VERSION: Final = "2025-11-25"
MEANWHILE: Final = "io.modelcontextprotocol/model-immediate-response"
CANCEL_SECONDS: Final = 5.0
"""For the end of a task's processes, before `tasks/cancel` answers how it stands."""
CAPABILITY: Final[dict[str, Any]] = {"cancel": {}, "requests": {"tools": {"call": {}}}}
"""Without `list`: ids are given to who started a task, and `tta_status` lists them."""


class OldTasks:
    """A middleware that speaks that dialect.

    Args:
        extension: Says how a task looks.
        source: The tasks.
        questions: What they ask.
        tools: Names of the tools whose calls may become tasks.
    """

    def __init__(
        self,
        extension: TasksExtension,
        source: Source,
        questions: Questions,
        tools: frozenset[str],
    ) -> None:
        self._extension, self._source, self._tools = extension, source, tools
        self._questions = OldQuestions(questions)

    async def __call__(self, ctx: Ctx, call_next: CallNext) -> HandlerResult:
        if ctx.request_id is None:
            return await call_next(ctx)
        if ctx.method == "initialize":
            return _offering(await call_next(ctx))
        if ctx.protocol_version != VERSION:
            return await call_next(ctx)
        match ctx.method:
            case "tools/list":
                return self._marked(await call_next(ctx))
            case "tools/call" if "task" in (ctx.params or {}):
                return await self._call(ctx, call_next)
            case "tasks/get":
                return await self._shown(ctx, await self._task(ctx))
            case "tasks/result":
                return await self._result(ctx)
            case "tasks/cancel":
                return await self._cancel(ctx)
            case _:
                return await call_next(ctx)

    def _marked(self, result: HandlerResult) -> HandlerResult:
        found = cast("dict[str, Any]", result)
        for tool in found["tools"]:
            if tool["name"] in self._tools:
                tool["execution"] = {"taskSupport": "optional"}
        return found

    async def _call(self, ctx: Ctx, call_next: CallNext) -> HandlerResult:
        given = {name: value for name, value in (ctx.params or {}).items() if name != "task"}
        try:
            params = CallToolRequestParams.model_validate(given, by_name=False)
        except ValidationError:
            return await call_next(replace(ctx, params=given))  # which says what is wrong
        if params.name not in self._tools:
            raise MCPError(METHOD_NOT_FOUND, f"{params.name[:80]!r} cannot be called as a task.")
        begun = await self._source.begin(ctx, params)
        if begun is None:
            raise MCPError(METHOD_NOT_FOUND, "This call cannot become a task. Call it plainly.")
        if isinstance(begun, CallToolResult):
            text = getattr(begun.content[0], "text", "")
            raise MCPError(INVALID_PARAMS, text)
        told = f"Task {begun.id} was started; its result comes by itself."
        return {"task": await self._shown(ctx, begun), "_meta": {MEANWHILE: told}}

    async def _result(self, ctx: Ctx) -> HandlerResult:
        task = await self._task(ctx)
        if not task.is_final:
            async with aclosing(self._states(ctx, task)) as states:
                task = await self._questions.until_over(ctx, states) or task
        if task.status is TaskStatus.CANCELLED:
            raise MCPError(INVALID_PARAMS, f"Task {task.id} was cancelled.")
        result = await self._source.outcome(ctx, task)
        dumped = result.model_dump(by_alias=True, mode="json", exclude_none=True)
        return {**dumped, "_meta": {**dumped.get("_meta", {}), RELATED: {"taskId": task.id}}}

    async def _cancel(self, ctx: Ctx) -> HandlerResult:
        task = await self._task(ctx)
        if task.is_final:
            raise MCPError(INVALID_PARAMS, f"Task {task.id} is {task.status} already.")
        task = await self._source.cancel(ctx, task.id)
        with anyio.move_on_after(CANCEL_SECONDS):
            task = await self._ended(ctx, task)
        return await self._shown(ctx, await self._extension.find(ctx, task.id))

    async def _ended(self, ctx: Ctx, task: Task) -> Task:
        """The task when it is over, however long that takes."""
        if not task.is_final:
            async with aclosing(self._states(ctx, task)) as states:
                async for now in states:
                    task = now
                    if task.is_final:
                        break
        return task

    async def _states(self, ctx: Ctx, task: Task) -> AsyncGenerator[Task, None]:
        """The task, now and after each change."""
        async with aclosing(self._source.changes(ctx, [task.id])) as changes:
            async for _ in changes:
                yield await self._extension.find(ctx, task.id)

    async def _task(self, ctx: Ctx) -> Task:
        wanted = (ctx.params or {}).get("taskId")
        return await self._extension.find(ctx, wanted if isinstance(wanted, str) else "")

    async def _shown(self, ctx: Ctx, task: Task) -> dict[str, Any]:
        card = await self._extension.card(ctx, task)
        ttl, poll = card.pop("ttlMs"), card.pop("pollIntervalMs")
        failed = {"status": "failed"} if task.status is TaskStatus.FAILED else {}
        return {**card, **failed, "ttl": ttl, "pollInterval": poll}


def _offering(result: HandlerResult) -> HandlerResult:
    found = cast("dict[str, Any]", result)
    if found.get("protocolVersion") == VERSION:
        found["capabilities"]["tasks"] = CAPABILITY
    return found
