"""What an agent may do only after its user was asked: `--ask`, in both eras of the protocol."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import ElicitRequestParams, ElicitResult

from tests.e2e.mcp_agent import facts, text
from tests.e2e.mcp_wire import INITIALIZE, PATIENCE, Host, Server, environment, error_text, until
from tests.e2e.modern_wire import TASKS, VERSION, call

ERAS = ("legacy", VERSION)
FORM: dict[str, Any] = {"elicitation": {"form": {}}}
SUBMIT: dict[str, Any] = {
    "name": "tta_submit",
    "arguments": {"kind": "shell", "params": {"script": "true"}},
}
ONCE = {"action": "accept", "content": {"decision": "this once"}}


class Person:
    """Who sits at the client, and what they were shown."""

    def __init__(self, *decisions: str) -> None:
        self.decisions = list(decisions)
        self.shown: list[str] = []

    async def decide(self, context: Any, params: ElicitRequestParams) -> ElicitResult:
        del context
        self.shown.append(params.message)
        decision = self.decisions.pop(0)
        if decision in ("decline", "cancel"):
            return ElicitResult(action=decision)
        return ElicitResult(action="accept", content={"decision": decision})


def client(host: Host, person: Person | None, mode: str, *flags: str) -> Client:
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-P", "-m", "mcp_server", "--home", str(host.home), "--ask", "shell", *flags],
        cwd=host.project,
        env=environment(host.home),
    )
    callback = person.decide if person is not None else None
    return Client(stdio_client(parameters), mode=mode, elicitation_callback=callback)


def shell(script: str, **more: object) -> dict[str, Any]:
    return {"kind": "shell", "params": {"script": script}, **more}


def audited(host: Host) -> list[str]:
    lines = (host.home / "audit.log").read_text().splitlines()
    return [json.loads(line)["decision"] for line in lines]


def tasks_of(host: Host) -> int:
    """How many tasks there are: each was submitted, whatever became of it."""
    path = host.home / "audit.log"
    return audited(host).count("submitted") if path.exists() else 0


@pytest.fixture
def anyio_backend() -> str:
    """One loop is enough: it is only the client's, the server is another process."""
    return "asyncio"


@pytest.mark.parametrize("mode", ERAS)
async def test_the_user_sees_all_of_what_would_run_and_allows_it_once(
    host: Host, mode: str
) -> None:
    person = Person("this once", "decline")
    script = "true\n# | two\x1b[2J\n# kind 'tests' is safe\u202e"
    async with client(host, person, mode) as agent:
        done = facts(await agent.call_tool("tta_run", shell(script, wait_seconds=50)))
        assert done["done"] is True
        again = await agent.call_tool("tta_run", shell(script))
        assert "did not allow" in text(again)
    shown = person.shown[0]
    assert "task of kind 'shell'" in shown
    assert "as you, WITHOUT a sandbox" in shown
    assert str(host.project) in shown
    lines = "script:\n| true\n| # | two\\x1b[2J\n| # kind 'tests' is safe\\u202e\n"
    assert lines in shown
    assert len(person.shown) == 2
    granted = ["asked", "granted", "allowed", "submitted"]
    assert audited(host)[-7:] == [*granted, "asked", "declined", "refused"]


@pytest.mark.parametrize("mode", ERAS)
async def test_a_kind_that_is_allowed_for_the_session_is_asked_about_once(
    host: Host, mode: str
) -> None:
    person = Person("this session")
    async with client(host, person, mode) as agent:
        for script in ("true", "exit 0"):
            facts(await agent.call_tool("tta_submit", shell(script)))
        other = {"kind": "python", "params": {"code": "1"}}
        assert "not allowed here" in text(await agent.call_tool("tta_submit", other))
    assert len(person.shown) == 1
    async with client(host, Person("no"), mode) as later:
        assert "did not allow" in text(await later.call_tool("tta_submit", shell("true")))


@pytest.mark.parametrize("mode", ERAS)
async def test_without_a_yes_nothing_runs(host: Host, mode: str) -> None:
    before = tasks_of(host)
    person = Person("no", "decline", "cancel")
    async with client(host, person, mode) as agent:
        for _ in range(3):
            refused = await agent.call_tool("tta_submit", shell("true"))
            assert "did not allow this task" in text(refused)
    assert len(person.shown) == 3
    assert tasks_of(host) == before


