"""The guard alone, before an application that serves whatever it is given."""

from typing import Any

import pytest
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from mcp_server.frames import MAX_FRAME_BYTES
from mcp_server.guard import Body, Front, Known

HOSTS = frozenset({"127.0.0.1:1"})
PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
JSON = [(b"content-type", b"application/json; charset=utf-8")]


async def serves(scope: Scope, receive: Receive, send: Send) -> None:
    body, more = b"", scope["method"] == "POST"
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    token = get_access_token()
    who = token.client_id if token else "nobody"
    await Response(who.encode() + b" " + body)(scope, receive, send)


async def answer(
    app: Any, headers: list[tuple[bytes, bytes]], body: bytes = PING, **more: object
) -> tuple[int, bytes]:
    """Status and text."""
    scope = {"type": "http", "method": "POST", "path": "/mcp", "raw_path": b"/mcp",
             "headers": headers, **more}  # fmt: skip
    parts = [body[:10], body[10:]]
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], b"".join(each.get("body", b"") for each in sent[1:])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([(b"host", b"127.0.0.1:1")], 200),
        ([], 400),
        ([(b"host", b"127.0.0.1:1"), (b"host", b"127.0.0.1:1")], 400),
        ([(b"host", b"evil.example")], 421),
        ([(b"host", b"127.0.0.1:11")], 421),
        ([(b"host", b"127.0.0.1:1"), (b"origin", b"https://page.example")], 200),
        ([(b"host", b"127.0.0.1:1"), (b"origin", b"http://127.0.0.1:1")], 403),
        ([(b"host", b"127.0.0.1:1"), (b"origin", b"https://page.example"), (b"origin", b"x")], 403),
    ],
)
async def test_only_requests_for_this_address_and_of_known_pages_pass(
    headers: list[tuple[bytes, bytes]], status: int
) -> None:
    front = Front(serves, HOSTS, {"https://page.example"})
    assert (await answer(front, headers))[0] == status


async def test_a_path_or_method_beside_the_served_ones_is_refused() -> None:
    front, host = Front(serves, HOSTS, ()), [(b"host", b"127.0.0.1:1")]
    assert (await answer(front, host, raw_path=b"/%6dcp"))[0] == 404
    assert (await answer(front, host, raw_path=b"/mcp?x=1"))[0] == 200
    assert (await answer(front, host, method="OPTIONS"))[0] == 405


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (b"application/json", 200),
        (b"Application/JSON ; charset=utf-8", 200),
        (b"application/jsonevil", 415),
        (b"text/plain", 415),
        (b"", 415),
    ],
)
async def test_only_json_by_its_type_passes(kind: bytes, status: int) -> None:
    assert (await answer(Body(serves), [(b"content-type", kind)]))[0] == status


@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":1e999}}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"\\ud800"}}',
        b"[" * 1000,
        b"[]",
        b"\xff",
    ],
)
async def test_a_body_with_more_than_one_meaning_never_reaches_the_protocol(body: bytes) -> None:
    status, text = await answer(Body(serves), JSON, body)
    assert status == 400
    assert b'"error"' in text


async def test_a_body_passes_whole_and_one_that_is_too_long_does_not() -> None:
    assert await answer(Body(serves), JSON) == (200, b"nobody " + PING)
    assert (await answer(Body(serves), JSON, b'"' + b"x" * MAX_FRAME_BYTES + b'"'))[0] == 413
    for length in (b"99999999", b"-1", b"9" * 400, b"1e9"):
        assert (await answer(Body(serves), [*JSON, (b"content-length", length)]))[0] == 413
    packed = [*JSON, (b"content-encoding", b"gzip")]
    assert (await answer(Body(serves), packed))[0] == 415


class OneToken:
    async def verify_token(self, token: str) -> AccessToken | None:
        return AccessToken(token="", client_id="agent", scopes=[]) if token == "right" else None


@pytest.mark.parametrize(
    "given",
    [
        [],
        [b"right"],
        [b"Basic right"],
        [b"Bearer wrong"],
        [b"Bearer "],
        [b"Bearer right", b"Bearer right"],
    ],
)
async def test_who_brings_no_token_is_nobody(given: list[bytes]) -> None:
    headers = [(b"authorization", each) for each in given]
    status, text = await answer(Known(serves, OneToken()), headers)
    assert (status, PING in text) == (401, False)


async def test_who_brings_a_token_is_known_to_all_that_follows() -> None:
    headers = [(b"authorization", b"bearer right")]
    assert await answer(Known(serves, OneToken()), headers) == (200, b"agent " + PING)
    assert get_access_token() is None
