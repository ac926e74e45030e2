"""Calls that wait in a pool process behind another: claimed, but not begun."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.processes import until
from tta_interactive.blocking import BlockingEngine
from tta_interactive.request import TaskRequest
from tta_interactive.worker.start import worker_pid

MODULE = """
import os, time
def note(name):
    fd = os.open("notes", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(fd, (name + "\\\\n").encode())
    os.close(fd)
def hold(name): note(name); time.sleep(60)
def stop(pid):
    note("stop")
    time.sleep(0.02)  # until it has handed out the others, and not given them back
    os.kill(pid, 19)
    time.sleep(60)
def pause(name): note(name); time.sleep(0.03)
def die(name): note(name); os._exit(1)
"""
BEHIND = [f"quick{number}" for number in range(30)]


@pytest.fixture
def workspace(tmp_path: Path, engine: BlockingEngine) -> Path:
    """With a pool that has learnt that calls are short, so that it is given many at once."""
    (tmp_path / "work.py").write_text(MODULE.replace("\\\\", "\\"))
    warm_up(engine, tmp_path)
    return tmp_path


def warm_up(engine: BlockingEngine, workspace: Path) -> None:
    requests = [a_call(workspace, "note", "warm") for _ in range(200)]
    engine.wait_all(engine.submit_many(requests), 60)
    (workspace / "notes").unlink()


def a_call(workspace: Path, function: str, argument: object) -> TaskRequest:
    params = {"function": f"work:{function}", "args": [argument]}
    return TaskRequest.checked(kind="call", params=params, workspace=str(workspace))


def submit(
    engine: BlockingEngine, workspace: Path, function: str, argument: object = ""
) -> list[str]:
    """One call of `function`, one that takes a moment, and many quick ones behind them."""
    quick = [("pause", BEHIND[0]), *(("note", name) for name in BEHIND[1:])]
    calls = [a_call(workspace, function, argument or function)]
    return engine.submit_many([*calls, *(a_call(workspace, *call) for call in quick)])


def notes(workspace: Path) -> list[str]:
    path = workspace / "notes"
    return path.read_text().splitlines() if path.exists() else []


def test_short_calls_pass_by_one_that_takes_long(engine: BlockingEngine, workspace: Path) -> None:
    first, *others = submit(engine, workspace, "hold")
    tasks = engine.wait_all(others, 30)
    assert {(task.status, task.tries) for task in tasks} == {("completed", 1)}
    assert engine.status(first).status == "running"
    engine.cancel(first)
    assert engine.wait(first, 10).status == "cancelled"
    assert sorted(notes(workspace)) == sorted([*BEHIND, "hold"])


def test_what_waits_behind_a_call_that_kills_its_process_runs_elsewhere(
    engine: BlockingEngine, workspace: Path
) -> None:
    first, *others = engine.wait_all(submit(engine, workspace, "die"), 30)
    assert first.status == "failed"
    assert {(task.status, task.tries) for task in others} == {("completed", 1)}
    assert sorted(notes(workspace)) == sorted([*BEHIND, "die"])


def test_what_waits_in_a_process_is_not_lost_with_its_worker(
    engine: BlockingEngine, home: Path, workspace: Path
) -> None:
    first, *others = caught_waiting(engine, home, workspace)
    os.kill(worker_pid(home) or 0, signal.SIGKILL)
    tasks = engine.wait_all(others, 30)
    lost = [task for task in tasks if task.status != "completed"]
    ran = notes(workspace)
    # The other process goes on: what it ran without anybody to tell is lost, and ran once.
    assert {task.error.code for task in lost if task.error} <= {"lost"}
    assert {task.params["args"][0] for task in lost} <= set(ran)  # type: ignore[index,call-overload]
    assert sorted(ran) == sorted([*BEHIND, "stop"])
    assert any(task.attempt == 2 and task.tries == 1 for task in tasks)
    error = engine.wait(first, 20).error
    assert error is not None
    assert error.code == "lost"


def caught_waiting(engine: BlockingEngine, home: Path, workspace: Path) -> list[str]:
    """The ids of calls of which some wait in a process, behind one that takes long.

    That one stops the worker, which would give them back after a moment.
    """
    worker = worker_pid(home) or 0
    for _ in range(10):
        warm_up(engine, workspace)
        ids = submit(engine, workspace, "stop", worker)
        until(lambda: is_stopped(worker), 10, "the worker stands still")
        if engine.counts()["running"] > 2 and went_on(workspace):
            return ids
        os.kill(worker, signal.SIGCONT)
        engine.cancel(ids[0])
        engine.wait_all(ids, 30)
    raise AssertionError("no call was ever caught waiting")


def went_on(workspace: Path) -> bool:
    """Whether the other process runs calls that nobody hears of, within a second."""
    before = len(notes(workspace))
    deadline = time.monotonic() + 1
    while len(notes(workspace)) <= before + 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    return len(notes(workspace)) > before + 1


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
