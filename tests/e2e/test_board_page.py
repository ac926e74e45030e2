"""The board as a page on this machine: what it serves, and what a stranger is not told."""

import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.e2e.processes import until
from tests.e2e.test_board import submit
from tta_interactive.blocking import BlockingEngine
from tta_interactive.board.page import BoardServer

BOUND = 20.0


@pytest.fixture
def server(engine: BlockingEngine) -> Iterator[BoardServer]:
    made = BoardServer(engine)
    yield made
    made.close()


def request(
    server: BoardServer, method: str, path: str, body: object = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=BOUND)
    usual = {"Host": f"127.0.0.1:{server.port}", "Content-Type": "application/json"}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request(method, path, data if body is not None else None, {**usual, **headers})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def key(server: BoardServer) -> dict[str, str]:
    return {"Authorization": f"Bearer {server.address.partition('#')[2]}"}


def asked(*messages: object, seen: int = 0, first: int = 1) -> dict[str, object]:
    return {"client": "c", "seen": seen, "first": first, "messages": list(messages)}


def test_the_page_and_its_modules_are_served_and_may_load_nothing_else(server: BoardServer) -> None:
    for path, start in (("/", b"<!doctype"), ("/board.js", b"//"), ("/page.js", b"//")):
        status, headers, body = request(server, "GET", path)
        assert (status, body.startswith(start)) == (200, True)
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert not [name for name in headers if name.lower().startswith("access-control")]
        assert b"http" not in body.replace(b"http://www.w3.org/2000/svg", b"")  # nothing outside
    assert request(server, "GET", "/../../../etc/passwd")[0] == 404
    assert request(server, "GET", "/page.py")[0] == 404  # it is there, beside the page


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer \xff"}, 401),
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
        ({"Origin": "https://evil.example"}, 421),
        ({"Origin": "null"}, 421),
        ({"Content-Type": "text/plain"}, 400),
        ({"Content-Length": "99999999"}, 400),
    ],
)
def test_a_stranger_is_told_nothing(
    server: BoardServer, headers: dict[str, str], status: int
) -> None:
    answer = request(server, "POST", "/ask", asked({"type": "view"}), **{**key(server), **headers})
    assert answer[0] == status
    assert b"rows" not in answer[2]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"client":1}', b"[" * 60_000, b'{"client":"c"}', b"\xff"]
)
def test_a_body_that_is_no_question_is_refused_and_the_page_lives(
    server: BoardServer, body: bytes
) -> None:
    assert request(server, "POST", "/ask", body, **key(server))[0] == 400
    assert request(server, "POST", "/ask", asked({"type": "view"}), **key(server))[0] == 200


def test_what_was_lost_on_the_way_is_told_again_and_done_once(
    server: BoardServer, engine: BlockingEngine
) -> None:
    task_id = submit(engine, "once", "false")
    engine.wait(task_id, BOUND)
    messages = asked({"type": "view"}, {"type": "retry", "id": task_id})
    first = json.loads(request(server, "POST", "/ask", messages, **key(server))[2])
    again = json.loads(request(server, "POST", "/ask", messages, **key(server))[2])
    assert (first["first"], again["messages"][: len(first["messages"])]) == (1, first["messages"])
    assert len(engine.list()) == 2
    got = len(again["messages"])
    engine.wait_all([task.id for task in engine.list()], BOUND)
    submit(engine, "news")
    news = asked(seen=got, first=3)
    later = json.loads(request(server, "POST", "/ask", news, **key(server))[2])
    assert later["first"] == got + 1
    assert later["messages"]


def test_a_page_that_goes_away_is_nothing_to_print(
    server: BoardServer, engine: BlockingEngine, capfd: pytest.CaptureFixture[str]
) -> None:
    view = asked({"type": "view"})
    seen = len(json.loads(request(server, "POST", "/ask", view, **key(server))[2])["messages"])
    for _ in range(3):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=BOUND)
        usual = {"Host": f"127.0.0.1:{server.port}", "Content-Type": "application/json"}
        body = json.dumps(asked(seen=seen, first=2))
        connection.request("POST", "/ask", body, {**usual, **key(server)})
        linger = struct.pack("ii", 1, 0)  # closed by a reset, as by a browser that was killed
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        connection.close()
    submit(engine, "news")
    assert request(server, "POST", "/ask", asked(seen=seen, first=2), **key(server))[0] == 200
    assert capfd.readouterr().err == ""


def test_a_question_ends_the_request_that_waits(server: BoardServer) -> None:
    view = asked({"type": "view"})
    seen = len(json.loads(request(server, "POST", "/ask", view, **key(server))[2])["messages"])
    waiting = threading.Thread(
        target=request, args=(server, "POST", "/ask", asked(seen=seen, first=2)), kwargs=key(server)
    )
    begun = time.monotonic()
    waiting.start()
    reader = server.readers._readers["c"]
    until(lambda: reader._newest == 2 and reader._turn.locked(), BOUND, "a request waits")
    question = asked({"type": "cancel", "id": "nobody"}, seen=seen, first=2)
    told = json.loads(request(server, "POST", "/ask", question, **key(server))[2])
    waiting.join(BOUND)
    assert any(message["type"] == "problem" for message in told["messages"])
    assert time.monotonic() - begun < 10  # it would have been held for 25 s


def test_the_command_prints_the_address_and_ends_with_ctrl_c(home: Path) -> None:
    from tests.e2e.tta_command import on_terminal

    child = on_terminal(home, "board")
    child.expect(rb"The board is at http://127\.0\.0\.1:\d+/#[\w-]{20,}")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
