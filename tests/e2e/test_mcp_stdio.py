"""The stdio server, driven by the SDK's own client in another process."""

import contextlib

import anyio
import jsonschema
import pytest
from mcp import Client
from mcp.client.client import ConnectMode

from tests.e2e.mcp_agent import (
    PATIENCE,
    Place,
    agent,
    facts,
    submit,
    text,
)
from tta_interactive.blocking import BlockingEngine


@pytest.fixture
def anyio_backend() -> str:
    """One loop is enough: it is only the client's, the server is another process."""
    return "asyncio"


async def test_the_tools_are_offered_with_honest_hints(place: Place) -> None:
    async with agent(place) as client:
        default = {tool.name: tool for tool in (await client.list_tools()).tools}
    async with agent(place, "--allow", "shell") as client:
        wide = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert list(default) == [
        "tta_generate_tests",
        "tta_run",
        "tta_submit",
        "tta_wait",
        "tta_status",
        "tta_cancel",
        "tta_answer",
        "tta_logs",
    ]
    hints = {
        name: (
            hint.read_only_hint,
            hint.destructive_hint,
            hint.idempotent_hint,
            hint.open_world_hint,
        )
        for name, tool in default.items()
        if (hint := tool.annotations)
    }
    assert hints == {
        "tta_generate_tests": (False, True, False, False),
        "tta_run": (False, True, False, False),
        "tta_submit": (False, True, False, False),
        "tta_status": (True, None, True, False),
        "tta_wait": (True, None, True, False),
        "tta_cancel": (False, True, True, False),
        "tta_answer": (False, True, False, False),
        "tta_logs": (True, None, True, False),
    }
    open_world = {name: tool.annotations.open_world_hint for name, tool in wide.items()  # type: ignore[union-attr]
                  if tool.annotations}  # fmt: skip
    assert {name for name, wide_open in open_world.items() if wide_open} == {
        "tta_submit",
        "tta_run",
    }
    described = default["tta_submit"].description or ""
    assert "module_path" in described
    assert "Kind 'shell'" not in described
    assert "Kind 'shell'" in (wide["tta_submit"].description or "")
    assert "'shell'" in (wide["tta_run"].description or "")
    for tool in default.values():
        assert tool.input_schema["additionalProperties"] is False
        assert tool.output_schema
    assert "do not loop" in (default["tta_status"].description or "").lower()


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_a_task_is_submitted_waited_for_and_read(place: Place, mode: ConnectMode) -> None:
    async with agent(place, "--allow", "shell", mode=mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        task_id = await submit(client, "echo to be read; sleep 0.5")
        results = {
            "tta_wait": await client.call_tool("tta_wait", {"task_ids": [task_id]}),
            "tta_status": await client.call_tool("tta_status", {"task_id": task_id}),
            "tta_logs": await client.call_tool("tta_logs", {"task_id": task_id}),
            "tta_cancel": await client.call_tool("tta_cancel", {"task_id": task_id}),
        }
    for name, result in results.items():
        jsonschema.validate(facts(result), tools[name].output_schema)
        assert task_id in text(result)
        assert facts(result)["next_action"]
        assert len(text(result)) < 1000
    assert facts(results["tta_wait"])["done"] is True
    assert facts(results["tta_wait"])["tasks"][0]["result"] == {"exit_code": 0}
    assert facts(results["tta_logs"])["untrusted_output"] == "to be read\n"
    assert facts(results["tta_cancel"])["found"] == "It was completed already; nothing was changed."


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_a_run_is_a_submit_and_a_wait_in_one_call(place: Place, mode: ConnectMode) -> None:
    async with agent(place, "--allow", "shell", mode=mode) as client:
        schema = {tool.name: tool for tool in (await client.list_tools()).tools}["tta_run"]
        arguments = {"kind": "shell", "params": {"script": "echo out; exit 0"}}
        done = await client.call_tool("tta_run", arguments)
        assert facts(done)["done"] is True
        (task,) = facts(done)["tasks"]
        assert task["result"] == {"exit_code": 0}
        jsonschema.validate(facts(done), schema.output_schema or {})
        assert task["task_id"] in text(done)
        slow = {"kind": "shell", "params": {"script": "sleep 20"}, "wait_seconds": 0}
        going = facts(await client.call_tool("tta_run", slow))
        assert going["done"] is False
        task_id = going["tasks"][0]["task_id"]
        assert f'call tta_wait with task_ids ["{task_id}"]' in going["next_action"]
        await client.call_tool("tta_cancel", {"task_id": task_id})


async def test_a_run_that_failed_is_a_tool_error_with_all_of_its_facts(place: Place) -> None:
    async with agent(place, "--allow", "shell") as client:
        arguments = {"kind": "shell", "params": {"script": "exit 3"}}
        result = await client.call_tool("tta_run", arguments)
        assert result.is_error
        assert "is failed" in text(result)
        assert result.structured_content["tasks"][0]["error"]["code"]  # type: ignore[index]


@pytest.mark.sandbox
async def test_tests_for_a_module_are_one_call(place: Place) -> None:
    wish = {"module_path": "twice.py", "output_path": "tests/test_two.py", "budget": 1,
            "coverage_threshold": 50, "wait_seconds": 50}  # fmt: skip
    async with agent(place) as client:
        answer = facts(await client.call_tool("tta_generate_tests", wish))
        assert answer["done"] is True
        (task,) = answer["tasks"]
        assert task["summary"]["threshold_met"] is True
        assert task["summary"]["output_path"] == "tests/test_two.py"
        assert task["kind"] == "tests"
        assert (place.project / "tests/test_two.py").exists()
        same = {**wish, "wait_seconds": 0, "client_request_id": "again"}
        ids = [
            facts(await client.call_tool("tta_generate_tests", same))["tasks"][0]["task_id"]
            for _ in range(2)
        ]
        assert ids[0] == ids[1]
        wrong = await client.call_tool("tta_generate_tests", {**wish, "threshold": 3})
        assert wrong.is_error
        assert "'threshold' is unknown" in text(wrong)
        outside = await client.call_tool("tta_generate_tests", {"module_path": "../x.py"})
        assert outside.is_error
        assert "leads outside" in text(outside)


@pytest.mark.sandbox
async def test_a_module_outside_the_workspace_is_refused_and_one_inside_is_taken(
    place: Place,
) -> None:
    (place.project.parent / "secret.py").write_text("KEY = 1\n")
    (place.project / "link.py").symlink_to(place.project.parent / "secret.py")
    async with agent(place) as client:
        for path in ("../secret.py", str(place.project.parent / "secret.py"), "link.py"):
            refused = await client.call_tool("tta_submit", {"params": {"module_path": path}})
            assert refused.is_error
            assert "leads outside" in text(refused)
        answer = facts(
            await client.call_tool(
                "tta_submit", {"params": {"module_path": "twice.py", "budget": 1}}
            )
        )
        assert answer["workspace"] == str(place.project)
        assert answer["sandbox_wanted"] == "landlock"
        await client.call_tool("tta_cancel", {"task_id": answer["task_id"]})


async def test_without_a_sandbox_tests_need_the_users_consent(place: Place) -> None:
    hidden = """
import sys
from tta_interactive import sandbox
sandbox.probe = lambda again=False: sandbox.LIMITS
from mcp_server.__main__ import main
sys.exit(main(sys.argv[1:]))
"""
    arguments = {"params": {"module_path": "twice.py", "budget": 1}}
    for flags, allowed in ((), False), (("--allow", "generate-unsandboxed"), True):
        async with agent(place, *flags, code=hidden) as client:
            result = await client.call_tool("tta_submit", arguments)
            if allowed:
                answer = facts(result)
                assert answer["sandbox_wanted"] == "limits"
                await client.call_tool("tta_cancel", {"task_id": answer["task_id"]})
            else:
                assert result.is_error
                assert "bubblewrap" in text(result)
                assert "--allow generate-unsandboxed" in text(result)


async def test_wait_any_returns_with_the_first_and_wait_all_with_the_last(place: Place) -> None:
    async with agent(place, "--allow", "shell") as client:
        slow = await submit(client, "sleep 2.5")
        fast = await submit(client, "sleep 0.2")
        both = {"task_ids": [slow, fast, slow]}
        first = facts(await client.call_tool("tta_wait", {**both, "mode": "any"}))
        assert first["done"] is True
        assert [task["finished"] for task in first["tasks"]] == [False, True]
        assert slow in first["next_action"]
        assert fast not in first["next_action"]
        last = facts(await client.call_tool("tta_wait", both))
        assert [task["finished"] for task in last["tasks"]] == [True, True]
        again = facts(await client.call_tool("tta_wait", both))
        assert again["waited_seconds"] == 0.0


async def test_a_wait_of_no_seconds_looks_and_returns(place: Place) -> None:
    async with agent(place, "--allow", "shell") as client:
        task_id = await submit(client, "sleep 20")
        answer = facts(
            await client.call_tool("tta_wait", {"task_ids": [task_id], "timeout_seconds": 0})
        )
        assert (answer["done"], answer["waited_seconds"]) == (False, 0.0)
        cancelled = facts(await client.call_tool("tta_cancel", {"task_id": task_id}))
        assert cancelled["status"] in ("running", "cancelled")
        answer = facts(await client.call_tool("tta_wait", {"task_ids": [task_id]}))
        assert answer["tasks"][0]["status"] == "cancelled"


async def test_a_failed_task_says_why_and_what_to_do(place: Place) -> None:
    async with agent(place, "--allow", "shell") as client:
        task_id = await submit(client, "echo broken >&2; exit 3")
        result = await client.call_tool("tta_wait", {"task_ids": [task_id]})
        (task,) = facts(result)["tasks"]
        assert task["status"] == "failed"
        assert task["error"]["code"]
        assert "3" in task["error"]["message"]
        assert f"{task_id} is failed" in text(result)
        assert "broken" in text(await client.call_tool("tta_logs", {"task_id": task_id}))


async def test_a_dependent_task_starts_after_the_other(place: Place) -> None:
    async with agent(place, "--allow", "shell") as client:
        first = await submit(client, "sleep 0.5; echo 1 > order")
        second = await submit(client, "echo 2 >> order", after=[first])
        facts(await client.call_tool("tta_wait", {"task_ids": [first, second]}))
    assert (place.project / "order").read_text() == "1\n2\n"


async def test_parallel_retries_of_one_request_make_one_task(place: Place) -> None:
    ids: list[str] = []

    async def retry(client: Client) -> None:
        ids.append(await submit(client, "echo once", client_request_id="same"))

    async with (
        agent(place, "--allow", "shell") as one,
        agent(place, "--allow", "shell") as two,
        anyio.create_task_group() as group,
    ):
        for client in (one, two) * 5:
            group.start_soon(retry, client)
    assert len(ids) == 10
    assert len(set(ids)) == 1


async def test_the_notebook_sees_an_agents_task_and_agents_see_the_notebooks_when_shared(
    place: Place,
) -> None:
    with contextlib.closing(BlockingEngine(place.home, owner="notebook")) as notebook:
        async with agent(place, "--allow", "shell") as client:
            task_id = await submit(client, "sleep 0.3", label="from the agent")
            task = await anyio.to_thread.run_sync(lambda: notebook.wait(task_id, timeout=PATIENCE))
            assert (task.status, task.owner, task.label) == (
                "completed",
                "mcp:local",
                "from the agent",
            )
            theirs = notebook.submit("shell", {"script": "sleep 20; echo private"}, label="mine")
            assert (await client.call_tool("tta_status", {"task_id": theirs})).is_error
        async with agent(place, "--share-notebook") as client:
            listed = facts(await client.call_tool("tta_status", {}))
            assert {each["task_id"] for each in listed["tasks"]} == {task_id, theirs}
            assert sum(listed["counts"].values()) == 1  # the caller's own
            shown = facts(await client.call_tool("tta_status", {"task_id": theirs}))["tasks"][0]
            assert (shown["owner"], shown["label"]) == ("notebook", "mine")
            wait = {"task_ids": [theirs], "timeout_seconds": 0.2}
            assert facts(await client.call_tool("tta_wait", wait))["done"] is False
            for tool in ("tta_cancel", "tta_logs"):
                refused = await client.call_tool(tool, {"task_id": theirs})
                assert refused.is_error
                assert "You have no task" in text(refused)
        assert notebook.status(theirs).cancel_requested_at is None
        notebook.cancel(theirs)


async def test_tasks_go_on_when_the_client_leaves_and_are_found_again(place: Place) -> None:
    async with agent(place, "--allow", "shell") as client:
        task_id = await submit(client, "sleep 1; echo survived")
    async with agent(place, "--allow", "shell") as client:
        listed = facts(await client.call_tool("tta_status"))
        assert listed["tasks"][0]["task_id"] == task_id
        answer = facts(await client.call_tool("tta_wait", {"task_ids": [task_id]}))
        assert answer["tasks"][0]["status"] == "completed"
