"""The door over HTTP, in another process. Ids H1 to H20 are those of the catalogue."""

import contextlib
import json
import signal
import socket
import threading
from typing import Any

import pytest

from tests.e2e.mcp_http import HELLO, PING, HttpServer, add_token
from tests.e2e.mcp_wire import PATIENCE, Host, error_text, until
from tta_interactive.blocking import BlockingEngine

NOBODYS = "t_" + "A" * 22


def shell(server: HttpServer, script: str, *, token: str = "agent") -> str:
    arguments = {"kind": "shell", "params": {"script": script}}
    result = server.call("tta_submit", arguments, token=token)
    assert not result["isError"], result
    return result["structuredContent"]["task_id"]


def test_a_call_with_the_token_of_the_file_is_served(web: HttpServer) -> None:
    status = (web.home / "http-tokens").stat()
    assert status.st_mode & 0o777 == 0o600
    assert web.call("tta_status")["isError"] is False
    assert web.tokens["agent"] not in web.said


@pytest.mark.sandbox
def test_work_of_a_caller_over_http_runs_in_the_sandbox(web: HttpServer) -> None:
    script = "cat /proc/self/status | grep -c NoNewPrivs; ls ~ | wc -l"
    task_id = shell(web, script)
    wait = {"task_ids": [task_id], "timeout_seconds": 20}
    (task,) = web.call("tta_wait", wait)["structuredContent"]["tasks"]
    assert (task["status"], task["sandbox"]) == ("completed", "namespaces")


def test_a_principal_finds_nothing_of_anothers(web: HttpServer, host: Host) -> None:  # H14
    mine = shell(web, "sleep 30")
    with contextlib.closing(BlockingEngine(host.home, owner="notebook")) as engine:
        assert engine.status(mine).owner == "mcp:agent"
        for tool, argument in (
            ("tta_status", {"task_id": mine}),
            ("tta_wait", {"task_ids": [mine]}),
            ("tta_cancel", {"task_id": mine}),
            ("tta_logs", {"task_id": mine}),
        ):
            theirs = error_text(web.call(tool, argument, token="other"))
            nobodys = json.loads(json.dumps(argument).replace(mine, NOBODYS))
            unknown = error_text(web.call(tool, nobodys, token="other"))
            assert theirs.replace(mine, "ID") == unknown.replace(NOBODYS, "ID")
        for method in ("tasks/get", "tasks/cancel", "tasks/update"):
            answers = [
                web.ask(method, {"taskId": each, "inputResponses": {}}, tasks=True, token="other")
                for each in (mine, NOBODYS)
            ]
            assert answers[0].text == answers[1].text
            assert answers[0].status == 400
        assert web.call("tta_status", token="other")["structuredContent"]["tasks"] == []
        assert engine.status(mine).cancel_requested_at is None
    web.call("tta_cancel", {"task_id": mine})


def test_a_session_belongs_to_who_opened_it(web: HttpServer) -> None:  # H14
    opened = web.send(json.dumps(HELLO).encode())
    session: dict[str, str | None] = {"Mcp-Session-Id": opened.headers["mcp-session-id"]}
    assert web.send(PING, headers=session).status == 200
    assert web.send(PING, headers=session, token="other").status == 404
    assert web.send(method="DELETE", headers=session, token="other").status == 404
    assert web.send(PING, headers=session).status == 200


def test_a_submit_that_is_sent_twice_is_one_task(web: HttpServer) -> None:  # H20
    arguments = {"kind": "shell", "params": {"script": "true"}, "client_request_id": "once"}
    ids = {web.call("tta_submit", arguments)["structuredContent"]["task_id"] for _ in range(2)}
    assert len(ids) == 1
    other = web.call("tta_submit", arguments, token="other")["structuredContent"]["task_id"]
    assert other not in ids


def test_one_principals_flood_is_not_anothers(host: Host) -> None:
    with HttpServer.running(host, "--allow", "shell") as server:
        if "other" not in server.tokens:
            add_token(host.home, "other", "o" * 30)
        arguments = {"kind": "shell", "params": {"script": "true"}}
        results = [server.call("tta_submit", arguments) for _ in range(62)]
        assert [result["isError"] for result in results] == [False] * 60 + [True] * 2
        assert "60 tasks within a minute" in error_text(results[-1])
        assert server.call("tta_submit", arguments, token="other")["isError"] is False


