"""What waits for its steps, and what becomes of it: the real kinds, a store in memory."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.conftest import NOON, a_task
from tta_interactive.store import Ending, Filter
from tta_interactive.store.memory import MemoryStore
from tta_interactive.task import Task, TaskError, TaskStatus
from tta_interactive.worker.parents import Parents

C, F, X, Q = TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED, TaskStatus.QUEUED
LATER = NOON + timedelta(seconds=5)


def module(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": "tests", "params": {"module_path": f"{name}.py"}, **more}


def surveyed(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"package": "p", "steps": list(steps), "modules": []}


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(agent_slots=9)


@pytest.fixture
def parent(store: MemoryStore) -> Task:
    """A running task that looked for modules."""
    asked = a_task(kind="tests", params={"module_path": "p"}, workspace="/w", timeout=60.0)
    store.add([asked])
    return store.exchange([], 9, NOON)[0]


def ending(task: Task, status: TaskStatus = C, **facts: Any) -> Ending:
    return Ending(task_id=task.id, attempt=task.attempt, status=status, **facts)


def steps_of(store: MemoryStore) -> list[Task]:
    return store.find(Filter(parent="t_1"))[::-1]


def held(store: MemoryStore, parent: Task, own: Ending, at: datetime = NOON) -> Parents:
    parents = Parents(store, lambda: None)
    assert parents.takes(parent, own, at)
    return parents


def test_what_its_process_returned_becomes_steps(store: MemoryStore, parent: Task) -> None:
    parents = held(store, parent, ending(parent, result=surveyed(module("a"), module("b"))))
    assert parents.look(NOON, every=True) == []
    assert [(s.step, s.kind, s.timeout, s.workspace) for s in steps_of(store)] == [
        ("a", "tests", 60.0, "/w"),
        ("b", "tests", 60.0, "/w"),
    ]
    (report,) = parents.reports()
    assert (report.progress, report.message) == (0.0, "0 of 2 done")
    assert parents.reports() == []
    parents.moved(steps_of(store)[0])
    assert parents.is_touched
    assert parents.reports() == []  # nothing that a person would see has changed


def test_a_new_worker_adds_no_step_twice(store: MemoryStore, parent: Task) -> None:
    own = ending(parent, result=surveyed(module("a"), module("b", after=["a"])))
    held(store, parent, own).look(NOON, every=True)
    first = steps_of(store)
    held(store, parent, own).look(LATER, every=True)
    assert steps_of(store) == first
    changed = {**module("a"), "params": {"module_path": "elsewhere.py"}}  # looked at once more
    own = ending(parent, result=surveyed(changed, module("c")))
    held(store, parent, own).look(LATER, every=True)
    assert [step.step for step in steps_of(store)] == ["a", "b", "c"]
    assert steps_of(store)[0] == first[0]


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([{**module("a"), "kind": "shell"}], "may not make steps of kind 'shell'"),
        ([module("a", after=["b"]), module("b", after=["a"])], "wait for each other"),
        ([{**module("a"), "params": {}}], "Step 'a'"),
        ([{"name": "a"}], "cannot be told"),
    ],
)
def test_steps_that_its_process_may_not_ask_for_fail_it(
    store: MemoryStore, parent: Task, steps: list[dict[str, Any]], words: str
) -> None:
    parents = held(store, parent, ending(parent, result=surveyed(*steps)))
    (end,) = parents.look(NOON, every=True)
    assert end.error is not None
    assert (end.status, end.error.code) == (F, "bad_result")
    assert words in end.error.message
    assert steps_of(store) == []


def test_the_kind_sums_up_when_the_last_step_is_over(store: MemoryStore, parent: Task) -> None:
    parents = held(store, parent, ending(parent, result=surveyed(module("a"), module("b"))))
    parents.look(NOON, every=True)
    first, second = store.exchange([], 9, NOON)
    store.exchange([ending(first, result={"line": 90.0, "kept": 2})], 0, NOON)
    assert parents.look(NOON, every=True) == []
    store.exchange([ending(second, F, error=TaskError(code="x", message="y"))], 0, NOON)
    (end,) = parents.look(NOON, every=True)
    assert end.status is C
    assert isinstance(end.result, dict)
    assert end.result["failed_modules"] == ["b"]
    store.exchange([end], 0, NOON)
    assert store.get("t_1").message == "2 of 2 done"
    assert not parents


def test_a_parent_that_failed_ends_after_its_steps_were_cancelled(
    store: MemoryStore, parent: Task
) -> None:
    held(store, parent, ending(parent, result=surveyed(module("a"), module("b")))).look(
        NOON, every=True
    )
    running, _ = store.exchange([], 1, NOON)[0], None
    lost = TaskError(code="lost", message="gone")
    parents = held(store, parent, ending(parent, F, error=lost))
    assert parents.look(NOON, every=True) == []
    assert [step.status.value for step in steps_of(store)] == ["running", "cancelled"]
    assert store.cancels_wanted() == [(running.id, 1)]
    store.exchange([ending(running, X)], 0, NOON)
    (end,) = parents.look(NOON, every=True)
    assert (end.status, end.error) == (F, lost)


def test_a_cancel_that_came_meanwhile_is_the_end(store: MemoryStore, parent: Task) -> None:
    parents = held(store, parent, ending(parent, result=surveyed(module("a"))))
    store.request_cancel("t_1", NOON)
    (end,) = parents.look(NOON, every=True)
    assert (end.status, end.result) == (X, None)
    assert [step.status for step in steps_of(store)] == [X]


def test_a_retry_and_a_task_without_steps_are_not_held(store: MemoryStore, parent: Task) -> None:
    parents = Parents(store, lambda: None)
    assert not parents.takes(parent, ending(parent, Q), NOON)
    assert not parents.takes(parent, ending(parent, F), NOON)
    assert not parents.takes(parent, ending(parent, result={"line": 3.0}), NOON)
    held(store, parent, ending(parent, result=surveyed(module("a")))).look(NOON, every=True)
    assert not parents.takes(parent, ending(parent, Q), NOON)
    shell = a_task(id="t_2", kind="shell")
    assert not parents.takes(shell, ending(shell, result={"steps": [module("a")]}), NOON)
    unknown = a_task(id="t_3", kind="elsewhere")
    assert not parents.takes(unknown, ending(unknown, result=1), NOON)
    assert not parents


def test_the_timeout_of_a_package_is_that_of_each_module(store: MemoryStore, parent: Task) -> None:
    parents = held(store, parent, ending(parent, result=surveyed(module("a"))))
    assert parents.next_deadline is None
    parents.look(NOON + timedelta(hours=9), every=True)
    assert steps_of(store)[0].status is Q
