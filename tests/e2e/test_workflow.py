"""Workflows with a real worker: order, failure, cancel, and kills in the middle (R20, S15)."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import at_work, marked, shim_of, until
from tta_interactive.blocking import BlockingEngine
from tta_interactive.errors import ForbiddenError, InvalidRequestError
from tta_interactive.kinds import Step
from tta_interactive.task import Task
from tta_interactive.worker.start import worker_pid


def shell(name: str, script: str = "true", *after: str, **options: Any) -> dict[str, Any]:
    """A step that runs a script."""
    return {
        "name": name,
        "kind": "shell",
        "params": {"script": script},
        "after": list(after),
        **options,
    }


def workflow(name: str, *steps: dict[str, Any], **params: Any) -> dict[str, Any]:
    """A step that is a workflow."""
    return {"name": name, "kind": "workflow", "params": {"steps": list(steps), **params}}


def states(engine: BlockingEngine, task_id: str) -> dict[str, str]:
    return {step.step: step.status.value for step in engine.steps(task_id)}


def code(task: Task) -> str:
    return task.error.code if task.error else ""


@pytest.fixture
def mark(request: pytest.FixtureRequest) -> str:
    """A name for the processes of this test."""
    return f"ttaflow-{os.getpid()}-{abs(hash(request.node.name)) % 10**8}"


@pytest.fixture
def sleeping(mark: str) -> Callable[[str], str]:
    """A script that sleeps for a minute in a process that carries this test's mark."""
    return lambda name: f"bash -c 'exec -a {mark}-{name} sleep 60'"


def test_steps_run_side_by_side_and_after_what_they_need(
    engine: BlockingEngine, tmp_path: Path
) -> None:
    # Each of the two waits until it sees the other: one after the other they would never end.
    meet = "touch {0}; until [ -e {1} ]; do sleep 0.02; done"
    steps = [
        shell("last", f"ls {tmp_path}", "left", "right"),
        shell("left", meet.format(tmp_path / "l", tmp_path / "r")),
        shell("right", meet.format(tmp_path / "r", tmp_path / "l")),
    ]
    task = engine.wait(engine.submit("workflow", steps=steps), 30, check=True)
    by_name = {step.step: step for step in engine.steps(task.id)}
    assert engine.logs(by_name["last"].id) == "l\nr\n"
    assert by_name["last"].started_at >= by_name["right"].finished_at  # type: ignore[operator]
    assert isinstance(task.result, dict)
    assert task.result["durations"]["critical_steps"][-1] == "last"  # type: ignore[index, call-overload]


def test_more_workflows_than_slots_do_not_stand_in_each_others_way(
    engine: BlockingEngine,
) -> None:
    deep = shell("leaf")
    for level in range(4):
        deep = workflow(f"level{level}", deep)
    ids = [engine.submit("workflow", steps=[deep, shell("beside")]) for _ in range(6)]
    assert [task.status for task in engine.wait_all(ids, 60)] == ["completed"] * 6
    assert [task.attempt for task in engine.wait_all(ids)] == [1] * 6


