"""The tasks extension of 2026-07-28 over the wire of a real server: what the suite leaves out."""

import contextlib
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.e2e.mcp_wire import PATIENCE, Host, Server
from tests.e2e.modern_wire import ask, call, envelope, get, run, until_over
from tta_interactive.blocking import BlockingEngine

UNKNOWN = {"code": -32602, "message": "There is no such task of yours."}
NOBODYS = "t_" + "A" * 22


@pytest.fixture(scope="module")
def modern(host: Host) -> Iterator[Server]:
    """A server that nobody shook hands with."""
    server = host.spawn("--allow", "shell")
    yield server
    server.end()


def test_a_server_offers_the_extension_and_no_older_tasks(modern: Server) -> None:
    offered = ask(modern, "server/discover")["result"]["capabilities"]
    assert offered["extensions"]["io.modelcontextprotocol/tasks"] == {}
    assert "tasks" not in offered


def test_a_client_that_follows_tasks_gets_one_and_reads_its_end(modern: Server) -> None:
    begun = run(modern, "sleep 0.3; echo hello")
    assert begun["resultType"] == "task"
    assert re.fullmatch(r"t_[\w-]{22}", begun["taskId"])
    assert begun["status"] == "working"
    assert begun["ttlMs"] is None
    assert begun["pollIntervalMs"] > 0
    assert not begun.keys() & {"result", "error", "inputRequests", "task", "requestState"}
    over = until_over(modern, begun["taskId"])
    assert over["resultType"] == "complete"
    assert over["createdAt"] == begun["createdAt"]
    assert datetime.fromisoformat(over["lastUpdatedAt"]) > datetime.fromisoformat(over["createdAt"])
    assert over["ttlMs"] >= 30 * 86400 * 1000
    result = over["result"]
    assert (result["resultType"], result["isError"]) == ("complete", False)
    assert result["structuredContent"]["done"] is True
    assert result["structuredContent"]["tasks"][0]["task_id"] == begun["taskId"]
    plain = call(modern, "tta_wait", {"task_ids": [begun["taskId"]]}, tasks=False)
    assert plain["structuredContent"]["tasks"] == result["structuredContent"]["tasks"]


@pytest.mark.parametrize("tasks", [True, False])
def test_a_submit_is_never_a_task_and_a_run_only_for_who_declares_it(
    modern: Server, tasks: bool
) -> None:
    arguments = {"kind": "shell", "params": {"script": "true"}}
    submitted = call(modern, "tta_submit", arguments, tasks=tasks)
    assert submitted["resultType"] == "complete"
    task_id = submitted["structuredContent"]["task_id"]
    assert until_over(modern, task_id)["status"] == "completed"  # and yet it can be followed
    assert call(modern, "tta_run", arguments, tasks=tasks)["resultType"] == (
        "task" if tasks else "complete"
    )


def test_a_wait_becomes_the_task_only_if_it_is_longer_than_a_call(modern: Server) -> None:
    task_id = run(modern, "sleep 30")["taskId"]
    short = call(modern, "tta_wait", {"task_ids": [task_id], "timeout_seconds": 0.1})
    assert (short["resultType"], short["structuredContent"]["done"]) == ("complete", False)
    long = call(modern, "tta_wait", {"task_ids": [task_id], "timeout_seconds": 600})
    assert (long["resultType"], long["taskId"]) == ("task", task_id)
    ask(modern, "tasks/cancel", {"taskId": task_id})
    until_over(modern, task_id)
    over = call(modern, "tta_wait", {"task_ids": [task_id], "timeout_seconds": 600})
    assert over["resultType"] == "complete"


def test_a_refused_call_is_a_plain_tool_error(modern: Server) -> None:
    refused = call(modern, "tta_run", {"kind": "python", "params": {"code": "1"}})
    assert (refused["resultType"], refused["isError"]) == ("complete", True)
    assert "Kind 'python' is not allowed" in refused["content"][0]["text"]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("tasks/get", {"taskId": NOBODYS}),
        ("tasks/update", {"taskId": NOBODYS, "inputResponses": {}}),
        ("tasks/cancel", {"taskId": NOBODYS}),
        ("subscriptions/listen", {"notifications": {"taskIds": [NOBODYS]}}),
    ],
)
def test_who_does_not_declare_the_extension_is_told_so(
    modern: Server, method: str, params: dict[str, Any]
) -> None:
    error = ask(modern, method, params, tasks=False)["error"]
    assert error["code"] == -32021
    assert error["data"]["requiredCapabilities"]["extensions"] == {
        "io.modelcontextprotocol/tasks": {}
    }


@pytest.mark.parametrize("method", ["tasks/result", "tasks/list"])
def test_methods_of_the_older_tasks_are_unknown(modern: Server, method: str) -> None:
    assert ask(modern, method, {"taskId": NOBODYS})["error"]["code"] == -32601


def test_a_foreign_task_is_as_unknown_as_none(modern: Server, host: Host) -> None:
    with contextlib.closing(BlockingEngine(host.home, owner="notebook")) as engine:
        theirs = engine.submit("shell", {"script": "sleep 30"})
        for task_id in (theirs, NOBODYS, "", "../x", "t_"):
            for method in ("tasks/get", "tasks/cancel", "tasks/update"):
                params = {"taskId": task_id, "inputResponses": {}}
                error = ask(modern, method, params)["error"]
                assert {name: error[name] for name in UNKNOWN} == UNKNOWN
        assert engine.status(theirs).cancel_requested_at is None
        engine.cancel(theirs)


