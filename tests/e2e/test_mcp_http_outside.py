"""What HTTP is proven against beyond single requests: other programs, pages, noise, replays."""

import contextlib
import json
import random
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from mcp_server.announce import proof
from tests.e2e.certificate import Certificate
from tests.e2e.mcp_http import HELLO, PING, HttpServer
from tests.e2e.mcp_wire import ANSWER_SECONDS, Host
from tests.e2e.modern_wire import VERSION, envelope

ROUNDS = 120


@pytest.fixture(scope="module")
def web(host: Host) -> Iterator[HttpServer]:
    with HttpServer.running(host, "--allow", "shell") as server:
        yield server


def announcement(host: Host, server: HttpServer) -> Path:
    return host.home / f"http-{server.port}.json"


def test_a_private_file_names_the_server_as_long_as_it_serves(host: Host) -> None:  # H17
    with HttpServer.running(host) as server:
        path = announcement(host, server)
        assert path.stat().st_mode & 0o777 == 0o600
        told = json.loads(path.read_text())
        assert told["url"] == f"http://127.0.0.1:{server.port}/mcp"
        assert told["pid"] == server.process.pid
        assert told["token_file"] == str(host.home / "http-tokens")
    assert not path.exists()


def test_only_the_server_of_the_file_can_prove_itself_before_a_token_is_sent(  # H17
    host: Host, web: HttpServer
) -> None:
    secret = json.loads(announcement(host, web).read_text())["secret"]
    for challenge in ("one", "two"):
        headers: dict[str, str | None] = {"Tta-Challenge": challenge}
        reply = web.send(PING, token=None, headers=headers)
        assert reply.status == 401
        assert reply.headers["tta-proof"] == proof(secret, challenge)
        assert secret not in str(reply)
    assert "tta-proof" not in web.send(PING, token=None).headers
    with HttpServer.running(host) as other:  # whatever listens there knows another secret
        reply = other.send(PING, token=None, headers={"Tta-Challenge": "one"})
        assert reply.headers["tta-proof"] != proof(secret, "one")


def test_an_unknown_session_and_a_strangers_are_told_apart_by_nobody(  # H9
    web: HttpServer, host: Host
) -> None:
    with (host.home / "http-tokens").open("a") as file:
        file.write(f"stranger {'s' * 30}\n")
    opened = web.send(json.dumps(HELLO).encode())
    mine = opened.headers["mcp-session-id"]
    for method, body in (("POST", PING), ("GET", None), ("DELETE", None)):
        replies = [
            web.send(body, method=method, token="stranger", headers={"Mcp-Session-Id": each})
            for each in (mine, "0" * len(mine), "x")
        ]
        assert {reply.status for reply in replies} == {404}
        assert len({reply.text for reply in replies}) == 1
    assert web.send(PING, headers={"Mcp-Session-Id": mine}).status == 200