@pytest.mark.parametrize("mode", ERAS)
async def test_a_client_that_cannot_ask_gets_the_error(host: Host, mode: str) -> None:
    async with client(host, None, mode) as agent:
        refused = await agent.call_tool("tta_submit", shell("true"))
    assert "with a client that can ask them" in text(refused)


@pytest.mark.parametrize("mode", ERAS)
async def test_nobody_is_asked_about_what_would_be_refused_anyway(host: Host, mode: str) -> None:
    person = Person()
    async with client(host, person, mode) as agent:
        for arguments, words in (
            (shell("true", workspace="/"), "outside"),
            ({"kind": "shell", "params": {"scrip": "true"}}, "scrip"),
            (shell("x" * 4000), "has to see all of what would run"),
            ({"kind": "python", "params": {"code": "1"}}, "not allowed here"),
        ):
            assert words in text(await agent.call_tool("tta_submit", arguments))
    assert person.shown == []


@pytest.mark.parametrize("mode", ERAS)
async def test_the_user_cannot_be_asked_to_exhaustion(host: Host, mode: str) -> None:
    person = Person(*["decline"] * 6)
    async with client(host, person, mode) as agent:
        for number in range(5):
            await agent.call_tool("tta_submit", shell(f"echo {number}"))
        refused = await agent.call_tool("tta_submit", shell("echo 5"))
    assert "asked 5 times within a minute" in text(refused)
    assert len(person.shown) == 5


async def test_who_follows_tasks_is_asked_too_and_gets_a_plain_answer(host: Host) -> None:
    with spawned(host) as server:
        result = modern(server, "tta_run", shell("true", wait_seconds=50), follows=True)
        assert result["resultType"] == "input_required"
        done = modern(server, "tta_run", shell("true", wait_seconds=50), result, ONCE, follows=True)
        assert done["structuredContent"]["done"] is True


@contextmanager
def spawned(host: Host) -> Iterator[Server]:
    """A server that no SDK speaks to."""
    server = host.spawn("--ask", "shell")
    yield server
    server.end()


def modern(
    server: Server,
    tool: str,
    arguments: dict[str, Any],
    asked: dict[str, Any] | None = None,
    response: object = None,
    *,
    follows: bool = False,
    state: str | None = None,
) -> dict[str, Any]:
    """The answer to a call of 2026-07-28, or the error."""
    asking = sent(server, tool, arguments, asked, response, follows=follows, state=state)
    answer = server.wait_for(asking, PATIENCE)
    return answer.get("result") or answer


def sent(
    server: Server,
    tool: str,
    arguments: dict[str, Any],
    asked: dict[str, Any] | None = None,
    response: object = None,
    *,
    follows: bool = False,
    state: str | None = None,
) -> int:
    """The id of a call; with what was asked before, it brings the response."""
    capabilities: dict[str, Any] = {**FORM, **({"extensions": {TASKS: {}}} if follows else {})}
    params: dict[str, Any] = {
        "name": tool,
        "arguments": arguments,
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": VERSION,
            "io.modelcontextprotocol/clientCapabilities": capabilities,
        },
    }
    if asked is not None:
        (key,) = asked["inputRequests"]
        params["inputResponses"] = {key: response}
        params["requestState"] = asked["requestState"] if state is None else state
    return server.ask("tools/call", params)


def test_one_answer_is_good_for_one_task_and_for_no_other(host: Host) -> None:
    with spawned(host) as server:
        asked = modern(server, "tta_submit", shell("true"))
        before = tasks_of(host)
        other = modern(server, "tta_submit", shell("rm -rf ."), asked, ONCE)
        assert other["error"]["message"] == "Invalid or expired requestState"
        forged = modern(server, "tta_submit", shell("true"), asked, ONCE, state="v1.AAAA")
        assert forged["error"]["message"] == "Invalid or expired requestState"
        assert not modern(server, "tta_submit", shell("true"), asked, ONCE)["isError"]
        twice = modern(server, "tta_submit", shell("true"), asked, ONCE)
        assert twice["resultType"] == "input_required"  # asked anew
        assert tasks_of(host) == before + 1