def test_a_cancel_is_acknowledged_and_what_is_over_never_changes(modern: Server) -> None:
    task_id = run(modern, "sleep 30")["taskId"]
    ack = ask(modern, "tasks/cancel", {"taskId": task_id})["result"]
    assert ack.keys() - {"_meta"} == {"resultType"}
    over = until_over(modern, task_id)
    assert (over["status"], "result" in over) == ("cancelled", False)
    for method in ("tasks/cancel", "tasks/update"):
        params = {"taskId": task_id, "inputResponses": {"in-1": {"action": "accept"}}}
        assert ask(modern, method, params)["result"].keys() - {"_meta"} == {"resultType"}
    assert get(modern, task_id) == over


def test_work_that_fails_is_a_tool_error_and_a_lost_process_an_error_of_the_protocol(
    modern: Server,
) -> None:
    failed = until_over(modern, run(modern, "echo no >&2; exit 3")["taskId"])
    assert (failed["status"], failed["result"]["isError"]) == ("completed", True)
    assert failed["result"]["structuredContent"]["tasks"][0]["status"] == "failed"
    lost = until_over(modern, run(modern, "kill -9 $PPID")["taskId"])
    assert lost["status"] == "failed"
    assert lost["error"]["code"] == -32603
    assert lost["error"]["message"] == lost["statusMessage"]
    assert "lost" in lost["statusMessage"]
    assert "result" not in lost


def test_another_server_answers_for_a_task_of_one_that_was_killed(host: Host) -> None:
    first = host.spawn("--allow", "shell")
    task_id = run(first, "sleep 1; echo survived")["taskId"]
    first.process.kill()
    second = host.spawn("--allow", "shell")
    over = until_over(second, task_id)
    assert over["status"] == "completed"
    assert over["result"]["structuredContent"]["tasks"][0]["result"] == {"exit_code": 0}
    second.end()


def listen(server: Server, *task_ids: str, **more: object) -> int:
    wanted = {"notifications": {"taskIds": list(task_ids), **more}}
    return server.ask("subscriptions/listen", envelope(wanted))


def frames(server: Server, asked: int) -> list[dict[str, Any]]:
    """What one stream says until it ends."""
    found: list[dict[str, Any]] = []
    key = "io.modelcontextprotocol/subscriptionId"
    while not found or "id" not in found[-1]:
        message = server.read(PATIENCE)
        assert message, found
        meta = (message.get("params") or message["result"])["_meta"]
        assert meta[key] == asked
        found.append(message)
    return found


def test_a_listener_hears_what_get_would_say_from_the_start_to_the_end(modern: Server) -> None:
    task_id = run(modern, "sleep 0.5")["taskId"]
    ack, *told, end = frames(modern, listen(modern, task_id, NOBODYS))
    assert ack["method"] == "notifications/subscriptions/acknowledged"
    assert ack["params"]["notifications"] == {"taskIds": [task_id]}
    assert {each["method"] for each in told} == {"notifications/tasks"}
    assert told[0]["params"]["status"] == "working"
    last = {name: value for name, value in told[-1]["params"].items() if name != "_meta"}
    meant = get(modern, task_id)
    assert last == {name: meant[name] for name in last}
    assert meant.keys() - last.keys() <= {"_meta", "resultType"}
    assert last["status"] == "completed"
    assert [each["params"]["status"] for each in told].count("completed") == 1
    assert end["result"]["resultType"] == "complete"


def test_a_listener_hears_of_a_move_that_another_process_made(modern: Server, host: Host) -> None:
    task_id = run(modern, "sleep 30")["taskId"]
    asked = listen(modern, task_id)
    ack = modern.read(PATIENCE)
    assert ack
    assert ack["method"].endswith("acknowledged")
    with contextlib.closing(BlockingEngine(host.home, owner="cli")) as engine:
        engine.cancel(task_id)
    assert frames(modern, asked)[-2]["params"]["status"] == "cancelled"


def test_a_listener_of_what_is_over_hears_it_once(modern: Server) -> None:
    task_id = run(modern, "true")["taskId"]
    until_over(modern, task_id)
    _, told, _ = frames(modern, listen(modern, task_id))
    assert (told["params"]["taskId"], told["params"]["status"]) == (task_id, "completed")
    assert len(frames(modern, listen(modern))) == 2


def test_a_stream_that_is_left_ends_no_task(modern: Server) -> None:
    task_id = run(modern, "sleep 1; echo on")["taskId"]
    asked = listen(modern, task_id)
    assert modern.read(PATIENCE)
    modern.tell("notifications/cancelled", envelope({"requestId": asked}))
    assert until_over(modern, task_id)["status"] == "completed"


@pytest.mark.parametrize("wanted", [[1], "t_1", ["t"] * 101])
def test_a_listener_that_asks_for_nonsense_is_refused(modern: Server, wanted: object) -> None:
    params = {"notifications": {"taskIds": wanted}}
    assert ask(modern, "subscriptions/listen", params)["error"]["code"] == -32602
