"""The question of a task over MCP: native tasks, and tools for clients that follow none."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.e2e.mcp_wire import PATIENCE, Host, Server, until
from tests.e2e.modern_wire import ask, call, envelope, get, until_over
from tta_interactive.blocking import BlockingEngine

FORM = {
    "type": "object",
    "required": ["branch"],
    "properties": {"branch": {"type": "string", "description": "where\x1b[2J"}},
}
IMPORT = "from tta_interactive import ask\n"
CHOICE = IMPORT + "ask('Sure?\\x1b[2J', choices=['yes', 'no'], default='no', timeout=3600)"


@pytest.fixture(scope="module")
def modern(host: Host) -> Iterator[Server]:
    server = host.spawn("--allow", "python")
    yield server
    server.end()


def begun(server: Server, code: str) -> str:
    """A task that was started as a client does which follows tasks; once it asks."""
    arguments = {"kind": "python", "params": {"code": code}}
    task_id = call(server, "tta_run", arguments)["taskId"]
    assert until(lambda: get(server, task_id)["status"] == "input_required")
    return task_id


def update(server: Server, task_id: str, key: str, response: object) -> dict[str, Any]:
    facts = {"taskId": task_id, "inputResponses": {key: response}}
    return ask(server, "tasks/update", facts)


def value(over: dict[str, Any]) -> Any:
    return over["result"]["structuredContent"]["tasks"][0].get("result")


def test_a_question_is_an_input_request_and_its_response_the_answer(modern: Server) -> None:
    task_id = begun(modern, CHOICE)
    task = get(modern, task_id)
    assert "result" not in task
    ((key, request),) = task["inputRequests"].items()
    assert request["method"] == "elicitation/create"
    assert request["params"]["mode"] == "form"
    assert request["params"]["message"].startswith("Sure?\\x1b[2J\n(asked by the background task ")
    assert request["params"]["requestedSchema"] == {
        "type": "object",
        "required": ["answer"],
        "properties": {
            "answer": {
                "type": "string",
                "title": "Answer",
                "enum": ["yes", "no"],
                "default": "no",
            }
        },
    }
    response = {"action": "accept", "content": {"answer": "yes"}}
    assert update(modern, task_id, key, response)["result"].keys() - {"_meta"} == {"resultType"}
    assert value(until_over(modern, task_id)) == "yes"
    assert "inputRequests" not in get(modern, task_id)
    late = update(modern, task_id, key, {"action": "accept", "content": {"answer": "no"}})
    assert late["result"]["resultType"] == "complete"  # answered, and ignored


def test_each_question_has_a_key_of_its_own_and_unknown_keys_count_for_nothing(
    modern: Server,
) -> None:
    task_id = begun(modern, IMPORT + f"[ask('One?'), ask('Two?', form={FORM!r})]")
    assert list(get(modern, task_id)["inputRequests"]) == ["1.1"]
    assert update(modern, task_id, "1.2", {"action": "decline"})["result"]
    assert list(get(modern, task_id)["inputRequests"]) == ["1.1"]
    update(modern, task_id, "1.1", {"action": "accept", "content": {"answer": "first"}})
    assert until(lambda: list(get(modern, task_id).get("inputRequests", {})) == ["1.2"])
    asked = get(modern, task_id)["inputRequests"]["1.2"]["params"]["requestedSchema"]
    assert asked["properties"]["branch"]["description"] == "where\\x1b[2J"
    update(modern, task_id, "1.2", {"action": "accept", "content": {"branch": "main"}})
    assert value(until_over(modern, task_id)) == ["first", {"branch": "main"}]


@pytest.mark.parametrize("action", ["decline", "cancel"])
def test_who_declines_gives_no_answer(modern: Server, action: str) -> None:
    task_id = begun(modern, CHOICE)
    update(modern, task_id, "1.1", {"action": action})
    assert value(until_over(modern, task_id)) is None


@pytest.mark.parametrize(
    ("response", "words"),
    [
        ({"action": "accept", "content": {"answer": "perhaps"}}, "Give one of: 'yes', 'no'."),
        ({"action": "accept"}, "no content"),
        ({"action": "shout"}, "Give accept, decline or cancel."),
        ("yes", "Give accept, decline or cancel."),
    ],
)
def test_a_response_that_does_not_fit_is_refused_and_nothing_is_lost(
    modern: Server, response: object, words: str
) -> None:
    task_id = begun(modern, CHOICE)
    refused = update(modern, task_id, "1.1", response)["error"]
    assert refused["code"] == -32602
    assert words in refused["message"]
    assert list(get(modern, task_id)["inputRequests"]) == ["1.1"]
    ask(modern, "tasks/cancel", {"taskId": task_id})
    assert until_over(modern, task_id)["status"] == "cancelled"


def test_a_question_is_pushed_to_who_listens(modern: Server) -> None:
    code = "import time; time.sleep(0.5)\n" + CHOICE
    task_id = call(modern, "tta_run", {"kind": "python", "params": {"code": code}})["taskId"]
    modern.ask("subscriptions/listen", envelope({"notifications": {"taskIds": [task_id]}}))

    pushed: dict[str, Any] = {}
    while "inputRequests" not in pushed:
        message = modern.read(PATIENCE)
        assert message is not None, "nothing was pushed"
        pushed = message.get("params", {})
    assert (pushed["taskId"], pushed["status"]) == (task_id, "input_required")
    assert list(pushed["inputRequests"]) == ["1.1"]
    update(modern, task_id, "1.1", {"action": "accept", "content": {"answer": "no"}})
    assert value(until_over(modern, task_id)) == "no"


def test_another_server_process_takes_the_answer(modern: Server, host: Host) -> None:
    task_id = begun(modern, CHOICE)
    other = host.spawn("--allow", "python")
    update(other, task_id, "1.1", {"action": "accept", "content": {"answer": "yes"}})
    assert value(until_over(modern, task_id)) == "yes"


def test_an_agent_neither_sees_nor_answers_the_questions_of_others(
    modern: Server, host: Host
) -> None:
    with BlockingEngine(host.home, owner="notebook") as notebook:
        task_id = notebook.submit("python", {"code": CHOICE}, workspace="/tmp")
        notebook.wait_any([task_id], PATIENCE, questions=True)
        refused = call(modern, "tta_answer", {"task_id": task_id, "answer": "yes"}, tasks=False)
        assert refused["isError"]
        assert "You have no task" in refused["content"][0]["text"]
        assert "error" in update(modern, task_id, "1.1", {"action": "decline"})
        sharing = host.spawn("--allow", "python", "--share-notebook")
        shown = call(sharing, "tta_status", {"task_id": task_id}, tasks=False)
        assert "Sure?" not in str(shown)
        assert "the user's" in shown["structuredContent"]["next_action"]
        refused = call(sharing, "tta_answer", {"task_id": task_id, "answer": "yes"}, tasks=False)
        assert refused["isError"]
        assert notebook.status(task_id).status == "input_required"
        notebook.cancel(task_id)


@pytest.fixture
def anyio_backend() -> str:
    """One loop is enough: it is only the client's, the server is another process."""
    return "asyncio"


