"""Read this first: the command `tta`, one feature a test."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def shell(home: Path, tmp_path: Path) -> "Shell":
    (tmp_path / "greet.py").write_text("def hello(name, times=1):\n    return [name] * times\n")
    return Shell(home, tmp_path)


class Shell:
    """Types commands in a directory of its own."""

    def __init__(self, home: Path, directory: Path) -> None:
        root = str(Path(__file__).parents[2])
        self._environment = {**os.environ, "TTA_HOME": str(home), "PYTHONPATH": root}
        self._directory = directory

    def __call__(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "tta_interactive", *words],
            env=self._environment,
            cwd=self._directory,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout.strip()


def test_submit_prints_an_id_and_wait_waits_for_it(shell: Shell) -> None:
    task_id = shell("submit", "shell", "--", "echo", "hello")
    assert shell("wait", task_id).endswith("hello")


def test_a_task_has_a_name_and_its_output_can_be_read_later(shell: Shell) -> None:
    shell("submit", "shell", "--name", "numbers", "seq 3")
    shell("wait", "numbers")
    assert shell("logs", "numbers") == "1\n2\n3"


def test_a_function_of_the_project_is_called_and_its_value_printed(shell: Shell) -> None:
    printed = shell("submit", "greet:hello", "you", "times=2", "--wait")
    assert "".join(printed.split()).endswith('["you","you"]')


def test_the_exit_code_tells_how_the_task_ended(shell: Shell) -> None:
    shell("submit", "shell", "--wait", "exit 0", code=0)
    shell("submit", "shell", "--wait", "exit 9", code=1)
    task_id = shell("submit", "shell", "--", "sleep", "60")
    shell("wait", task_id, "--timeout", "0.1", code=4)
    shell("cancel", task_id)
    shell("wait", task_id, code=3)
    shell("status", "nobody knows this", code=5)
    shell("submit", "no kind", code=2)


def test_every_command_speaks_json(shell: Shell) -> None:
    task = json.loads(shell("submit", "shell", "true", "--wait", "--json"))
    assert task["status"] == "completed"
    assert json.loads(shell("list", "--json"))[0]["id"] == task["id"]


@pytest.mark.slow
def test_generated_tests_are_reported_with_what_they_reach(shell: Shell) -> None:
    report = shell("submit", "tests", "greet.py", "budget=1", "--wait")
    assert " kept of " in report
    assert "line    100.00 %" in report
    assert "goal    80 % line coverage: reached" in report
