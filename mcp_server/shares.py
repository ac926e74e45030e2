"""Each principal's share of what one HTTP server has: sessions of older clients, and open requests.

A session beyond the share ends the principal's own that was idle for longest: its client is told
404 and begins anew, as the protocol has it. Clients that crash leave sessions behind, so refusing
would lock the honest out. Sessions with an open request are never ended; where there are only such
ones, and where too many requests are open, the principal is refused, and nobody else is.
"""

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from mcp.server.streamable_http import MCP_SESSION_ID_HEADER
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_SESSIONS: Final = 50
MAX_REQUESTS: Final = 128  # half of the connections that are served: a wait holds one


class Shares:
    """Lets a principal pass within his share; `Known` must stand before it.

    Args:
        app: What follows.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._requests: Counter[str] = Counter()
        # Principal -> session -> open requests; the one that was used longest ago first.
        self._sessions: defaultdict[str, OrderedDict[str, int]] = defaultdict(OrderedDict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        who: str = scope["user"].access_token.client_id
        headers = Headers(scope=scope)
        session = headers.get(MCP_SESSION_ID_HEADER)
        version = headers.get(MCP_PROTOCOL_VERSION_HEADER)
        opens = session is None and (version is None or version in HANDSHAKE_PROTOCOL_VERSIONS)
        if self._requests[who] >= MAX_REQUESTS or (opens and not self._has_room(who)):
            text = "You have too many open requests. End some, then send it again."
            await Response(text, 503, {"Retry-After": "5"})(scope, receive, send)
            return
        ends = scope["method"] == "DELETE"
        with self._counted(who, session):
            found = await self._served(scope, receive, send)
        if session is not None and (ends or found.status == 404):
            self._sessions[who].pop(session, None)
        if opens and found.session is not None and found.status < 400:
            self._sessions[who][found.session] = 0
            await self._make_room(scope, who)

    def _has_room(self, who: str) -> bool:
        mine = self._sessions[who]
        return len(mine) < MAX_SESSIONS or not all(mine.values())

    @contextmanager
    def _counted(self, who: str, session: str | None) -> Iterator[None]:
        """While this lasts a request is open."""
        mine = self._sessions[who]
        self._requests[who] += 1
        if session in mine:
            mine[session] += 1
            mine.move_to_end(session)
        try:
            yield
        finally:
            self._requests[who] -= 1
            if session in mine:
                mine[session] -= 1

    async def _served(self, scope: Scope, receive: Receive, send: Send) -> "_Answer":
        answer = _Answer()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.session = Headers(raw=message["headers"]).get(MCP_SESSION_ID_HEADER)
            await send(message)

        await self._app(scope, receive, watched)
        return answer

    async def _make_room(self, scope: Scope, who: str) -> None:
        """End the principal's sessions that are too many, as he could himself."""
        mine = self._sessions[who]
        while len(mine) > MAX_SESSIONS:
            idle = next((name for name, busy in mine.items() if not busy), None)
            if idle is None:
                return
            del mine[idle]
            named = MCP_SESSION_ID_HEADER.encode()
            kept = [pair for pair in scope["headers"] if pair[0] in (b"host", b"authorization")]
            ending = {**scope, "method": "DELETE", "headers": [*kept, (named, idle.encode())]}
            await self._app(ending, _nothing, _dropped)


class _Answer:
    """What became of a request."""

    status = 500
    session: str | None = None


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _dropped(message: Message) -> None:
    del message