async def test_a_client_that_follows_no_tasks_is_told_at_once_and_answers_by_tool(
    host: Host,
) -> None:
    command = StdioServerParameters(
        command=sys.executable,
        args=["-P", "-m", "mcp_server", "--home", str(host.home), "--allow", "python"],
        cwd=host.project,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    async with Client(stdio_client(command)) as client:
        arguments = {"kind": "python", "params": {"code": CHOICE}, "wait_seconds": 50}
        run: Any = await client.call_tool("tta_run", arguments)
        told = run.structured_content
        (task,) = told["tasks"]
        assert (told["done"], told["waited_seconds"] < 40) == (False, True)
        assert (task["status"], task["question"]["choices"]) == ("input_required", ["yes", "no"])
        assert task["question"]["text"] == "Sure?\\x1b[2J"
        assert 3000 < task["question"]["expires_in_seconds"] <= 3600
        text = run.content[0].text
        assert text.startswith("A task asks a question.")
        assert 'One of: ["yes", "no"]' in text
        assert f'call tta_answer with task_id "{task["task_id"]}"' in text
        asked = {"task_ids": [task["task_id"]], "timeout_seconds": 50}
        waited: Any = await client.call_tool("tta_wait", asked)
        assert waited.structured_content["waited_seconds"] < 40
        wrong: Any = await client.call_tool(
            "tta_answer", {"task_id": task["task_id"], "answer": "perhaps"}
        )
        assert wrong.is_error
        assert "Give one of: 'yes', 'no'." in wrong.content[0].text
        right: Any = await client.call_tool(
            "tta_answer",
            {"task_id": task["task_id"], "answer": "yes", "question_key": task["question"]["key"]},
        )
        assert "tta_wait" in right.structured_content["next_action"]
        over: Any = await client.call_tool("tta_wait", asked)
        assert over.structured_content["tasks"][0]["result"] == "yes"
        again: Any = await client.call_tool(
            "tta_answer", {"task_id": task["task_id"], "answer": "no"}
        )
        assert again.is_error
        assert "was answered by 'mcp:local' already" in again.content[0].text
    log = (host.home / "audit.log").read_text()
    assert '"answer"' in log
    assert "perhaps" not in log
