"""How a coding agent works with us: submit, do other work, wait, read the file.

The agent's side is the SDK's own client; the server is the real `tta-mcp` in another process.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from tta_interactive.worker.start import stop_worker

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
def place() -> Iterator[Path]:
    """A project, and a task store on a path that is short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="tta", dir="/tmp"))
    (path / "home").mkdir(mode=0o700)
    (path / "project").mkdir()
    (path / "project" / "grades.py").write_text(MODULE)
    yield path
    stop_worker(path / "home")
    shutil.rmtree(path, ignore_errors=True)


def agent(place: Path) -> Client:
    """A coding agent whose host starts `tta-mcp` in the project."""
    command = StdioServerParameters(
        command=sys.executable,
        args=["-P", "-m", "mcp_server", "--home", str(place / "home")],
        cwd=place / "project",
        env={"PYTHONPATH": str(REPOSITORY), "PATH": os.environ["PATH"]},
    )
    return Client(stdio_client(command))


@pytest.mark.sandbox
@pytest.mark.slow
async def test_an_agent_gets_tests_that_pass(place: Path) -> None:
    async with agent(place) as client:
        submitted = await client.call_tool(
            "tta_submit", {"kind": "tests", "params": {"module_path": "grades.py", "budget": 3}}
        )
        assert submitted.structured_content
        task_id = submitted.structured_content["task_id"]

        waited = await client.call_tool("tta_wait", {"task_ids": [task_id]})
        while not waited.structured_content["done"]:
            waited = await client.call_tool("tta_wait", {"task_ids": [task_id]})

    (task,) = waited.structured_content["tasks"]
    assert task["status"] == "completed"
    assert task["sandbox"] is not None
    facts = task["summary"]
    assert facts["success"] is True
    assert facts["kept"] >= 3
    assert facts["line"] == 100.0
    written = place / "project" / facts["output_path"]
    plain = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(written)],
        cwd=place / "project",
        capture_output=True,
        text=True,
        check=False,
    )
    assert plain.returncode == 0, plain.stdout