@pytest.mark.parametrize(
    "header",
    [
        {"X-Forwarded-Host": "HERE"},
        {"X-Original-Host": "HERE"},
        {"Forwarded": "for=127.0.0.1;host=HERE;proto=https"},
        {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"},
        {"X-Forwarded-User": "agent", "Remote-User": "agent", "X-Remote-User": "agent"},
    ],
)
def test_no_header_of_a_proxy_makes_a_request_ours_or_anybodys(  # H18
    web: HttpServer, header: dict[str, str]
) -> None:
    given: dict[str, str | None] = {
        name: value.replace("HERE", f"127.0.0.1:{web.port}") for name, value in header.items()
    }
    elsewhere = web.send(PING, headers={**given, "Host": "evil.example"})
    assert elsewhere.status == 421
    assert "other names" in elsewhere.text  # our own words: the SDK would refuse it too, later
    assert web.send(PING, token=None, headers=given).status == 401
    assert web.ask("tools/list", headers=given).status == 200


@pytest.mark.parametrize("page", ["http://localhost:8888", "http://127.0.0.1:8888", "null", None])
@pytest.mark.parametrize("kind", ["text/plain;charset=UTF-8", "application/json"])
def test_a_script_in_a_page_of_this_machine_gets_nothing(  # H19
    web: HttpServer, page: str | None, kind: str
) -> None:
    """A page of a notebook server can send requests here, with its cookies, and no token."""
    headers: dict[str, str | None] = {
        "Origin": page,
        "Content-Type": kind,
        "Cookie": "_xsrf=2|1; username-localhost-8888=me",
        "Sec-Fetch-Site": "same-site",
        "Referer": "http://localhost:8888/lab",
    }
    for method in ("POST", "GET", "DELETE"):
        body = PING if method == "POST" else None
        reply = web.send(body, method=method, token=None, headers=headers)
        assert reply.status == (401 if page is None else 403)
        assert not [name for name in reply.headers if name.startswith("access-control")]
        assert "set-cookie" not in reply.headers


def test_a_captured_submit_that_is_replayed_byte_by_byte_is_one_task(  # H20
    web: HttpServer,
) -> None:
    arguments = {"kind": "shell", "params": {"script": "true"}, "client_request_id": "captured"}
    params = envelope({"name": "tta_submit", "arguments": arguments}, tasks=False)
    call = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
    body = json.dumps(call).encode()
    captured = (
        f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\n"
        f"Authorization: Bearer {web.tokens['agent']}\r\n"
        f"MCP-Protocol-Version: {VERSION}\r\nMcp-Method: tools/call\r\nMcp-Name: tta_submit\r\n"
        "Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n"
        f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    before = count(web)
    answers = [exchanged(web, captured) for _ in range(3)]
    assert count(web) == before + 1
    ids = {task_id_in(answer) for answer in answers}
    assert len(ids) == 1


def task_id_in(answer: bytes) -> str:
    text = answer.partition(b"\r\n\r\n")[2].decode()
    return text.split('"task_id":"')[1].split('"')[0]


def count(server: HttpServer) -> int:
    return sum(server.call("tta_status")["structuredContent"]["counts"].values())


def exchanged(server: HttpServer, data: bytes, patience: float = 10) -> bytes:
    """What the server answers until it closes or is silent for so many seconds."""
    found = b""
    with (
        contextlib.suppress(ConnectionError, TimeoutError),
        socket.create_connection(("127.0.0.1", server.port), timeout=patience) as connection,
    ):
        connection.sendall(data)
        while part := connection.recv(65536):
            found += part
    return found


def noise(random_: random.Random, token: str, port: int) -> bytes:
    """A request that was damaged, or no request at all."""
    params: dict[str, Any] = envelope({"name": "tta_status", "arguments": {}})
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    body = bytearray(json.dumps(message).encode())
    lines = [
        b"POST /mcp HTTP/1.1",
        b"Host: 127.0.0.1:%d" % port,
        b"Authorization: Bearer " + token.encode(),
        b"Content-Type: application/json",
        b"Accept: application/json, text/event-stream",
        b"MCP-Protocol-Version: " + VERSION.encode(),
        b"Mcp-Method: tools/call",
        b"Mcp-Name: tta_status",
        b"Content-Length: %d" % (len(body) + random_.choice([0, 0, 0, 1, -1, 10**6])),
        b"Connection: close",
    ]
    for _ in range(random_.randrange(4)):
        body[random_.randrange(len(body))] = random_.randrange(256)
    match random_.randrange(6):
        case 0:
            lines[0] = (
                random_.choice([b"GET", b"PUT", b"\x16\x03\x01", b"POST", b"PRI"]) + b" * HTTP/2.0"
            )
        case 1:
            lines.insert(random_.randrange(1, 9), lines[random_.randrange(1, 9)])  # twice
        case 2:
            lines.pop(random_.randrange(1, 9))
        case 3:
            lines.append(b"Transfer-Encoding: chunked")  # with a length: smuggling
        case 4:
            return random_.randbytes(random_.randrange(1, 2000))
        case _:
            pass
    data = b"\r\n".join(lines) + b"\r\n\r\n" + bytes(body)
    return data[: random_.randrange(len(data))] if random_.random() < 0.2 else data


@pytest.mark.slow
def test_noise_and_damaged_requests_leave_a_server_that_answers(web: HttpServer) -> None:  # P31
    random_ = random.Random(20260728)
    for turn in range(ROUNDS):
        answer = exchanged(web, noise(random_, web.tokens["agent"], web.port), patience=0.1)
        assert b"Traceback" not in answer
        assert not answer.startswith(b"HTTP/1.1 5")
        if turn % 40 == 39:
            started = time.monotonic()
            assert web.call("tta_status")["isError"] is False
            assert time.monotonic() - started < ANSWER_SECONDS
    assert web.process.poll() is None


@pytest.mark.openssl
def test_a_client_that_trusts_its_certificate_is_served_over_tls(
    host: Host, certificate: Certificate
) -> None:
    found, key = certificate
    flags = ("--tls-cert", str(found), "--tls-key", str(key))
    with HttpServer.running(host, *flags) as server:
        assert server.said.startswith("tta-mcp: serving https://127.0.0.1:")
        url = f"https://127.0.0.1:{server.port}/mcp"
        headers = {
            "Authorization": f"Bearer {server.tokens['agent']}",
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
        }
        asked = Request(url, json.dumps(HELLO).encode(), headers)
        trusting = ssl.create_default_context(cafile=str(found))
        with urlopen(asked, timeout=10, context=trusting) as reply:
            assert b'"serverInfo"' in reply.read()
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            urlopen(asked, timeout=10, context=ssl.create_default_context())
        in_clear = exchanged(server, b"POST /mcp HTTP/1.1\r\nHost: x\r\n\r\n")
        assert not in_clear.startswith(b"HTTP/1.1 2")
