"""A task's question to a client of 2025-11-25, which is asked while it waits with `tasks/result`.

    a question opens ──> elicitation/create, marked with the task ──> the task's answer
                                │
                                └─ answered elsewhere or over: the request is withdrawn

A client that declares no elicitation is not asked: its model is told by `tta_status` and `tta_wait`,
and answers with `tta_answer`. What is no answer leaves the question open, and is not asked for twice.
"""

from collections.abc import AsyncIterable
from contextlib import suppress
from typing import Final

import anyio
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp_types import ElicitRequest, ElicitResult
from pydantic import ValidationError

from mcp_server.consent import can_ask
from mcp_server.tasks import Ctx, Questions
from tta_interactive.errors import RequestError
from tta_interactive.task import Task

RELATED: Final = "io.modelcontextprotocol/related-task"


class OldQuestions:
    """Asks clients what their tasks ask.

    Args:
        questions: Words the questions and takes the answers.
    """

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._asking: set[tuple[str, str]] = set()  # of several waits for a task one asks

    async def until_over(self, ctx: Ctx, states: AsyncIterable[Task]) -> Task | None:
        """The task when it is over; what it asks until then, the client is asked.

        Args:
            ctx: The client's request that waits.
            states: The task, now and after each change.
        """
        failure: MCPError | None = None
        last: Task | None = None
        async with anyio.create_task_group() as group:
            scopes: dict[str, anyio.CancelScope] = {}
            try:
                async for task in states:
                    last = task
                    if task.is_final:
                        break
                    wanted: set[str] = set()
                    if can_ask(ctx.session.client_capabilities):
                        wanted = {*self._questions.open(task)}
                    for key in scopes.keys() - wanted:
                        scopes.pop(key).cancel()
                    for key in wanted - scopes.keys():
                        scopes[key] = anyio.CancelScope()
                        group.start_soon(self._ask, ctx, task, key, scopes[key])
            except MCPError as error:  # kept out of the group, which would wrap it
                failure = error
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure
        return last

    async def _ask(self, ctx: Ctx, task: Task, key: str, scope: anyio.CancelScope) -> None:
        if (task.id, key) in self._asking:
            return
        self._asking.add((task.id, key))
        try:
            with scope, suppress(MCPError, ValidationError, RequestError):
                asked = self._questions.open(task)[key]
                marked = {**asked["params"], "_meta": {RELATED: {"taskId": task.id}}}
                result = await ctx.session.send_request(
                    ElicitRequest.model_validate({**asked, "params": marked}),
                    ElicitResult,
                    metadata=ServerMessageMetadata(related_request_id=ctx.request_id),
                )
                said = result.model_dump(mode="json", by_alias=True, exclude_none=True)
                await self._questions.answer(ctx, task, {key: said})
        finally:
            self._asking.discard((task.id, key))
