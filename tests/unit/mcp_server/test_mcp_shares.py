"""What one principal may hold open, before an application that never ends a request."""

from typing import Any

import anyio
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from mcp_server.shares import MAX_REQUESTS, MAX_SESSIONS, Shares


class Application:
    """Opens a session for who names none, and leaves requests of method GET open."""

    def __init__(self) -> None:
        self.going = 0
        self.made = 0
        self.ended: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        named = dict(scope["headers"]).get(b"mcp-session-id", b"").decode()
        if scope["method"] == "DELETE":
            self.ended.append(named)
        if scope["method"] == "GET":
            self.going += 1
            await anyio.sleep_forever()
        self.made += not named
        await Response("", 200, {"mcp-session-id": named or str(self.made)})(scope, receive, send)


async def status(app: Shares, who: str, method: str = "POST", session: str = "") -> int:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    token = AccessToken(token="", client_id=who, scopes=[])
    headers = [(b"mcp-session-id", session.encode())] if session else []
    scope: dict[str, Any] = {
        "type": "http", "method": method, "headers": headers, "user": AuthenticatedUser(token)
    }  # fmt: skip
    await app(scope, receive, send)
    return sent[0]["status"]


async def test_open_requests_of_one_principal_leave_room_for_others() -> None:
    inner = Application()
    app = Shares(inner)
    async with anyio.create_task_group() as group:
        for _ in range(MAX_REQUESTS):
            group.start_soon(status, app, "a", "GET", "s")
        with anyio.fail_after(5):
            while inner.going < MAX_REQUESTS:
                await anyio.lowlevel.checkpoint()
        assert await status(app, "a", session="s") == 503
        assert await status(app, "b") == 200
        group.cancel_scope.cancel()
    assert await status(app, "a", session="s") == 200


async def test_a_session_with_an_open_request_is_never_ended() -> None:
    inner = Application()
    app = Shares(inner)
    async with anyio.create_task_group() as group:
        for number in range(1, MAX_SESSIONS + 1):
            assert await status(app, "a") == 200
            if number > 1:
                group.start_soon(status, app, "a", "GET", str(number))
        with anyio.fail_after(5):
            while inner.going < MAX_SESSIONS - 1:
                await anyio.lowlevel.checkpoint()
        assert await status(app, "a") == 200
        assert inner.ended == ["1"]  # the only one that was idle
        group.start_soon(status, app, "a", "GET", str(MAX_SESSIONS + 1))
        with anyio.fail_after(5):
            while inner.going < MAX_SESSIONS:
                await anyio.lowlevel.checkpoint()
        assert await status(app, "a") == 503
        assert await status(app, "b") == 200
        group.cancel_scope.cancel()
    assert await status(app, "a") == 200


async def test_a_session_that_its_client_ended_counts_no_more() -> None:
    inner = Application()
    app = Shares(inner)
    for number in range(1, 3 * MAX_SESSIONS):
        await status(app, "a")
        await status(app, "a", "DELETE", str(number))
    assert len(inner.ended) == 3 * MAX_SESSIONS - 1  # each by its client alone