def test_steps_inherit_where_and_as_what_they_run(engine: BlockingEngine, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    steps = [
        shell("here", "pwd; echo $COLOUR $SIZE", environment={"SIZE": "2"}),
        shell("below", "pwd", workspace="sub", priority="low"),
    ]
    task_id = engine.submit(
        "workflow",
        steps=steps,
        workspace=str(tmp_path),
        environment={"COLOUR": "red", "SIZE": "1"},
        priority="high",
        max_attempts=2,
    )
    parent = engine.wait(task_id, 30, check=True)
    here, below = engine.steps(task_id)
    assert engine.logs(here.id) == f"{tmp_path}\nred 2\n"
    assert engine.logs(below.id) == f"{tmp_path}/sub\n"
    assert [step.priority.word for step in (here, below)] == ["high", "low"]
    assert {(s.owner, s.python, s.max_attempts) for s in (here, below)} == {
        (parent.owner, parent.python, 2)
    }


def test_a_failing_step_names_itself_and_the_others_go_on(engine: BlockingEngine) -> None:
    steps = [shell("a", "exit 3"), shell("b", "true", "a"), shell("c", "sleep 0.3")]
    task = engine.wait(engine.submit("workflow", steps=steps), 30)
    assert code(task) == "step_failed"
    assert states(engine, task.id) == {"a": "failed", "b": "failed", "c": "completed"}
    assert task.error is not None
    assert "Step 'a' failed (error): exited with 3." in task.error.message
    assert "c: completed" in task.error.detail
    assert code(engine.steps(task.id)[1]) == "dependency"


def test_with_stop_a_failure_ends_what_has_not_begun(engine: BlockingEngine) -> None:
    steps = [shell("bad", "exit 1"), *(shell(f"s{n}", "sleep 1") for n in range(20))]
    task = engine.wait(engine.submit("workflow", steps=steps, on_failure="stop"), 30)
    found = list(states(engine, task.id).values())
    assert code(task) == "step_failed"
    assert found[0] == "failed"
    assert found.count("cancelled") >= 15


def test_a_failed_workflow_can_be_tried_again(engine: BlockingEngine, tmp_path: Path) -> None:
    steps = [shell("needs", f"cat {tmp_path / 'file'}")]
    first = engine.wait(engine.submit("workflow", steps=steps), 30)
    assert code(first) == "step_failed"
    (tmp_path / "file").write_text("x")
    assert engine.wait(engine.retry(first.id), 30).status == "completed"


def test_cancel_in_the_middle_waits_until_every_process_is_gone(
    engine: BlockingEngine, mark: str, sleeping: Callable[[str], str]
) -> None:
    stubborn = f"trap '' TERM; {sleeping('a')}; {sleeping('b')}"
    steps = [
        shell("a", stubborn),
        workflow("n", shell("b", sleeping("n"))),
        shell("c", "true", "a"),
    ]
    task_id = engine.submit("workflow", steps=steps)
    until(lambda: len(marked(mark)) >= 2, 20, "both run")
    asked = engine.cancel(task_id)
    assert (asked.status, asked.cancel_requested_at is not None) == ("running", True)
    assert engine.wait(task_id, 30).status == "cancelled"
    assert marked(mark) == []
    assert set(states(engine, task_id).values()) == {"cancelled"}


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_killed_worker_changes_nothing(
    engine: BlockingEngine,
    home: Path,
    tmp_path: Path,
    cancelled: bool,
    mark: str,
    sleeping: Callable[[str], str],
) -> None:
    here, flag, log = tmp_path / "here", tmp_path / "go", tmp_path / "log"
    first = f"touch {here}; until [ -e {flag} ]; do sleep 0.05; done; echo first >> {log}"
    steps = [shell("first", first), shell("then", f"echo then >> {log}", "first")]
    steps += [shell("long", sleeping("x"))] if cancelled else []
    task_id = engine.submit("workflow", steps=steps)
    until(here.exists, 20, "it runs")
    if cancelled:
        until(lambda: bool(marked(mark)), 20, "the long one runs")
        engine.cancel(task_id)
    os.kill(worker_pid(home) or 0, signal.SIGKILL)
    flag.touch()
    task = engine.wait(task_id, 30)
    if cancelled:
        assert (task.status, marked(mark)) == ("cancelled", [])
    else:
        assert (task.status, task.attempt) == ("completed", 1)
        assert log.read_text() == "first\nthen\n"


def test_worker_and_steps_killed_at_once_leave_a_true_record(
    engine: BlockingEngine, home: Path, mark: str, sleeping: Callable[[str], str]
) -> None:
    steps = [shell("a", sleeping("a")), shell("b", "true", "a"), shell("c")]
    task_id = engine.submit("workflow", steps=steps)
    until(lambda: bool(marked(mark)), 20, "a runs")
    shim = shim_of(marked(mark)[0])
    os.kill(worker_pid(home) or 0, signal.SIGKILL)
    os.kill(shim, signal.SIGKILL)
    task = engine.wait(task_id, 30)
    assert code(task) == "step_failed"
    assert states(engine, task_id) == {"a": "failed", "b": "failed", "c": "completed"}
    assert code(engine.steps(task_id)[0]) == "lost"
    assert marked(mark) == []


def test_time_is_up_for_the_whole(
    engine: BlockingEngine, mark: str, sleeping: Callable[[str], str]
) -> None:
    steps = [shell("a", sleeping("a")), shell("b", "true", "a")]
    task = engine.wait(engine.submit("workflow", steps=steps, timeout=1.0), 30)
    assert code(task) == "timeout"
    assert set(states(engine, task.id).values()) == {"cancelled"}
    assert marked(mark) == []


def test_a_thousand_steps_are_kept_and_more_are_refused(engine: BlockingEngine) -> None:
    steps = [
        {"name": f"s{n}", "kind": "call", "params": {"function": "math:sqrt", "args": [n]}}
        for n in range(1000)
    ]
    for step in steps[1:]:
        step["after"] = ["s0"]
    task = engine.wait(engine.submit("workflow", steps=steps), 120, check=True)
    assert isinstance(task.result, dict)
    assert task.result["counts"] == {"completed": 1000}
    for number in (1001, 10_000):
        many = [{**steps[0], "name": f"s{n}"} for n in range(number)]
        with pytest.raises(InvalidRequestError, match="1000"):
            engine.submit("workflow", steps=many)
    half = workflow("half", *steps[:600])
    with pytest.raises(InvalidRequestError, match="more than 1,000 steps"):
        engine.submit("workflow", steps=[half, {**half, "name": "other"}])
    assert engine.counts()["completed"] == 1001
    assert engine.counts()["queued"] == 0


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([shell("a", "true", "b"), shell("b", "true", "a")], "'a' after 'b' after 'a'"),
        ([shell("a", "true", "a")], "'a' after 'a'"),
        ([shell("a", "true", "z")], "comes after 'z', which is no step"),
        ([shell("a"), shell("a")], "Two steps are called 'a'"),
        ([], "at least 1 item"),
        ([{**shell("a"), "kind": "nothing"}], "Step 'a': .*'nothing'"),
        ([{**shell("a"), "params": {"x": 1}}], "Step 'a': Kind 'shell' cannot take"),
        ([{**shell("a"), "owner": "cli"}], "owner"),
        ([shell("a", priority="urgent")], "Step 'a': .*priority"),
        ([shell("../x")], "name"),
        ([workflow("n", shell("a", "true", "a"))], "Step 'n': .*'a' after 'a'"),
        (
            [workflow("1", workflow("2", workflow("3", workflow("4", workflow("5", shell("6"))))))],
            "deeper than 5",
        ),
    ],
)
def test_what_is_no_graph_is_refused_whole(
    engine: BlockingEngine, steps: list[dict[str, Any]], words: str
) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        engine.submit("workflow", steps=steps)
    assert sum(engine.counts().values()) == 0


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("workflow", {"steps": [shell("a"), {"name": "b", "kind": "python", "params": {}}]}),
        ("workflow", {"steps": [workflow("n", {"name": "x", "kind": "call", "params": {}})]}),
        ("python", {"code": "1"}),
    ],
)
def test_a_kind_that_is_not_allowed_cannot_be_smuggled_in(
    home: Path, kind: str, params: dict[str, Any]
) -> None:
    """S15: in a step, in a step of a step, in metadata."""
    valid = {"python": {"code": "1"}, "call": {"function": "math:sqrt"}}
    for step in params.get("steps", ()):
        for each in (step, *step["params"].get("steps", ())):
            each["params"] = valid.get(each["kind"], each["params"])
    with BlockingEngine(home, owner="mcp:x", allow={"workflow", "shell"}) as door:
        with pytest.raises(ForbiddenError, match="may not be submitted here"):
            door.submit(kind, params, metadata={"kind": "shell", "steps": [shell("a")]})
        assert sum(door.counts().values()) == 0


