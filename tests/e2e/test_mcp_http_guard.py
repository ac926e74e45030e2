"""Who gets past the door over HTTP, and with what. Ids H1 to H17 are those of the catalogue."""

import contextlib
import gzip
import os
import socket
from pathlib import Path

import pytest

from tests.e2e.mcp_http import PING, HttpServer
from tests.e2e.mcp_wire import PATIENCE, Host, environment, refused


@pytest.mark.parametrize(
    "name", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1", "127.0.0.1:1", "user@127.0.0.1"]
)
def test_a_request_for_another_host_is_misdirected(web: HttpServer, name: str) -> None:  # H1
    assert web.send(PING, headers={"Host": name}).status == 421


def test_a_request_without_a_host_or_with_two_is_refused(web: HttpServer) -> None:  # H2
    assert web.send(PING, headers={"Host": None}).status == 400
    assert raw(web, f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\nHost: evil\r\n") == 400


def raw(server: HttpServer, head: str, body: bytes = b"") -> int:
    """The status of the answer to a request that no library would send; 0: none."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(head.encode("latin-1") + b"\r\n" + body)
        with contextlib.suppress(ConnectionError):
            line = connection.makefile("rb").readline()
            return int(line.split()[1]) if line else 0
    return 0


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://localhost:1234", "http://127.0.0.1:8888", ""],
)
def test_a_page_of_any_origin_is_refused_also_with_a_token(  # H3 H4
    web: HttpServer, origin: str
) -> None:
    assert web.send(PING, headers={"Origin": origin}).status == 403


def test_a_page_of_an_origin_that_was_allowed_is_served(host: Host) -> None:
    page = "https://inspector.example.org"
    with HttpServer.running(host, "--allow-origin", page) as server:
        assert server.ask("tools/list", headers={"Origin": page}).status == 200
        assert server.ask("tools/list", headers={"Origin": page + "x"}).status == 403


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonevil", "", None]
)
def test_a_body_that_is_no_json_by_its_type_is_refused(  # H5
    web: HttpServer, kind: str | None
) -> None:
    assert web.send(PING, headers={"Content-Type": kind}).status == 415


def test_a_preflight_gets_no_leave(web: HttpServer) -> None:  # H6
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for headers in (asked, {**asked, "Origin": None}):
        reply = web.send(method="OPTIONS", headers=headers, token=None)
        assert reply.status in (403, 405)
        assert not [name for name in reply.headers if name.startswith("access-control")]


def test_a_body_that_is_too_long_or_packed_is_refused(web: HttpServer) -> None:  # H7
    packed = gzip.compress(PING)
    assert web.send(packed, headers={"Content-Encoding": "gzip"}).status == 415
    head = (
        f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {web.tokens['agent']}\r\n"
    )
    assert raw(web, head + f"Content-Length: {5 * 1024 * 1024}\r\n") == 413  # before it comes
    size = 1024 * 1024 + 100_000
    chunk = b"%x\r\n%s\r\n" % (size, b"x" * size)
    assert raw(web, head + "Transfer-Encoding: chunked\r\n", chunk) == 413


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":NaN}}',
        b"[" + PING + b"]",
        b"\xff\xfe",
        b"not json",
    ],
)
def test_a_hostile_body_is_refused_and_the_server_lives(  # H8
    web: HttpServer, body: bytes
) -> None:
    reply = web.send(body)
    assert reply.status == 400
    assert "error" in reply.message
    assert web.call("tta_status")["isError"] is False


def test_a_made_up_session_is_unknown(web: HttpServer) -> None:  # H9
    answers = [
        web.send(PING, headers={"Mcp-Session-Id": made_up}) for made_up in ("0" * 32, "x", "../..")
    ]
    assert {reply.status for reply in answers} == {404}
    assert len({reply.text for reply in answers}) == 1


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic TOKEN",
        "TOKEN",
        "Bearer TOKENx",
        "Bearer TOKE\xe9",
        "Bearer " + "x" * 50_000,
    ],
)
def test_nobody_is_served_without_a_token(web: HttpServer, header: str | None) -> None:  # H10
    given = header.replace("TOKEN", web.tokens["agent"]) if header else header
    reply = web.send(PING, headers={"Authorization": given})
    assert reply.status == 401
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert "token is required" in reply.text


def test_a_token_in_the_address_or_given_twice_counts_for_nothing(web: HttpServer) -> None:  # H10
    token = web.tokens["agent"]
    assert web.send(PING, path=f"/mcp?token={token}&access_token={token}", token=None).status == 401
    line = f"Authorization: Bearer {token}\r\n"
    head = f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{web.port}\r\n{line}{line}Content-Length: 0\r\n"
    assert raw(web, head) == 401


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--http", "0.0.0.0:0"], "--allow-host"),
        (["--http", "[::]:0"], "--allow-host"),
        (["--http", "0.0.0.0:0", "--allow-host", "box"], "must not travel in clear"),
        (["--http", "nowhere"], "names no port"),
        (["--http", "0", "--allow", "generate-unsandboxed"], "nothing runs without a sandbox"),
        (["--http", "0", "--share-notebook"], "nobody sees your other tasks"),
    ],
)
def test_what_would_be_open_to_others_is_refused_in_words(  # H11
    host: Host, flags: list[str], words: str
) -> None:
    refused(host.home, host.project, environment(host.home), flags, words)


@pytest.mark.parametrize("how", ["readable", "link", "short", "reserved", "empty", "directory"])
def test_a_token_file_that_cannot_be_trusted_is_refused(  # H12
    host: Host, tmp_path: Path, how: str
) -> None:
    path, words = tmp_path / "tokens", "cannot be used"
    text = {"short": "agent abc\n", "reserved": f"local {'x' * 30}\n", "empty": "# nobody\n"}
    path.write_text(text.get(how, f"agent {'x' * 30}\n"))
    path.chmod(0o644 if how == "readable" else 0o600)
    if how == "readable":
        words = "is not a private file of yours"
    elif how == "link":
        path.rename(tmp_path / "real")
        path.symlink_to(tmp_path / "real")
        words = "cannot be read"
    elif how == "empty":
        words = "names nobody"
    elif how == "directory":
        path.unlink()
        path.mkdir(mode=0o700)
        words = "is not a private file of yours"
    refused(
        host.home,
        host.project,
        environment(host.home),
        ["--http", "0", "--token-file", str(path)],
        words,
    )


def bearer(token: str) -> dict[str, str | None]:
    return {"Authorization": f"Bearer {token}"}


def test_a_token_that_was_taken_away_is_refused_at_once(host: Host, tmp_path: Path) -> None:  # H13
    path = tmp_path / "tokens"
    path.write_text(f"agent {'a' * 30}\n")
    path.chmod(0o600)
    with HttpServer.running(host, "--token-file", str(path)) as server:
        old, new = (bearer(letter * 30) for letter in "ab")
        for written, good, bad in ((None, old, new), (f"agent {'b' * 30}\n", new, old)):
            if written:
                path.write_text(written)
            assert server.ask("tools/list", headers=good).status == 200
            assert server.ask("tools/list", headers=bad).status == 401
        path.chmod(0o644)
        assert server.ask("tools/list", headers=new).status == 401


@pytest.mark.parametrize(
    "path", ["/", "/mcp/", "//mcp", "/mcp/../x", "/%6dcp", "/mcp/%2e%2e/mcp", "/x/../mcp"]
)
def test_only_the_one_path_is_served(web: HttpServer, path: str) -> None:  # H16
    assert web.send(PING, path=path).status == 404


def test_a_port_that_another_program_has_is_refused(web: HttpServer, host: Host) -> None:  # H17
    refused(
        host.home,
        host.project,
        environment(host.home),
        ["--http", str(web.port)],
        "do not send it your token",
    )


def test_tokens_never_appear_in_what_the_server_says_or_stores(host: Host, tmp_path: Path) -> None:
    secret = "s3cr3t-" + "k" * 30
    path = tmp_path / "tokens"
    path.write_text(f"agent {secret}\n")
    path.chmod(0o600)
    server = HttpServer(host, "--http", "0", "--token-file", str(path))
    assert server.ask("tools/list", headers=bearer(secret)).status == 200
    assert server.send(PING, headers=bearer(f"{secret}x")).status == 401
    said = server.end()
    assert secret not in said
    for file in host.home.rglob("*"):
        if file.is_file() and not file.is_socket() and os.access(file, os.R_OK):
            assert secret.encode() not in file.read_bytes()
