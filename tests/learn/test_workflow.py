"""A workflow: tasks that wait for each other, submitted, watched and cancelled as one."""

from pathlib import Path

from tta_interactive import BlockingEngine


def test_steps_begin_when_what_they_need_is_done(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "order"
    steps = [
        {"name": "test", "kind": "shell", "params": {"script": f"echo test >> {log}"}},
        {
            "name": "deploy",
            "kind": "shell",
            "params": {"script": f"echo deploy >> {log}"},
            "after": ["test"],
        },
    ]
    with BlockingEngine(home) as engine:
        task = engine.wait(engine.submit("workflow", steps=steps), 20, check=True)
    assert log.read_text() == "test\ndeploy\n"
    assert task.message == "2 of 2 done"


def test_the_result_says_what_came_of_each_step_and_how_long_it_took(home: Path) -> None:
    steps = [
        {"name": "load", "kind": "python", "params": {"code": "sum(range(10))"}},
        {"name": "mean", "kind": "call", "params": {"function": "statistics:mean", "args": [[4]]}},
    ]
    with BlockingEngine(home) as engine:
        task = engine.wait(engine.submit("workflow", steps=steps), 20, check=True)
    result = task.result
    assert isinstance(result, dict)
    assert result["counts"] == {"completed": 2}
    assert result["steps"]["load"]["result"] == 45  # type: ignore[index, call-overload]
    assert sorted(result["durations"]) == [  # type: ignore[arg-type]
        "critical_path",
        "critical_steps",
        "sum_of_steps",
        "total",
    ]


def test_each_step_is_a_task_like_any_other(home: Path) -> None:
    steps = [{"name": "greet", "kind": "shell", "params": {"argv": ["echo", "hello"]}}]
    with BlockingEngine(home) as engine:
        task_id = engine.submit("workflow", steps=steps)
        (step,) = engine.steps(task_id)
        assert (step.parent, step.step, step.label) == (task_id, "greet", "greet")
        assert engine.wait(step.id, 20).status == "completed"
        assert engine.logs(step.id) == "hello\n"


def test_a_failure_takes_with_it_only_what_depends_on_it(home: Path) -> None:
    steps = [
        {"name": "build", "kind": "shell", "params": {"argv": ["false"]}},
        {"name": "test", "kind": "shell", "params": {"argv": ["true"]}, "after": ["build"]},
        {"name": "lint", "kind": "shell", "params": {"argv": ["true"]}},
    ]
    with BlockingEngine(home) as engine:
        task = engine.wait(engine.submit("workflow", steps=steps), 20)
        states = {step.step: step.status.value for step in engine.steps(task.id)}
    assert states == {"build": "failed", "test": "failed", "lint": "completed"}
    assert task.error is not None
    assert task.error.code == "step_failed"
    assert "1 of 3 steps completed. Step 'build' failed (error)" in task.error.message


def test_one_cancel_ends_them_all(home: Path) -> None:
    steps = [
        {"name": "long", "kind": "shell", "params": {"argv": ["sleep", "60"]}},
        {"name": "next", "kind": "shell", "params": {"argv": ["true"]}, "after": ["long"]},
    ]
    with BlockingEngine(home) as engine:
        task_id = engine.submit("workflow", steps=steps)
        engine.cancel(task_id)
        assert engine.wait(task_id, 20).status == "cancelled"
        assert {step.status for step in engine.steps(task_id)} == {"cancelled"}