def test_a_repeated_submit_makes_no_second_set_of_steps(engine: BlockingEngine) -> None:
    steps = [Step(name="a", kind="shell", params={"argv": ["true"]})]
    ids = {engine.submit("workflow", steps=steps, request_key="k") for _ in range(3)}
    assert len(ids) == 1
    engine.wait(ids.pop(), 30)
    assert engine.counts()["completed"] == 2


def test_nobody_sees_the_steps_of_a_stranger(home: Path) -> None:
    with BlockingEngine(home, owner="mcp:a") as door:
        task_id = door.submit("workflow", steps=[shell("a")])
        step = door.steps(task_id)[0]
        door.wait(task_id, 30)
    with BlockingEngine(home, owner="mcp:b", sees="own") as other:
        for look in (other.steps, other.status, other.cancel):
            for wanted in (task_id, step.id):
                with pytest.raises(Exception, match="No task"):
                    look(wanted)


def test_nothing_is_left_of_a_workflow_but_its_record(engine: BlockingEngine, home: Path) -> None:
    engine.wait(engine.submit("workflow", steps=[shell("a"), shell("b")]), 30)
    # A workflow is no process.
    until(lambda: at_work(home) == [], 10, "nothing is at work for a task")


def test_a_step_gets_the_secrets_that_it_names_and_no_other(
    engine: BlockingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHIP_TOKEN", "hush-hush-123")
    look = 'if [ "$SHIP_TOKEN" = hush-hush-123 ]; then echo has it; else echo has not; fi'
    steps = [shell("with", look, secrets=["SHIP_TOKEN"]), shell("without", look)]
    task = engine.wait(engine.submit("workflow", steps=steps), 30, check=True)
    logs = [engine.logs(step.id) for step in engine.steps(task.id)]
    assert logs == ["has it\n", "has not\n"]
