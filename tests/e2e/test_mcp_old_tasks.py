"""Tasks as the protocol of 2025-11-25 had them, over the wire of a real server."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.mcp_wire import INITIALIZE, PATIENCE, Host, Server, until

NOBODYS = "t_" + "A" * 22
RELATED = "io.modelcontextprotocol/related-task"
TASKS = "io.modelcontextprotocol/tasks"


def shaken(host: Host, version: str, **more: object) -> tuple[Server, dict[str, Any]]:
    """A server after the handshake of that version, and what it offers."""
    server = host.spawn("--allow", "shell,python")
    # The extension means nothing before 2026-07-28.
    capabilities: dict[str, Any] = {"extensions": {TASKS: {}}, **more}
    hello = {**INITIALIZE, "protocolVersion": version, "capabilities": capabilities}
    answer = server.wait_for(server.ask("initialize", hello), PATIENCE)["result"]
    assert answer["protocolVersion"] == version
    server.tell("notifications/initialized")
    return server, answer["capabilities"]


@pytest.fixture(scope="module")
def old(host: Host) -> Iterator[Server]:
    server, _ = shaken(host, "2025-11-25")
    yield server
    server.end()


def ask(server: Server, method: str, **params: object) -> dict[str, Any]:
    return server.wait_for(server.ask(method, params), PATIENCE)


def begin(server: Server, script: str) -> dict[str, Any]:
    arguments = {"kind": "shell", "params": {"script": script}}
    answer = ask(server, "tools/call", name="tta_run", arguments=arguments, task={"ttl": 60000})
    return answer["result"]["task"]


def test_tasks_are_offered_to_clients_of_that_version_only(host: Host) -> None:
    offered = {}
    for version in ("2025-11-25", "2025-06-18"):
        server, capabilities = shaken(host, version)
        offered[version] = capabilities.get("tasks")
        server.end()
    assert offered == {
        "2025-11-25": {"cancel": {}, "requests": {"tools": {"call": {}}}},
        "2025-06-18": None,
    }


def test_the_tools_that_work_may_be_tasks_and_a_submit_may_not(old: Server) -> None:
    tools = {tool["name"]: tool for tool in ask(old, "tools/list")["result"]["tools"]}
    optional = {name for name, tool in tools.items() if "execution" in tool}
    assert optional == {"tta_run", "tta_generate_tests"}
    assert tools["tta_run"]["execution"] == {"taskSupport": "optional"}
    arguments = {"kind": "shell", "params": {"script": "true"}}
    refused = ask(old, "tools/call", name="tta_submit", arguments=arguments, task={})
    assert refused["error"]["code"] == -32601
    waited = {"task_ids": [begin(old, "sleep 2")["taskId"]], "timeout_seconds": 600}
    refused = ask(old, "tools/call", name="tta_wait", arguments=waited, task={})
    assert refused["error"]["code"] == -32601
    plain = ask(old, "tools/call", name="tta_run", arguments=arguments)["result"]
    assert plain["structuredContent"]["done"] is True


def test_a_result_is_waited_for_and_says_whose_it_is(old: Server) -> None:
    task = begin(old, "sleep 0.5")
    assert task["status"] == "working"
    assert task["ttl"] is None
    assert not task.keys() & {"ttlMs", "pollIntervalMs", "resultType"}
    result = ask(old, "tasks/result", taskId=task["taskId"])["result"]
    assert result["structuredContent"]["done"] is True
    assert result["_meta"]["io.modelcontextprotocol/related-task"] == {"taskId": task["taskId"]}
    now = ask(old, "tasks/get", taskId=task["taskId"])["result"]
    assert now["status"] == "completed"
    assert now["ttl"] > 0
    assert "result" not in now


def test_work_that_fails_is_a_failed_task_and_its_result_a_tool_error(old: Server) -> None:
    task = begin(old, "exit 3")
    assert ask(old, "tasks/result", taskId=task["taskId"])["result"]["isError"] is True
    assert ask(old, "tasks/get", taskId=task["taskId"])["result"]["status"] == "failed"


def test_a_cancel_answers_with_the_cancelled_task_and_a_second_one_is_refused(old: Server) -> None:
    task_id = begin(old, "sleep 30")["taskId"]
    assert until(lambda: ask(old, "tasks/get", taskId=task_id)["result"]["status"] == "working")
    assert ask(old, "tasks/cancel", taskId=task_id)["result"]["status"] == "cancelled"
    assert ask(old, "tasks/cancel", taskId=task_id)["error"]["code"] == -32602
    assert "cancelled" in ask(old, "tasks/result", taskId=task_id)["error"]["message"]


@pytest.mark.parametrize("method", ["tasks/get", "tasks/result", "tasks/cancel"])
@pytest.mark.parametrize("wanted", [NOBODYS, "", None, 3])
def test_an_unknown_id_is_an_error(old: Server, method: str, wanted: object) -> None:
    assert ask(old, method, taskId=wanted)["error"]["code"] == -32602


def test_a_refused_call_makes_no_task_and_says_why(old: Server) -> None:
    arguments = {"kind": "workflow", "params": {"steps": "none"}}
    refused = ask(old, "tools/call", name="tta_run", arguments=arguments, task={"ttl": 1})
    assert refused["error"]["code"] == -32602
    assert "not allowed" in refused["error"]["message"]


def test_the_extension_of_the_next_version_does_not_exist_here(old: Server) -> None:
    arguments = {"kind": "shell", "params": {"script": "true"}}
    result = ask(old, "tools/call", name="tta_run", arguments=arguments)["result"]
    assert "taskId" not in result
    assert ask(old, "tasks/update", taskId=NOBODYS, inputResponses={})["error"]["code"] == -32601


QUESTIONS = """
from tta_interactive import ask
[ask('First?', choices=['yes', 'no']), ask('Second?\\x1b[2J')]
"""


@pytest.fixture
def asking(host: Host) -> Iterator[Server]:
    """A server whose client asks its user."""
    server, _ = shaken(host, "2025-11-25", elicitation={})
    yield server
    server.end()


def begin_asking(server: Server) -> tuple[str, int]:
    """The id of a task that asks, and of the request that waits for its result."""
    arguments = {"kind": "python", "params": {"code": QUESTIONS}}
    answer = ask(server, "tools/call", name="tta_run", arguments=arguments, task={})
    task_id = answer["result"]["task"]["taskId"]
    assert until(lambda: status(server, task_id) == "input_required")
    return task_id, server.ask("tasks/result", {"taskId": task_id})


def status(server: Server, task_id: str) -> str:
    return ask(server, "tasks/get", taskId=task_id)["result"]["status"]


def question_of(server: Server) -> dict[str, Any]:
    for message in server.others:
        if message.get("method") == "elicitation/create":
            server.others.remove(message)
            return message
    while (message := server.read(PATIENCE)) is not None:
        if message.get("method") == "elicitation/create":
            return message
        server.others.append(message)
    raise AssertionError("nobody was asked")


def reply(server: Server, question: dict[str, Any], result: object) -> None:
    message = {"jsonrpc": "2.0", "id": question["id"], "result": result}
    server.write(json.dumps(message).encode() + b"\n")


def result_of(server: Server, waiting: int) -> Any:
    done = server.wait_for(waiting)["result"]
    return done["structuredContent"]["tasks"][0].get("result")


def test_who_waits_for_a_result_is_asked_what_the_task_asks(asking: Server) -> None:
    task_id, waiting = begin_asking(asking)
    first = question_of(asking)
    assert first["params"]["_meta"][RELATED] == {"taskId": task_id}
    assert first["params"]["message"].startswith("First?\n(asked by the background task ")
    assert first["params"]["requestedSchema"]["properties"]["answer"]["enum"] == ["yes", "no"]
    reply(asking, first, {"action": "accept", "content": {"answer": "yes"}})
    second = question_of(asking)
    assert second["params"]["message"].startswith("Second?\\x1b[2J\n")
    reply(asking, first, {"action": "accept", "content": {"answer": "no"}})  # a second time
    reply(asking, second, {"action": "decline"})
    assert result_of(asking, waiting) == ["yes", None]


def test_a_useless_answer_leaves_the_question_to_the_tool(asking: Server) -> None:
    task_id, waiting = begin_asking(asking)
    reply(asking, question_of(asking), {"action": "accept", "content": {"answer": "perhaps"}})
    assert status(asking, task_id) == "input_required"
    for key, answer in (("1.1", "no"), ("1.2", "later")):
        told = {"task_id": task_id, "answer": answer, "question_key": key}
        assert until(lambda told=told: not asking.call("tta_answer", told)["isError"])
    assert result_of(asking, waiting) == ["no", "later"]


def test_a_question_that_is_answered_elsewhere_is_withdrawn(asking: Server) -> None:
    task_id, waiting = begin_asking(asking)
    first = question_of(asking)
    asking.call("tta_answer", {"task_id": task_id, "answer": "no", "question_key": "1.1"})
    second = question_of(asking)
    withdrawn = [m for m in asking.others if m.get("method") == "notifications/cancelled"]
    assert [m["params"]["requestId"] for m in withdrawn] == [first["id"]]
    reply(asking, second, {"action": "accept", "content": {"answer": "text"}})
    assert result_of(asking, waiting) == ["no", "text"]


def test_a_client_that_cannot_ask_is_not_asked(old: Server) -> None:
    task_id, waiting = begin_asking(old)
    assert ask(old, "tasks/cancel", taskId=task_id)["result"]["status"] == "cancelled"
    assert "cancelled" in old.wait_for(waiting)["error"]["message"]
    assert [m for m in old.others if m.get("method") == "elicitation/create"] == []
