"""What stands before the protocol on HTTP: who asks, for what address, in what shape.

    request -> Front: path, Host, Origin, method -> Known: the token -> Shares -> Body: type, size, strict JSON

A web page in a browser of this machine can send requests to loopback. It is kept out three times:
its Host is not ours when a name was rebound, its Origin is not listed, and it has no token.
Nothing here answers with CORS headers, and nothing is believed about who forwarded a request.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import TokenVerifier
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_server.frames import MAX_FRAME_BYTES, Refusal, read_frame

PATH: Final = "/mcp"
METHODS: Final = frozenset({"GET", "POST", "DELETE"})
MAX_TOKEN: Final = 1000  # characters


@dataclass(frozen=True)
class Front:
    """Lets pass what is meant for this address and comes from no foreign page.

    Args:
        app: What follows.
        hosts: Values of Host that mean this server, with the port.
        origins: Origins of pages that may call; requests without one are no page's.
    """

    app: ASGIApp
    hosts: Collection[str]
    origins: Collection[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            answer = self._refused(scope, Headers(scope=scope)) or self.app
            await answer(scope, receive, send)

    def _refused(self, scope: Scope, headers: Headers) -> Response | None:
        raw = scope.get("raw_path", b"").partition(b"?")[0]
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1:
            return Response("There must be one Host header.", 400)
        if hosts[0].lower() not in self.hosts:
            return Response("This server has other names (--allow-host).", 421)
        if any(origin not in self.origins for origin in origins):
            return Response("Pages of this origin may not call (--allow-origin).", 403)
        if raw != PATH.encode():
            return Response("Not found", 404)
        if scope["method"] not in METHODS:
            return Response(status_code=405, headers={"Allow": ", ".join(sorted(METHODS))})
        return None


@dataclass(frozen=True)
class Known:
    """Lets pass who brings a token, and says who it is to all that follows."""

    app: ASGIApp
    verifier: TokenVerifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).getlist("authorization")
        token = _bearer(given[0]) if len(given) == 1 else None
        found = await self.verifier.verify_token(token) if token is not None else None
        if found is None:
            headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            await Response("A valid token is required.", 401, headers)(scope, receive, send)
            return
        inner = AuthContextMiddleware(self.app)
        await inner({**scope, "user": AuthenticatedUser(found)}, receive, send)


def _bearer(header: str) -> str | None:
    scheme, _, token = header.partition(" ")
    token = token.strip()
    usable = token.isascii() and 0 < len(token) <= MAX_TOKEN
    return token if scheme.lower() == "bearer" and usable else None


@dataclass(frozen=True)
class Body:
    """Lets pass a body that has one meaning: the rules of the stdio wire."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        kind, _, _ = headers.get("content-type", "").partition(";")
        if kind.strip().lower() != "application/json" or "content-encoding" in headers:
            await Response("Send plain application/json.", 415)(scope, receive, send)
            return
        length = headers.get("content-length", "0")
        too_long = not length.isdecimal() or int(length[:20]) > MAX_FRAME_BYTES
        body = None if too_long else await _whole(receive)
        if body is None:
            text = f"A message has at most {MAX_FRAME_BYTES:,} bytes."
            await Response(text, 413, {"Connection": "close"})(scope, receive, send)
            return
        frame = read_frame(body)
        if isinstance(frame, Refusal):
            text = frame.answer.model_dump_json(by_alias=True)
            answer = Response(text, 400, media_type="application/json")
            await answer(scope, receive, send)
            return
        await self.app(scope, _replayed(body, receive), send)


async def _whole(receive: Receive) -> bytes | None:
    """The body; None: too long."""
    held = bytearray()
    while True:
        message: Mapping[str, object] = await receive()
        if message["type"] != "http.request":
            return bytes(held)  # gone; the application will see it too
        part = message.get("body", b"")
        held += part if isinstance(part, bytes) else b""
        if len(held) > MAX_FRAME_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(held)


def _replayed(body: bytes, receive: Receive) -> Receive:
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return first.pop() if first else await receive()

    return replay
