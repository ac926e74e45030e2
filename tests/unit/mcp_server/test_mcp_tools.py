"""The limits of the tools, made small: an in-memory client, the real engine and worker."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp_types import CallToolResult

from mcp_server import admission, tools, waiting
from mcp_server.policy import Policy
from mcp_server.server import make_server
from tta_interactive.settings import read_settings


@pytest.fixture
async def client(home: Path, tmp_path: Path) -> AsyncIterator[Client]:
    policy = Policy(home=home, roots=(tmp_path,), kinds=frozenset({"tests", "shell"}))
    settings = replace(read_settings(home), keep_days=7.0)
    async with Client(make_server(policy, settings)) as opened:
        yield opened


def facts(result: Any) -> dict[str, Any]:
    assert isinstance(result, CallToolResult)
    assert not result.is_error, result
    return result.structured_content


async def submit(client: Client, script: str, **more: object) -> Any:
    arguments = {"kind": "shell", "params": {"script": script}, **more}
    return await client.call_tool("tta_submit", arguments)


async def until_running(client: Client, task_id: str) -> None:
    with anyio.fail_after(10):
        status = "queued"
        while status == "queued":
            answer = facts(await client.call_tool("tta_status", {"task_id": task_id}))
            status = answer["tasks"][0]["status"]


async def test_a_wait_longer_than_the_cap_is_cut_to_it(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tools.MAX_WAIT_SECONDS == 50.0
    monkeypatch.setattr(tools, "MAX_WAIT_SECONDS", 0.3)
    task_id = facts(await submit(client, "sleep 30"))["task_id"]
    with anyio.fail_after(5):
        answer = facts(
            await client.call_tool("tta_wait", {"task_ids": [task_id], "timeout_seconds": 3600})
        )
    assert answer["done"] is False
    assert answer["waited_seconds"] >= 0.3
    await client.call_tool("tta_cancel", {"task_id": task_id})


async def test_no_more_than_the_quota_is_queued_and_room_comes_back(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert admission.MAX_QUEUED == 100
    monkeypatch.setattr(admission, "MAX_QUEUED", 3)
    first = facts(await submit(client, "sleep 30"))["task_id"]
    await until_running(client, first)
    waiting = [facts(await submit(client, "true", after=[first]))["task_id"] for _ in range(3)]
    refused = await submit(client, "true", after=[first])
    assert refused.is_error
    assert "3 of your tasks are queued already, and this would be 1 more" in refused.content[0].text
    await client.call_tool("tta_cancel", {"task_id": waiting[0]})
    facts(await submit(client, "true", after=[first]))
    await client.call_tool("tta_cancel", {"task_id": first})


async def test_the_answer_to_a_submit_says_how_long_the_result_is_kept(client: Client) -> None:
    result = await submit(client, "true")
    assert facts(result)["kept_days"] == 7.0
    assert "kept for 7 days" in result.content[0].text


async def test_the_steps_of_a_workflow_count_as_tasks_and_no_kind_is_smuggled_in(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = Policy(home=home, roots=(tmp_path,), kinds=frozenset({"tests", "shell", "workflow"}))
    settings = replace(read_settings(home), keep_days=7.0)
    monkeypatch.setattr(admission, "MAX_QUEUED", 4)

    def asked(*kinds: str) -> dict[str, Any]:
        params = {"shell": {"argv": ["true"]}, "python": {"code": "1"}}
        steps = [{"name": f"s{n}", "kind": k, "params": params[k]} for n, k in enumerate(kinds)]
        return {"kind": "workflow", "params": {"steps": steps}}

    async with Client(make_server(policy, settings)) as client:
        for call, words in (
            (asked("shell", "python"), "Kind 'python' is not allowed here"),
            (asked(*["shell"] * 4), "this would be 5 more"),
        ):
            refused = await client.call_tool("tta_submit", call)
            assert refused.is_error
            assert words in refused.content[0].text  # type: ignore[union-attr]
        assert facts(await client.call_tool("tta_status", {}))["counts"] == {}
        task_id = facts(await client.call_tool("tta_submit", asked("shell", "shell")))["task_id"]
        answer = facts(await client.call_tool("tta_wait", {"task_ids": [task_id]}))
        assert answer["tasks"][0]["result"]["counts"] == {"completed": 2}
        listed = facts(await client.call_tool("tta_status", {}))
        assert [task["task_id"] for task in listed["tasks"]] == [task_id]


async def test_a_run_gives_its_id_also_where_no_more_calls_may_wait(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "MAX_WAITS", 0)
    arguments = {"kind": "shell", "params": {"script": "sleep 30"}, "wait_seconds": 50}
    with anyio.fail_after(10):
        answer = facts(await client.call_tool("tta_run", arguments))
    task_id = answer["tasks"][0]["task_id"]
    refused = await client.call_tool("tta_wait", {"task_ids": [task_id]})
    assert refused.is_error
    assert "waiting already" in refused.content[0].text
    await client.call_tool("tta_cancel", {"task_id": task_id})