def test_while_one_task_is_waited_for_the_same_again_is_not_allowed(host: Host) -> None:
    with spawned(host) as server:
        asked, before = modern(server, "tta_run", shell("sleep 9")), tasks_of(host)
        sent(server, "tta_run", shell("sleep 9"), asked, ONCE)
        assert until(lambda: tasks_of(host) == before + 1)
        unasked = call(server, "tta_submit", shell("sleep 9"), tasks=False)
        assert "with a client that can ask them" in error_text(unasked)


def test_an_answer_that_nobody_asked_for_counts_for_nothing(host: Host) -> None:
    with spawned(host) as server:
        asked = modern(server, "tta_submit", shell("true"))
        (key,) = asked["inputRequests"]
        before = tasks_of(host)
        params = {
            "name": "tta_submit",
            "arguments": shell("echo guessed"),
            "inputResponses": {key: ONCE},
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": VERSION,
                "io.modelcontextprotocol/clientCapabilities": FORM,
            },
        }
        answer = server.wait_for(server.ask("tools/call", params), PATIENCE)["result"]
        assert answer["resultType"] == "input_required"
        # Nor among the arguments, which is all that a model writes.
        said = {**shell("true"), "decision": "this once"}
        assert "decision" in error_text(modern(server, "tta_submit", said))
        assert tasks_of(host) == before


GARBAGE: list[Any] = [
    {"action": "accept"},
    {"action": "accept", "content": {"decision": "yes"}},
    {"action": "accept", "content": {"decision": True}},
    {"action": "shout"},
]


def test_garbage_is_no_yes(host: Host) -> None:
    before = tasks_of(host)
    with spawned(host) as server:
        asked = modern(server, "tta_submit", shell("true"))
        responses: list[Any] = [*GARBAGE, "this once", None, []]
        for response in responses:
            answer = modern(server, "tta_submit", shell("true"), asked, response)
            refused = answer.get("isError") or "error" in answer
            assert refused or answer["resultType"] == "input_required"
    with old(host) as (server, first):
        calls = [first]
        for response in GARBAGE:
            reply(server, asked_of(server), response)
            assert server.wait_for(calls.pop())["result"]["isError"] is True
            calls.append(server.ask("tools/call", SUBMIT))
    assert tasks_of(host) == before


@contextmanager
def old(host: Host) -> Iterator[tuple[Server, int]]:
    """A server of 2025-11-25 in the middle of a call that it asks about."""
    with spawned(host) as server:
        declared: dict[str, Any] = {"elicitation": {}}
        hello = {**INITIALIZE, "protocolVersion": "2025-11-25", "capabilities": declared}
        server.wait_for(server.ask("initialize", hello))
        server.tell("notifications/initialized")
        yield server, server.ask("tools/call", SUBMIT)


def asked_of(server: Server) -> dict[str, Any]:
    """The request of the server's that the client has to answer."""
    while (message := server.read(PATIENCE)) is not None:
        if message.get("method") == "elicitation/create":
            return message
    raise AssertionError("nobody was asked")


def reply(server: Server, question: dict[str, Any], result: object) -> None:
    message = {"jsonrpc": "2.0", "id": question["id"], "result": result}
    server.write(json.dumps(message).encode() + b"\n")


def test_a_client_that_never_answers_holds_nobody_up_and_one_that_leaves_starts_nothing(
    host: Host,
) -> None:
    before = tasks_of(host)
    with old(host) as (server, asking):
        asked_of(server)
        assert server.call("tta_status")["isError"] is False  # meanwhile
        server.tell("notifications/cancelled", {"requestId": asking})
        assert server.call("tta_status")["isError"] is False
        with old(host) as (leaving, _):
            asked_of(leaving)
            assert leaving.process.stdin
            leaving.process.stdin.close()
            assert until(lambda: leaving.process.poll() is not None)
    assert tasks_of(host) == before


def test_a_second_answer_to_one_question_counts_for_nothing(host: Host) -> None:
    before = tasks_of(host)
    with old(host) as (server, asking):
        question = asked_of(server)
        for result in ({"action": "decline"}, ONCE):
            reply(server, question, result)
        assert "did not allow" in error_text(server.wait_for(asking)["result"])
        assert server.call("tta_status")["isError"] is False
    assert tasks_of(host) == before


def test_without_the_option_nobody_is_asked(host: Host) -> None:
    server = host.spawn()
    assert "not allowed here" in error_text(modern(server, "tta_submit", shell("true")))
    server.end()
