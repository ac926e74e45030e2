"""What the tasks of a request's steps get from the whole, and what they may say themselves."""

from typing import Any

import pytest

from tests.conftest import NOON
from tta_interactive.errors import InvalidRequestError
from tta_interactive.request import TaskRequest, as_tasks
from tta_interactive.task import SandboxLevel, Task


def made(*steps: dict[str, Any], **facts: Any) -> list[Task]:
    request = TaskRequest.checked(kind="workflow", params={"steps": list(steps)}, **facts)
    return as_tasks(request, owner="mcp:x", python="/py", at=NOON)


def step(name: str, kind: str = "shell", **more: Any) -> dict[str, Any]:
    params = {"shell": {"argv": ["true"]}, "tests": {"module_path": "a.py"}}
    return {"name": name, "kind": kind, "params": params.get(kind, {}), **more}


def nested(name: str, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**step(name, "workflow", **more), "params": {"steps": list(steps)}}


def test_the_demand_for_a_sandbox_holds_for_every_step_below() -> None:
    tasks = made(
        step("a", sandbox="limits"),
        nested("n", step("b", "tests")),
        step("c", sandbox="namespaces"),
        sandbox="landlock",
    )
    assert {task.step: task.sandbox for task in tasks} == {
        "": SandboxLevel.LANDLOCK,
        "a": SandboxLevel.LANDLOCK,
        "n": SandboxLevel.LANDLOCK,
        "b": SandboxLevel.LANDLOCK,
        "c": SandboxLevel.NAMESPACES,
    }


def test_without_a_demand_a_step_runs_as_its_kind_does_alone() -> None:
    call = {"name": "f", "kind": "call", "params": {"function": "math:sqrt"}}
    levels = [task.sandbox for task in made(call, step("a"))]
    assert levels == [SandboxLevel.NONE, SandboxLevel.NONE, SandboxLevel.LIMITS]


def test_parents_and_needs_stand_in_front_in_the_order_given() -> None:
    tasks = made(step("z", after=["n"]), nested("n", step("y", after=["x"]), step("x")), step("a"))
    assert [task.step for task in tasks] == ["", "n", "x", "y", "z", "a"]
    ids = {task.step: task.id for task in tasks}
    parents = {task.step: task.parent for task in tasks}
    assert parents == {
        "": None,
        "n": ids[""],
        "x": ids["n"],
        "y": ids["n"],
        "z": ids[""],
        "a": ids[""],
    }
    assert {task.step: task.after for task in tasks if task.after} == {
        "y": (ids["x"],),
        "z": (ids["n"],),
    }
    assert [task.steps for task in tasks] == [3, 2, 0, 0, 0, 0]


def test_owner_interpreter_and_environment_are_those_of_the_whole() -> None:
    (whole, one) = made(step("a", environment={"B": "2"}), environment={"A": "1", "B": "1"})
    assert (one.owner, one.python, one.workspace) == ("mcp:x", "/py", whole.workspace)
    assert one.environment == {**whole.environment, "B": "2"}


def test_a_chain_of_a_thousand_steps_is_a_graph() -> None:
    chain = [step(f"s{n}", after=[f"s{n + 1}"]) for n in range(999)]
    tasks = made(*chain, step("s999"))
    assert [tasks[1].step, tasks[-1].step] == ["s999", "s0"]


def test_ids_of_steps_follow_from_that_of_the_whole() -> None:
    first, second = made(step("a"), step("b")), made(step("a"), step("b"))
    assert len({task.id for task in [*first, *second]}) == 6
    assert all(len(task.id) == len(first[0].id) == 24 for task in first)


def test_the_stores_own_keys_cannot_be_asked_for() -> None:
    with pytest.raises(InvalidRequestError, match="reserved"):
        made(step("a"), request_key="tta:t_x/a")
