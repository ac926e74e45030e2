"""Plain functions in re-used processes: fast, and replaced where one call could hurt another."""

import os
import sys
from pathlib import Path

import pytest

from tests.e2e.processes import marked, until
from tta_interactive.blocking import BlockingEngine
from tta_interactive.request import TaskRequest
from tta_interactive.task import Task
from tta_interactive.worker.start import worker_pid

MODULE = """
import os, subprocess, sys, time
from tta_interactive import progress
def pid(): return os.getpid()
def say(text): print(text); print("err", file=sys.stderr); return None
def fail(): raise ValueError("no good")
def leave(): sys.exit(3)
def die(): os.kill(os.getpid(), 9)
def daemon(mark):
    subprocess.Popen(["bash", "-c", f"exec -a {mark} sleep 300"], start_new_session=True)
    return os.getpid()
def slow(): time.sleep(60)
def thing(): return object
def huge(): return "x" * 20_000_000
def nan(): return float("nan")
def steps():
    progress(0.25, "a quarter")
    time.sleep(0.5)
    progress(0.75, "three quarters")
    time.sleep(0.5)
async def later(): return 7
def reads(): return input()
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "work.py").write_text(MODULE)
    return tmp_path


def call(
    engine: BlockingEngine, workspace: Path, name: str, *args: object, **options: object
) -> Task:
    params = {"function": f"work:{name}", "args": list(args)}
    return engine.wait(engine.submit("call", params, workspace=str(workspace), **options), 20)


def test_one_process_serves_many_calls(engine: BlockingEngine, workspace: Path) -> None:
    request = TaskRequest(kind="call", params={"function": "work:pid"}, workspace=str(workspace))
    tasks = engine.wait_all(engine.submit_many([request] * 50), 30)
    assert {task.status for task in tasks} == {"completed"}
    assert len({task.result for task in tasks}) <= max(2, os.cpu_count() or 2)


def test_what_a_function_prints_is_its_log(engine: BlockingEngine, workspace: Path) -> None:
    first, second = (call(engine, workspace, "say", text) for text in ("one", "two"))
    assert engine.logs(first.id) == "one\nerr\n"
    assert engine.logs(second.id) == "two\nerr\n"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("fail", "ValueError: no good"),
        ("leave", "exited with 3"),
        ("die", "killed by signal 9"),
        ("missing", "has no 'missing'"),
        ("huge", "The result has 20,000"),
        ("reads", "EOFError"),
    ],
)
def test_a_function_that_fails_is_data_and_the_next_one_works(
    engine: BlockingEngine, workspace: Path, name: str, words: str
) -> None:
    task = call(engine, workspace, name)
    assert task.status == "failed"
    assert task.error is not None
    assert words in task.error.message
    assert call(engine, workspace, "pid").status == "completed"


def test_a_value_that_is_no_json_comes_back_as_its_repr(
    engine: BlockingEngine, workspace: Path
) -> None:
    assert call(engine, workspace, "thing").result == {"repr": "<class 'object'>", "type": "type"}
    assert call(engine, workspace, "nan").result == {"repr": "nan", "type": "float"}


def test_a_changed_module_is_loaded_anew(engine: BlockingEngine, workspace: Path) -> None:
    (workspace / "edit.py").write_text("def value(): return 1\n")
    params = {"function": "edit:value"}

    def value() -> object:
        return engine.wait(engine.submit("call", params, workspace=str(workspace)), 20).result

    assert value() == 1
    (workspace / "edit.py").write_text("def value(): return 22\n")
    assert value() == 22


def test_a_process_with_leftovers_is_replaced_and_they_end(
    engine: BlockingEngine, workspace: Path
) -> None:
    mark = f"ttaleft-{os.getpid()}"
    first = call(engine, workspace, "daemon", mark)
    again = call(engine, workspace, "pid")
    assert first.status == again.status == "completed"
    assert first.result != again.result
    until(lambda: marked(mark) == [], 5, "the leftover ended")


def test_a_call_that_is_over_time_is_ended(engine: BlockingEngine, workspace: Path) -> None:
    task = call(engine, workspace, "slow", timeout=0.5)
    assert task.error is not None
    assert (task.error.code, "0.5 s" in task.error.message) == ("timeout", True)


def test_a_killed_pool_process_is_told_as_it_was(engine: BlockingEngine, workspace: Path) -> None:
    assert call(engine, workspace, "later").result == 7
    task = call(engine, workspace, "die")
    assert task.error is not None
    assert task.error.code == "error"


def test_progress_of_a_pooled_function_is_seen(engine: BlockingEngine, workspace: Path) -> None:
    task_id = engine.submit("call", {"function": "work:steps"}, workspace=str(workspace))
    seen: set[object] = set()
    for _ in engine.watch([task_id], since=0):
        task = engine.status(task_id)
        seen.add((task.progress, task.message))
        if task.is_final:
            break
    assert {(0.25, "a quarter"), (0.75, "three quarters")} <= seen


def test_another_interpreter_runs_what_it_is_asked_to(
    engine: BlockingEngine, workspace: Path
) -> None:
    task = engine.wait(
        engine.submit("python", {"code": "import sys; sys.executable"}, python=sys.executable), 20
    )
    assert task.result == sys.executable


def test_calls_that_cannot_be_started_say_why_and_leave_the_worker_alone(
    engine: BlockingEngine, home: Path
) -> None:
    assert engine.wait(engine.submit("call", {"function": "os:getpid"}), 20).is_final
    worker = worker_pid(home)
    nowhere = TaskRequest(kind="call", params={"function": "os:getpid"}, workspace="/nonexistent")
    tasks = engine.wait_all(engine.submit_many([nowhere] * 20), 30)
    assert {task.error.code if task.error else None for task in tasks} == {"workspace"}
    assert worker_pid(home) == worker


def test_variables_are_given_to_a_pooled_function(engine: BlockingEngine) -> None:
    params = {"function": "os:getenv", "args": ["COLOUR"]}
    for colour in ("red", "blue"):
        task_id = engine.submit("call", params, environment={"COLOUR": colour})
        assert engine.wait(task_id, 20).result == colour


def test_late_progress_is_not_booked_on_the_next_call(
    engine: BlockingEngine, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace / "late.py").write_text(
        "import time\nfrom tta_interactive import progress\n"
        "def first():\n    for n in range(5):\n        progress(n / 5, 'first')\n"
        "def second():\n    time.sleep(0.6)\n"
    )
    requests = [
        TaskRequest(kind="call", params={"function": f"late:{name}"}, workspace=str(workspace))
        for name in ("first", "first", "second", "second")
    ]
    ids = engine.submit_many(requests)
    seen: set[str] = set()
    for _ in engine.watch(ids[2:], since=0):
        tasks = [engine.status(task_id) for task_id in ids[2:]]
        seen |= {task.message for task in tasks}
        if all(task.is_final for task in tasks):
            break
    assert seen == {""}


def test_a_flood_of_prints_neither_fails_the_call_nor_fills_the_worker(
    engine: BlockingEngine, workspace: Path, home: Path
) -> None:
    (workspace / "flood.py").write_text("def go():\n    print('\\x01' * 30_000_000)\n")
    job = {"function": "flood:go"}
    task = engine.wait(engine.submit("call", job, workspace=str(workspace)), 60)
    assert task.status == "completed", task.error
    status = Path(f"/proc/{worker_pid(home)}/status").read_text()
    assert int(status.split("VmHWM:")[1].split()[0]) < 64 * 1024
