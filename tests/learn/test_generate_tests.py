"""The main job: submit a module, get an id at once, wait, and find tests on disk that pass."""

import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from tta_interactive.blocking import BlockingEngine
from tta_interactive.request import TaskRequest
from tta_interactive.task import TaskStatus

pytestmark = pytest.mark.slow

MODULE = '''
"""Parcels and what they cost."""


def postage(grams: int, express: bool = False) -> float:
    """The postage of a parcel.

    >>> postage(500)
    2.5
    """
    if grams <= 0:
        raise ValueError(f"a parcel weighs something, not {grams} g")
    price = 2.5 if grams <= 1000 else 5.0
    return price * 2 if express else price
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "parcels.py").write_text(MODULE)
    return tmp_path


def wanted(project: Path, **params: Any) -> TaskRequest:
    asked = {"module_path": "parcels.py", "budget": 1, **params}
    return TaskRequest(kind="tests", params=asked, workspace=str(project))


def test_a_module_gets_tests_that_pass(engine: BlockingEngine, project: Path) -> None:
    task_id = engine.submit(wanted(project))
    task = engine.wait(task_id, timeout=120, check=True)

    report = cast("dict[str, Any]", task.result)
    assert task.status == TaskStatus.COMPLETED
    assert report["success"]
    assert report["line"] == 100
    assert (report["kept"] >= 2, report["flaky"]) == (True, 0)

    # The proof: plain pytest, in the project, without us.
    command = [sys.executable, "-m", "pytest", "-q", report["output_path"]]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout

    # The same question again is answered at once.
    again = engine.wait(engine.submit(wanted(project)), timeout=120, check=True)
    assert cast("dict[str, Any]", again.result)["cached"]


def test_a_module_that_cannot_be_tested_says_why_and_what_to_do(
    engine: BlockingEngine, project: Path
) -> None:
    (project / "parcels.py").write_text("import no_such_module_anywhere\n")
    task = engine.wait(engine.submit(wanted(project)), timeout=120)

    assert task.status == TaskStatus.FAILED
    assert task.error is not None
    assert task.error.code == "import_failed"
    assert "no_such_module_anywhere" in task.error.message
    assert "Install what is missing" in task.error.remedy
