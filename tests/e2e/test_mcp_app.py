"""The board inside a chat: who is told of it, what it is, and what it may do."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.mcp_wire import INITIALIZE, Host, Server
from tests.e2e.modern_wire import VERSION, envelope
from tta_interactive.blocking import BlockingEngine

UI = "io.modelcontextprotocol/ui"
SHOWS_APPS = {"extensions": {UI: {"mimeTypes": ["text/html;profile=mcp-app"]}}}
ADDRESS = "ui://tta/board.html"
BOARD, FEED = "tta_board", "tta_board_feed"


@pytest.fixture(scope="module")
def server(host: Host) -> Server:
    return host.start("--allow", "shell")


class Reader:
    """What an open board does: it numbers what it asks, and says what it got."""

    def __init__(self, server: Server) -> None:
        self.server, self.name = server, secrets.token_hex(8)
        self.first, self.seen = 1, 0

    def ask(self, *messages: dict[str, Any]) -> list[dict[str, Any]]:
        """What is new."""
        given = {
            "client": self.name,
            "seen": self.seen,
            "first": self.first,
            "messages": list(messages),
        }
        answer = self.server.call(FEED, given)
        assert not answer["isError"], answer
        told = answer["structuredContent"]
        assert told["first"] == self.seen + 1
        self.first += len(messages)
        self.seen += len(told["messages"])
        return told["messages"]


def tools(listed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {tool["name"]: tool for tool in listed["result"]["tools"]}


@pytest.mark.parametrize("era", ["2025-11-25", VERSION])
def test_tools_of_the_app_are_listed_to_who_shows_apps(host: Host, era: str) -> None:
    found = []
    server = host.spawn()
    for capabilities in ({}, SHOWS_APPS):
        if era == VERSION:
            params = envelope({})
            params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = capabilities
        else:  # there a client says it once
            server = host.spawn() if found else server
            hello = {**INITIALIZE, "protocolVersion": era, "capabilities": capabilities}
            server.wait_for(server.ask("initialize", hello))
            server.tell("notifications/initialized")
            params = {}
        found.append(tools(server.wait_for(server.ask("tools/list", params))))
    without, with_apps = found
    assert with_apps.keys() - without.keys() == {BOARD, FEED}
    assert with_apps[BOARD]["_meta"]["ui"] == {"resourceUri": ADDRESS}
    assert with_apps[FEED]["_meta"]["ui"] == {"visibility": ["app"]}


def test_the_app_is_one_document_that_loads_nothing(server: Server) -> None:
    answer = server.wait_for(server.ask("resources/read", {"uri": ADDRESS}))
    (document,) = answer["result"]["contents"]
    assert document["mimeType"] == "text/html;profile=mcp-app"
    text = document["text"]
    assert text.count("<script") == 1
    assert "export function mount" in text
    assert FEED in text
    for loads in ("src=", "href=", "import ", "import(", "fetch(", "url("):
        assert loads not in text


def test_the_models_tool_says_in_words_what_the_board_shows(server: Server) -> None:
    task_id = server.submit("shell", script="sleep 30")
    answer = server.call(BOARD)
    assert task_id in answer["content"][0]["text"]
    assert answer["structuredContent"]["tasks"][0]["task_id"] == task_id
    server.call("tta_cancel", {"task_id": task_id})


def test_an_open_board_is_told_what_moves_and_can_end_and_repeat(server: Server) -> None:
    reader = Reader(server)
    task_id = server.submit("shell", script="sleep 30")
    (page,) = reader.ask({"type": "view"})
    assert (page["type"], page["order"][0]) == ("page", task_id)
    told = reader.ask({"type": "cancel", "id": task_id})
    for _ in range(20):  # a patch for each move
        rows = [each["rows"][task_id] for each in told if task_id in each.get("rows", {})]
        if rows and rows[-1]["state"] == "cancelled":
            break
        told += reader.ask()
    assert rows[-1]["state"] == "cancelled"
    told = reader.ask({"type": "retry", "id": task_id})
    orders = [each["order"] for each in told if "order" in each]
    new_id = orders[-1][0]
    assert new_id != task_id
    server.call("tta_cancel", {"task_id": new_id})


def decisions(host: Host) -> list[tuple[str, str]]:
    lines = (host.home / "audit.log").read_text().splitlines()
    return [(entry["tool"], entry["decision"]) for entry in map(json.loads, lines)]


def test_what_a_board_changes_is_recorded(host: Host, server: Server) -> None:
    task_id = server.submit("shell", script="sleep 30")
    reader = Reader(server)
    reader.ask({"type": "view"})
    reader.ask({"type": "cancel", "id": task_id})
    assert (FEED, "cancel") in decisions(host)
    server.call("tta_wait", {"task_ids": [task_id]})
    reader.ask({"type": "retry", "id": task_id})
    assert decisions(host)[-2:] == [(FEED, "allowed"), (FEED, "submitted")]


@pytest.fixture
def engine_of_the_user(host: Host) -> Iterator[BlockingEngine]:
    with BlockingEngine(host.home, owner="notebook") as engine:
        yield engine


def test_a_board_neither_shows_nor_ends_what_is_not_the_callers(
    server: Server, engine_of_the_user: BlockingEngine
) -> None:
    theirs = engine_of_the_user.submit("shell", {"argv": ["sleep", "30"]})
    reader = Reader(server)
    (page,) = reader.ask({"type": "view"})
    assert theirs not in page["order"]
    for kind in ("cancel", "retry", "detail"):
        (problem,) = reader.ask({"type": kind, "id": theirs})
        assert problem["type"] == "problem"
    assert engine_of_the_user.status(theirs).cancel_requested_at is None
    engine_of_the_user.cancel(theirs)


def test_a_board_repeats_nothing_that_is_not_allowed_any_more(host: Host, server: Server) -> None:
    task_id = server.submit("shell", script="exit 1")
    server.call("tta_wait", {"task_ids": [task_id]})
    narrower = host.start()
    before = narrower.call("tta_status")["structuredContent"]["counts"]
    (problem,) = Reader(narrower).ask({"type": "retry", "id": task_id})
    assert "is not allowed here" in problem["text"]
    assert narrower.call("tta_status")["structuredContent"]["counts"] == before


def test_a_board_that_repeats_without_end_meets_the_quota(host: Host) -> None:
    server = host.start("--allow", "shell")
    task_id = server.submit("shell", script="exit 1")
    server.call("tta_wait", {"task_ids": [task_id]})
    again = {"type": "retry", "id": task_id}
    (problem,) = Reader(server).ask(*[again] * 60)
    assert "60 tasks within a minute" in problem["text"]


def test_a_board_that_is_not_understood_is_told_so(server: Server) -> None:
    (problem,) = Reader(server).ask({"type": "steal"})
    assert problem["type"] == "problem"
    answer = server.call(FEED, {"client": "x", "seen": -1, "first": 0, "messages": []})
    assert answer["isError"] is True
