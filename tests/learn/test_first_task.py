"""Read this first: a task from submit to result, in a script."""

from pathlib import Path

import pytest

from tta_interactive import BlockingEngine, TaskFailedError, TaskRequest


def test_submit_status_wait(home: Path) -> None:
    with BlockingEngine(home) as engine:
        task_id = engine.submit("shell", {"argv": ["echo", "hello"]})  # returns at once
        assert engine.status(task_id).status in ("queued", "running", "completed")
        task = engine.wait(task_id, timeout=20)
        assert task.status == "completed"
        assert task.result == {"exit_code": 0}
        assert engine.logs(task_id) == "hello\n"


def test_a_wait_that_is_over_says_still_running(home: Path) -> None:
    with BlockingEngine(home) as engine:
        task_id = engine.submit("shell", {"argv": ["sleep", "60"]})
        assert not engine.wait(task_id, timeout=0.2).is_final
        engine.cancel(task_id)
        assert engine.wait(task_id, timeout=20).status == "cancelled"


def test_a_failed_task_is_data_unless_you_ask_for_an_error(home: Path) -> None:
    with BlockingEngine(home) as engine:
        task = engine.wait(engine.submit("shell", {"argv": ["sh", "-c", "exit 3"]}), 20)
        assert task.error is not None
        assert (task.status, task.error.code) == ("failed", "error")
        with pytest.raises(TaskFailedError, match="exited with 3"):
            engine.wait(task.id, check=True)


def test_python_text_returns_its_last_expression(home: Path) -> None:
    with BlockingEngine(home) as engine:
        task = engine.wait(engine.submit("python", {"code": "x = 20\nx * 2 + 2"}), 20)
        assert task.result == 42


def test_a_function_returns_its_value(home: Path) -> None:
    with BlockingEngine(home) as engine:
        job = {"function": "statistics:mean", "args": [[1, 2, 6]]}
        assert engine.wait(engine.submit("call", job), 20).result == 3


def test_many_tasks_are_submitted_in_one_transaction(home: Path) -> None:
    with BlockingEngine(home) as engine:
        requests = [
            TaskRequest(kind="call", params={"function": "math:sqrt", "args": [n * n]})
            for n in range(20)
        ]
        tasks = engine.wait_all(engine.submit_many(requests), 30)
        assert [task.result for task in tasks] == list(range(20))


def test_one_task_can_wait_for_another(home: Path, tmp_path: Path) -> None:
    with BlockingEngine(home) as engine:
        file = tmp_path / "made"
        first = engine.submit("shell", {"script": f"sleep 0.2; echo ready > {file}"})
        second = engine.submit("shell", {"argv": ["cat", str(file)]}, after=[first])
        assert engine.wait(second, 20).status == "completed"
        assert engine.logs(second) == "ready\n"
