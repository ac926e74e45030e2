"""How a coding agent works with us: submit, do other work, wait, read the file.

The agent's side is the SDK's own client; the server is the real `tta-mcp` in another process.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

REPOSITORY = Path(__file__).parents[2]
MODULE = '''
def grade(points: int) -> str:
    """The grade for some points.

    >>> grade(95)
    'A'
    """
    if points < 0:
        raise ValueError("points cannot be negative")
    if points >= 90:
        return "A"
    if points >= 60:
        return "B"
    return "F"
'''


@pytest.fixture
def anyio_backend() -> str:
    """One loop is enough: it is only the client's, the server is another process."""
    return "asyncio"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "grades.py").write_text(MODULE)
    return tmp_path


def agent(home: Path, project: Path) -> Client:
    """A coding agent whose host starts `tta-mcp` in the project."""
    command = StdioServerParameters(
        command=sys.executable,
        args=["-P", "-m", "mcp_server", "--home", str(home)],
        cwd=project,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": os.environ["PATH"]},
    )
    return Client(stdio_client(command))


@pytest.mark.sandbox
@pytest.mark.slow
async def test_an_agent_gets_tests_that_pass(home: Path, project: Path) -> None:
    async with agent(home, project) as client:
        submitted = await client.call_tool(
            "tta_submit", {"kind": "tests", "params": {"module_path": "grades.py", "budget": 3}}
        )
        assert submitted.structured_content
        task_id = submitted.structured_content["task_id"]

        done = False
        while not done:  # after 25 s a call returns, and says how far the task is
            answer = await client.call_tool("tta_wait", {"task_ids": [task_id]})
            done = answer.structured_content["done"]

    (task,) = answer.structured_content["tasks"]
    assert task["status"] == "completed", task
    assert task["sandbox"] is not None
    facts = task["summary"]
    assert facts["success"] is True
    assert facts["kept"] >= 3
    assert facts["line"] == 100.0
    written = project / facts["output_path"]
    plain = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(written)],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert plain.returncode == 0, plain.stdout
