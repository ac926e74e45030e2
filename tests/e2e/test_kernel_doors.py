"""One list of tasks: what an agent submits over MCP is seen and waited for in a notebook."""

import sys
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.e2e.kernel import Kernel, kernel_environment

MODULE = '''\
def sign(number):
    """-1, 0 or 1."""
    if number < 0:
        return -1
    return 1 if number > 0 else 0
'''


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def submit_as_agent(kernel: Kernel, arguments: dict[str, object], *flags: str) -> str:
    """The id of a task that another process submitted over MCP."""
    command = StdioServerParameters(
        command=sys.executable,
        args=["-P", "-m", "mcp_server", "--root", str(kernel.workspace), *flags],
        cwd=kernel.workspace,
        env=kernel_environment(kernel.home),
    )
    async with Client(stdio_client(command)) as client:
        answer = await client.call_tool("tta_submit", arguments)
        assert not answer.is_error, answer
        return str(answer.structured_content["task_id"])


async def test_a_task_of_an_agent_is_seen_in_the_notebook_through_a_restart() -> None:
    with Kernel() as kernel:
        script = "echo before; while [ ! -e go ]; do sleep 0.05; done; echo after"
        arguments: dict[str, object] = {"kind": "shell", "params": {"script": script}}
        task_id = await submit_as_agent(kernel, arguments, "--allow", "shell")
        seen = kernel.run("%tta_status").cards[0]["text/plain"]
        assert task_id[:10] in seen
        assert "agent" in seen
        assert len(kernel.run(f"%tta_status {task_id[:8]}").cards) == 1
        kernel.restart()
        Path(kernel.workspace, "go").touch()
        assert kernel.run(f"r = %tta_wait {task_id}\nprint(r)").text.endswith("{'exit_code': 0}")
        assert kernel.run(f"%tta_logs {task_id}").text.split() == ["before", "after"]


@pytest.mark.sandbox
async def test_tests_that_an_agent_asked_for_are_shown_with_what_they_reach() -> None:
    with Kernel() as kernel:
        Path(kernel.workspace, "sign.py").write_text(MODULE)
        arguments: dict[str, object] = {"kind": "tests", "params": {"module_path": "sign.py"}}
        task_id = await submit_as_agent(kernel, arguments)
        waited = kernel.run(f"r = %tta_wait {task_id}")
        assert waited.status == "ok", waited.error
        card = kernel.run(f"%tta_status {task_id}").cards[0]
        assert "tests kept" in card["text/plain"]
        assert "tests/test_sign.py" in card["text/html"]
        assert kernel.value("r['line']") == 100
        assert Path(kernel.workspace, "tests", "test_sign.py").is_file()
