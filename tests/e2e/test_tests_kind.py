"""Verified test generation through the whole system: hostile modules, and a killed worker."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import a_project
from tests.e2e.processes import of_store, until
from tests.e2e.tta_command import on_terminal, run
from tta_interactive.blocking import BlockingEngine
from tta_interactive.task import Task
from tta_interactive.worker.start import stop_worker, worker_pid

CALC = '''
"""A module with logic."""


def clamp(value: int, low: int, high: int) -> int:
    """Keep `value` within bounds."""
    if low > high:
        raise ValueError("low is above high")
    if value < low:
        return low
    if value > high:
        return high
    return value


def grade(points: int) -> str:
    """A word for a number of points."""
    if points >= 90:
        return "good"
    if points >= 50:
        return "fair"
    return "poor"
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return a_project(tmp_path, "calc.py", CALC)


def generate(
    engine: BlockingEngine, project: Path, module: str = "calc.py", **params: object
) -> str:
    facts = {"module_path": module, "budget": 1, **params}
    return engine.submit("tests", facts, workspace=str(project))


def measured(project: Path, test_file: str, module: str) -> tuple[float, float]:
    """Line and branch coverage as plain coverage and pytest find them."""
    data = project.parent / "plain.coverage"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(project), "HOME": str(project.parent)}
    run = [sys.executable, "-m", "coverage"]
    command = [*run, "run", "--branch", f"--data-file={data}", f"--source={module}"]
    command += ["-m", "pytest", "-q", "-p", "no:cacheprovider", test_file]
    subprocess.run(command, cwd=project, env=env, check=True, capture_output=True)
    out = project.parent / "plain.json"
    command = [*run, "json", "-q", f"--data-file={data}", "-o", str(out)]
    subprocess.run(command, cwd=project, env=env, check=True, capture_output=True)
    (facts,) = json.loads(out.read_text())["files"].values()
    s = facts["summary"]
    return (
        100 * s["covered_lines"] / s["num_statements"],
        100 * s["covered_branches"] / s["num_branches"],
    )


def check_report(project: Path, task: Task) -> None:
    """The report says what plain pytest and plain coverage say."""
    assert task.status == "completed", task.error
    result = task.result
    assert isinstance(result, dict)
    line, branch = measured(project, str(result["output_path"]), "calc")
    assert result["line"] == pytest.approx(line, abs=0.05)
    assert result["branch"] == pytest.approx(branch, abs=0.05)
    assert result["success"] is True
    assert result["kept"] > 0


def test_the_kept_tests_pass_and_the_coverage_is_true(
    engine: BlockingEngine, project: Path
) -> None:
    task = engine.wait(generate(engine, project), 90)
    check_report(project, task)
    assert isinstance(task.result, dict)
    assert task.sandbox_got is not None
    assert task.sandbox_got.word == task.result["sandbox"]


def test_a_second_run_of_the_same_is_answered_from_the_cache(
    engine: BlockingEngine, project: Path
) -> None:
    first = engine.wait(generate(engine, project), 90)
    assert isinstance(first.result, dict)
    made = project / str(first.result["output_path"])
    text = made.read_text()
    made.unlink()
    again = engine.wait(generate(engine, project), 30)
    assert isinstance(again.result, dict)
    assert (first.result["cached"], again.result["cached"]) == (False, True)
    assert made.read_text() == text


def test_a_killed_worker_does_not_end_a_generation(
    engine: BlockingEngine, project: Path, home: Path
) -> None:
    task_id = generate(engine, project)
    until(lambda: engine.status(task_id).progress is not None, 30, "it is at work")
    first = worker_pid(home) or 0
    os.kill(first, signal.SIGKILL)
    until(lambda: worker_pid(home) not in (None, first), 2.0, "another worker took over")
    task = engine.wait(task_id, 90)
    check_report(project, task)
    events = engine._core.store.events_after(0)  # pyright: ignore[reportPrivateUsage]
    assert [e.status for e in events if e.status.is_final] == ["completed"]
    assert stop_worker(home)
    until(lambda: of_store(home) == [], 5, "nothing is left")


def test_settings_above_the_workspace_hold_for_the_kept_tests(
    engine: BlockingEngine, project: Path
) -> None:
    warns = "\nimport warnings\n\n\ndef old(n: int) -> int:\n    warnings.warn('old', stacklevel=2)\n    return n\n"
    (project / "calc.py").write_text(CALC + warns)
    (project.parent / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    task = engine.wait(generate(engine, project), 90)
    check_report(project, task)  # runs plain pytest, which reads that file


@pytest.mark.sandbox
def test_a_store_inside_the_workspace_is_no_hindrance(project: Path) -> None:
    home = project / ".tta"
    try:
        with BlockingEngine(home) as engine:
            check_report(project, engine.wait(generate(engine, project), 90))
    finally:
        assert stop_worker(home)


def test_the_module_is_shown_with_what_the_tests_reach(
    engine: BlockingEngine, project: Path, home: Path
) -> None:
    (project / "calc.py").write_text(
        CALC + "\n\ndef lost() -> None:\n    open('/nowhere/x', 'w')\n"
    )
    task = engine.wait(generate(engine, project), 90)
    assert isinstance(task.result, dict)
    assert task.result["files"] == [task.result["output_path"]]
    course = task.result["timeline"]
    assert isinstance(course, list)
    assert course[-1][1] == task.result["line"]  # pyright: ignore
    shown = run(home, "coverage", task.id)
    assert shown.returncode == 0, shown.stderr
    assert "+  5  def clamp(value: int, low: int, high: int) -> int:" in shown.stdout
    facts = json.loads(run(home, "coverage", task.id, "--json").stdout)
    assert facts["uncovered"] == task.result["uncovered"]
    with on_terminal(home, "coverage", task.id) as terminal:
        terminal.expect(re.escape("\x1b[") + "32m.*def clamp")
    (project / "calc.py").write_text(CALC)
    gone = run(home, "coverage", task.id)
    assert (gone.returncode, gone.stdout) == (2, "")
    assert "was changed since" in gone.stderr


def test_only_a_finished_tests_task_has_coverage(engine: BlockingEngine, home: Path) -> None:
    task = engine.wait(engine.submit("shell", {"argv": ["true"]}), 20)
    shown = run(home, "coverage", task.id)
    assert shown.returncode == 2
    assert "kind 'tests'" in shown.stderr


HOSTILE = {
    "cannot be imported": "import a_module_that_nobody_has\n",
    "is empty": "",
    "is no Python": "def broken(:\n",
    "hangs at import": "import time\ntime.sleep(3600)\n",
    "leaves the process": "import os\nos._exit(0)\n",
    "deletes its directory": (
        "import os, shutil\nshutil.rmtree(os.path.dirname(os.path.abspath(__file__)))\n"
        "def f(x: int) -> int:\n    return x\n"
    ),
    "deletes what it can": (
        "import shutil\nshutil.rmtree({victim!r}, ignore_errors=True)\n"
        "def f(x: int) -> int:\n    return x + 1\n"
    ),
    "prints without end": (
        "import os\nfor _ in range(1024):\n    os.write(1, b'x' * 1048576)\n"
        "def f(x: int) -> int:\n    return x\n"
    ),
}


class Attack(NamedTuple):
    """A task for a hostile module, beside what it may not change."""

    task_id: str
    project: Path
    before: dict[Path, bytes]


@pytest.fixture(scope="module")
def attacked() -> Iterator[BlockingEngine]:
    """A store whose worker has all the hostile modules at once: one of them hangs for long."""
    base = Path(tempfile.mkdtemp(prefix="tta-", dir="/tmp"))
    try:
        with BlockingEngine(base / "s") as engine:
            yield engine
        assert stop_worker(base / "s", timeout=15), "the worker did not end"
    finally:
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture(scope="module")
def attacks(
    attacked: BlockingEngine, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Attack]:
    made: dict[str, Attack] = {}
    for how, text in HOSTILE.items():
        place = tmp_path_factory.mktemp("hostile")
        project, victim = place / "project", place / "victim"
        project.mkdir()
        victim.mkdir()
        (project / "calc.py").write_text(CALC)
        (victim / "diary").write_text("mine")
        (project / "bad.py").write_text(text.replace("{victim!r}", repr(str(victim))))
        before = {p: p.read_bytes() for p in project.rglob("*") if p.is_file()}
        made[how] = Attack(generate(attacked, project, "bad.py"), project, before)
    return made


@pytest.mark.sandbox
@pytest.mark.parametrize("how", HOSTILE)
def test_a_hostile_module_fails_clearly_and_harms_nothing(
    attacked: BlockingEngine, attacks: dict[str, Attack], how: str
) -> None:
    engine, (task_id, project, before) = attacked, attacks[how]
    victim = project.parent / "victim"
    task = engine.wait(task_id, 240)
    if how == "deletes what it can":  # it cannot: then there is something to test
        made = project / "tests"
        assert task.status in ("completed", "failed")
        shutil.rmtree(made, ignore_errors=True)
    else:
        assert task.status == "failed", task.result
        assert task.error is not None
        assert task.error.message
        assert task.error.code not in ("internal", "lost"), task.error
    assert (victim / "diary").read_text() == "mine"
    assert {p: p.read_bytes() for p in project.rglob("*") if p.is_file()} == before
    following = engine.wait(engine.submit("shell", {"argv": ["true"]}, priority="critical"), 120)
    assert following.status == "completed"


@pytest.mark.parametrize("answer", ["yes", "no"])
def test_a_file_of_somebody_else_is_replaced_only_if_who_was_asked_agrees(
    engine: BlockingEngine, project: Path, answer: str
) -> None:
    theirs = project / "tests" / "test_calc.py"
    theirs.parent.mkdir()
    theirs.write_text("# theirs\n")
    unattended = engine.wait(generate(engine, project), 120)
    assert unattended.error is not None
    assert unattended.error.code == "output_exists"  # nobody was asked, and nothing hangs
    task_id = generate(engine, project, ask=True)
    (task,) = engine.wait_any([task_id], 60, questions=True)
    assert task.open_question is not None
    assert "was not made by tta-interactive. Replace it?" in task.open_question.text
    assert (task.open_question.choices, task.open_question.default) == (("yes", "no"), "no")
    assert theirs.read_text() == "# theirs\n"
    engine.answer(task_id, answer)
    over = engine.wait(task_id, 120)
    assert over.status == ("completed" if answer == "yes" else "failed")
    assert ("def test_" in theirs.read_text()) is (answer == "yes")
