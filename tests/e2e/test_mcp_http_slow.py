"""Clients over HTTP that keep places for nothing: they end, and who works is served (H15)."""

import contextlib
import json
import os
import select
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_server.listener import MAX_OPEN
from mcp_server.shares import MAX_SESSIONS
from tests.e2e.certificate import Certificate
from tests.e2e.mcp_http import HELLO, PING, HttpServer, add_token
from tests.e2e.mcp_wire import Host, until
from tests.e2e.modern_wire import VERSION, envelope

CUT_OFF_SECONDS = 60.0  # a bound, not a measurement
# The same server with less patience than its 10 and 15 seconds.
IMPATIENT = """
import sys
from mcp_server import __main__, connections
connections.REQUEST_SECONDS, connections.STALL_SECONDS = 3.0, 4.0
sys.exit(__main__.main())
"""


@pytest.fixture(scope="module")
def web(host: Host) -> Iterator[HttpServer]:
    with HttpServer.running(host, program=IMPATIENT) as server:
        yield server


def connected(server: HttpServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def is_cut_off(connection: socket.socket) -> bool:
    """Whether the other end is gone; what it wrote is thrown away."""
    try:
        while select.select([connection], [], [], 0)[0]:
            if not connection.recv(65536):
                return True
    except ConnectionError:
        return True
    return False


def head(
    server: HttpServer, *, length: int = 0, token: str | None = None, method: str = "ping"
) -> bytes:
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    return (
        f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n{bearer}"
        f"MCP-Protocol-Version: {VERSION}\r\nMcp-Method: {method}\r\nMcp-Name: ui://tta/board.html\r\n"
        "Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def descriptors(server: HttpServer) -> int:
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


@pytest.mark.slow
def test_silence_slowness_and_deafness_have_an_end(web: HttpServer) -> None:
    token = web.tokens["agent"]
    silent, heading, sending, again, deaf = (connected(web) for _ in range(5))
    heading.sendall(head(web)[:60])
    sending.sendall(head(web, length=100, token=token) + b'{"jsonrpc"')
    again.sendall(head(web, length=2) + b"{}")  # answered 401, then silent on a kept connection
    # It reads none of its answers, 40 KB each.
    params = envelope({"uri": "ui://tta/board.html"})
    ask = {"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": params}
    body = json.dumps(ask).encode()
    whole = head(web, length=len(body), token=token, method="resources/read") + body
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for _ in range(300):
        deaf.sendall(whole)
    assert until(lambda: select.select([deaf], [], [], 0)[0])
    ended: set[str] = set()
    slow = {"silent": silent, "heading": heading, "sending": sending, "again": again}

    def are_cut_off() -> bool:
        for name, connection in slow.items():
            if name == "heading" and name not in ended:  # it goes on, byte by byte
                with contextlib.suppress(OSError):
                    connection.send(b"x")
            if name not in ended and is_cut_off(connection):
                ended.add(name)
        return ended == set(slow)

    assert until(are_cut_off, CUT_OFF_SECONDS), ended
    # It must not read to find out: the server's end is gone from the list of connections.
    assert until(lambda: not has_connection(web, deaf), CUT_OFF_SECONDS)
    assert web.call("tta_status")["isError"] is False
    for connection in (*slow.values(), deaf):
        connection.close()


def has_connection(server: HttpServer, connection: socket.socket) -> bool:
    """Whether the server holds its end of a connection: proc(5), net/tcp."""
    mine, theirs = (
        f":{end[1]:04X}" for end in (connection.getpeername(), connection.getsockname())
    )
    lines = Path(f"/proc/{server.process.pid}/net/tcp").read_text().splitlines()[1:]
    fields = (line.split() for line in lines)
    # The inode is 0 when no process holds it any more.
    return any(f[1].endswith(mine) and f[2].endswith(theirs) and f[9] != "0" for f in fields)


@pytest.mark.slow
def test_a_flood_of_idle_connections_locks_nobody_out_for_long(web: HttpServer, host: Host) -> None:
    before = descriptors(web)
    held: list[socket.socket] = []
    local = host.start()
    try:
        for _ in range(900):
            with contextlib.suppress(OSError):
                held.append(connected(web))
        peaks = [before]

        def are_cut_off() -> bool:
            peaks.append(descriptors(web))
            return sum(map(is_cut_off, held)) >= len(held) - 400

        assert until(are_cut_off)
        assert max(peaks) <= before + 400 + 2 * 128  # the store's own are not eaten up
        assert local.call("tta_status")["isError"] is False  # who is on stdio notices nothing

        def is_served() -> bool:
            with contextlib.suppress(OSError):
                return web.ask("tools/list").status == 200
            return False

        assert until(is_served, CUT_OFF_SECONDS)  # while all of them are still held
    finally:
        for connection in held:
            connection.close()


def test_a_head_that_is_too_large_is_refused_and_the_server_lives(web: HttpServer) -> None:
    for header in (b"X: " + b"x" * 200_000, b"\r\n".join(b"X-%d: y" % n for n in range(20_000))):
        with connected(web) as connection, contextlib.suppress(ConnectionError):
            connection.sendall(head(web)[:-2] + header + b"\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 400")
    assert web.ask("tools/list").status == 200


def opened(server: HttpServer, name: str) -> str:
    """The id of a new session of an older client."""
    reply = server.send(json.dumps(HELLO).encode(), token=name)
    assert reply.status == 200, reply.text
    return reply.headers["mcp-session-id"]


def status_of(server: HttpServer, session: str, name: str) -> int:
    headers: dict[str, str | None] = {"Mcp-Session-Id": session}
    return server.send(PING, token=name, headers=headers).status


def test_sessions_without_end_cost_only_who_opens_them(web: HttpServer) -> None:
    add_token(web.home, "other", "o" * 40)
    others = opened(web, "other")
    first = opened(web, "agent")
    used = opened(web, "agent")
    for _ in range(MAX_SESSIONS - 1):
        assert status_of(web, used, "agent") == 200
        newest = opened(web, "agent")
    assert status_of(web, first, "agent") == 404  # the one that was idle for longest
    assert status_of(web, used, "agent") == 200
    assert status_of(web, newest, "agent") == 200
    assert status_of(web, others, "other") == 200
    assert opened(web, "other")


@pytest.mark.slow
@pytest.mark.openssl
def test_handshakes_that_never_end_count_and_end(host: Host, certificate: Certificate) -> None:
    flags = ("--tls-cert", str(certificate.path), "--tls-key", str(certificate.key))
    with HttpServer.running(host, *flags, program=IMPATIENT) as server:
        before = descriptors(server)
        held: list[socket.socket] = []
        try:
            for _ in range(MAX_OPEN + 100):
                with contextlib.suppress(OSError):
                    held.append(connected(server))
            peaks: list[int] = []

            def are_cut_off() -> bool:
                peaks.append(descriptors(server))
                return sum(map(is_cut_off, held)) >= len(held) - MAX_OPEN

            assert until(are_cut_off)  # although none of the others has got anywhere
            assert max(peaks) <= before + MAX_OPEN + 20  # the store's own, opened late
            # asyncio's own bound is 60 s.
            assert until(lambda: all(map(is_cut_off, held)), CUT_OFF_SECONDS * 2 / 3)
            trusting = ssl.create_default_context(cafile=str(certificate.path))
            with (
                connected(server) as plain,
                trusting.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
            ):
                connection.sendall(head(server, length=2) + b"{}")
                assert connection.recv(65536).startswith(b"HTTP/1.1 401")
        finally:
            for connection in held:
                connection.close()