def test_the_users_file_of_permissions_counts_for_nothing(host: Host) -> None:
    other = host.project.parent / "other"
    other.mkdir()
    path = host.home / ".config" / "tta-interactive" / "agents.toml"  # HOME is the store's
    path.parent.mkdir(parents=True)
    path.write_text(f'allow = ["shell"]\nroots = ["{other}"]\nshare_notebook = true\n')
    path.chmod(0o600)
    try:
        with HttpServer.running(host) as server:
            listed = {t["name"] for t in server.ask("tools/list").message["result"]["tools"]}
            assert "tta_submit" not in listed
        with HttpServer.running(host, "--allow", "python") as server:
            asked = {"kind": "shell", "params": {"script": "true"}}
            assert "not allowed here" in error_text(server.call("tta_submit", asked))
            asked = {"kind": "python", "params": {"code": "1"}, "workspace": str(other)}
            assert "outside" in error_text(server.call("tta_submit", asked))
    finally:
        path.unlink()


def test_nothing_is_allowed_that_was_not_named(host: Host) -> None:
    with HttpServer.running(host) as server:
        listed = server.ask("tools/list").message["result"]["tools"]
        assert {tool["name"] for tool in listed} == {
            "tta_wait",
            "tta_status",
            "tta_cancel",
            "tta_logs",
            "tta_answer",
        }


def test_a_task_can_be_followed_and_a_header_that_disagrees_is_refused(web: HttpServer) -> None:
    arguments = {"kind": "shell", "params": {"script": "sleep 0.2"}}
    params = {"name": "tta_run", "arguments": arguments}
    task_id = web.ask("tools/call", params, tasks=True).message["result"]["taskId"]

    def get(**headers: str | None) -> Any:
        named: dict[str, str | None] = {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return web.ask("tasks/get", {"taskId": task_id}, tasks=True, headers=named)

    assert until(lambda: get().message["result"]["status"] == "completed")
    assert get(Mcp_Name=None).status == 200  # a client in the field never sends it
    wrong = get(Mcp_Name=NOBODYS)
    assert (wrong.status, wrong.message["error"]["code"]) == (400, -32020)
    stream = web.ask("subscriptions/listen", {"notifications": {"taskIds": [task_id]}}, tasks=True)
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert '"status":"completed"' in stream.text.replace(" ", "")


def test_two_servers_on_one_store_serve_the_same_principal(web: HttpServer, host: Host) -> None:
    with HttpServer.running(host, "--allow", "shell") as second:
        task_id = shell(web, "sleep 0.5")
        wait = {"task_ids": [task_id], "timeout_seconds": 20}
        result = second.call("tta_wait", wait)["structuredContent"]
        assert result["tasks"][0]["status"] == "completed"


def test_a_call_whose_connection_drops_ends_no_task_and_a_killed_server_neither(host: Host) -> None:
    with HttpServer.running(host, "--allow", "shell") as server:
        task_id = shell(server, "sleep 1.5; echo on")
        params = {"name": "tta_wait", "arguments": {"task_ids": [task_id]}}
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection,
        ):
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
            connection.sendall(
                f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n".encode() + body.encode()
            )
        server.process.kill()
    with HttpServer.running(host, "--allow", "shell") as again:
        wait = {"task_ids": [task_id], "timeout_seconds": 20}
        task = again.call("tta_wait", wait)["structuredContent"]["tasks"][0]
        assert task["status"] == "completed"


def test_a_signal_ends_the_server_also_while_calls_wait(host: Host) -> None:
    server = HttpServer(host, "--http", "0", "--allow", "shell")
    task_id = shell(server, "sleep 30")
    wait = {"task_ids": [task_id], "timeout_seconds": 40}
    waiting = threading.Thread(target=lambda: _quietly(lambda: server.call("tta_wait", wait)))
    waiting.start()
    said = server.end()
    assert server.process.returncode in (0, -signal.SIGTERM)
    assert "Traceback" not in said
    waiting.join()
    with contextlib.closing(BlockingEngine(host.home, owner="cli")) as engine:
        assert not engine.status(task_id).is_final
        engine.cancel(task_id)


def _quietly(work: Any) -> None:
    with contextlib.suppress(Exception):  # the server leaves in the middle of it
        work()
