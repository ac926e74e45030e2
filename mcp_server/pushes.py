"""`notifications/tasks` on `subscriptions/listen`: what `tasks/get` would say, when it changes.

A middleware, because the SDK serves the method itself. What else the client listens to stays with
the SDK; only the acknowledgement, which must name all of it, is made here.
"""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final, cast

import anyio
from mcp.server.context import CallNext, HandlerResult
from mcp.server.mcpserver import require_client_extension
from mcp.server.session import ServerSession
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import SUBSCRIPTION_ID_META_KEY
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    Notification,
    RequestId,
    SubscriptionsAcknowledgedNotification,
)

from mcp_server.tasks import TASKS, VERSIONS, Ctx, Source, TasksExtension

MAX_IDS: Final = 100
MAX_STREAMS: Final = 256
BREATH_SECONDS: Final = 0.2  # between two rounds: a chatty task makes no flood
FINAL: Final = frozenset({"completed", "failed", "cancelled"})


class _Note(Notification[dict[str, Any], str]):
    """A notification whose params are said as they are, nulls too."""

    method: str
    params: dict[str, Any]


class Pushes:
    """Serves the `taskIds` of a listener.

    Args:
        extension: Says how a task looks.
        source: Says when one changes.
    """

    def __init__(self, extension: TasksExtension, source: Source) -> None:
        self._extension, self._source = extension, source
        self._streams = 0

    async def __call__(self, ctx: Ctx, call_next: CallNext) -> HandlerResult:
        wanted = _filter(ctx)
        if "taskIds" not in wanted:
            return await call_next(ctx)
        require_client_extension(ctx, TASKS)
        if self._streams >= MAX_STREAMS:
            raise MCPError(INTERNAL_ERROR, f"{MAX_STREAMS} streams are open, which is the most.")
        self._streams += 1
        try:
            return await self._serve(ctx, call_next, wanted)
        finally:
            self._streams -= 1

    async def _serve(
        self, ctx: Ctx, call_next: CallNext, wanted: Mapping[str, Any]
    ) -> HandlerResult:
        ids = [one for one in _ids(wanted["taskIds"]) if await self._is_there(ctx, one)]
        rest = {name: value for name, value in wanted.items() if name != "taskIds" and value}
        session = _Acknowledging(ctx.session, ids)
        if not rest:
            await session.acknowledge({}, ctx.request_id)
            await self._push(ctx, ids)
            return {"resultType": "complete", "_meta": _meta(ctx)}
        inner = replace(
            ctx,
            session=cast("ServerSession", session),
            params={**(ctx.params or {}), "notifications": rest},
        )
        return await self._beside(ctx, inner, call_next, session, ids)

    async def _beside(
        self,
        ctx: Ctx,
        inner: Ctx,
        call_next: CallNext,
        session: "_Acknowledging",
        ids: Sequence[str],
    ) -> HandlerResult:
        """Push tasks while the SDK serves the rest of the stream, which ends it."""

        async def push() -> None:
            await session.acknowledged.wait()
            await self._push(ctx, ids)

        result: HandlerResult = None
        failure: MCPError | None = None
        async with anyio.create_task_group() as group:
            group.start_soon(push)
            try:
                result = await call_next(inner)
            except MCPError as error:  # kept out of the group, which would wrap it
                failure = error
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure
        return result

    async def _push(self, ctx: Ctx, ids: Sequence[str]) -> None:
        """Send each task now and after each change, until all of them are over."""
        told: dict[str, dict[str, Any]] = {}
        left = set(ids)
        if not left:
            return
        async with aclosing(self._source.changes(ctx, ids)) as changes:
            async for changed in changes:
                for task_id in left.intersection(changed):
                    try:
                        task = await self._extension.find(ctx, task_id)
                    except MCPError:  # cleared away
                        left.discard(task_id)
                        continue
                    # The snapshot decides, not the task as it is after the send: else the
                    # frame that says how it ended could be lost.
                    snapshot = await self._extension.detailed(ctx, task)
                    if snapshot != told.get(task_id):
                        told[task_id] = snapshot
                        await _send(ctx.session, "notifications/tasks", snapshot, ctx.request_id)
                    if snapshot["status"] in FINAL:
                        left.discard(task_id)
                if not left:
                    return
                await anyio.sleep(BREATH_SECONDS)

    async def _is_there(self, ctx: Ctx, task_id: str) -> bool:
        try:
            await self._extension.find(ctx, task_id)
        except MCPError:
            return False
        return True


class _Acknowledging:
    """The session of a listener; its acknowledgement names the tasks too."""

    def __init__(self, session: ServerSession, ids: Sequence[str]) -> None:
        self._session, self._ids = session, ids
        self.acknowledged = anyio.Event()

    async def send_notification(self, notification: Any, related_request_id: RequestId) -> None:
        if not isinstance(notification, SubscriptionsAcknowledgedNotification):
            await self._session.send_notification(notification, related_request_id)
            return
        honoured = notification.params.notifications
        await self.acknowledge(
            honoured.model_dump(by_alias=True, mode="json", exclude_none=True), related_request_id
        )

    async def acknowledge(self, honoured: Mapping[str, Any], request_id: RequestId | None) -> None:
        """Send what is listened to: the first frame of the stream."""
        told = {"notifications": {**honoured, "taskIds": list(self._ids)}}
        await _send(self._session, "notifications/subscriptions/acknowledged", told, request_id)
        self.acknowledged.set()


async def _send(
    session: ServerSession, method: str, params: dict[str, Any], request_id: RequestId | None
) -> None:
    note = _Note(method=method, params={**params, "_meta": {SUBSCRIPTION_ID_META_KEY: request_id}})
    await session.send_notification(cast("Any", note), related_request_id=request_id)


def _filter(ctx: Ctx) -> Mapping[str, Any]:
    """What a listener of this protocol version asks for; empty for any other request."""
    if ctx.method != "subscriptions/listen" or ctx.protocol_version not in VERSIONS:
        return {}
    wanted = (ctx.params or {}).get("notifications")
    return cast("Mapping[str, Any]", wanted) if isinstance(wanted, Mapping) else {}


def _ids(wanted: object) -> list[str]:
    found = cast("list[object]", wanted) if isinstance(wanted, list) else [None]
    if len(found) > MAX_IDS or not all(isinstance(one, str) for one in found):
        raise MCPError(INVALID_PARAMS, f"taskIds is a list of at most {MAX_IDS} texts.")
    return list(dict.fromkeys(cast("list[str]", found)))


def _meta(ctx: Ctx) -> dict[str, Any]:
    return {SUBSCRIPTION_ID_META_KEY: ctx.request_id}
