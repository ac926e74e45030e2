"""What every store promises about a task and its steps, one sentence a test."""

from datetime import timedelta
from typing import Any

import pytest

from tests.conftest import a_task
from tests.contract.moves import BROKEN, LATER, SOON, C, F, Q, R, X
from tta_interactive.errors import TaskNotFoundError
from tta_interactive.store import Ending, Filter, TaskStore
from tta_interactive.task import Task, TaskStatus


def family(*steps: str, **facts: Any) -> list[Task]:
    """A task `p` and its steps; a step `b<a` comes after the step `a`."""
    parent = a_task(id="p", steps=len(steps), **facts)
    made = [parent]
    for step in steps:
        name, _, needs = step.partition("<")
        after = tuple(needs) if needs else ()
        made.append(a_task(id=name, parent="p", step=name, after=after))
    return made


def start(store: TaskStore, free: int = 9) -> list[str]:
    return [task.id for task in store.exchange([], free, SOON)]


def end(store: TaskStore, task_id: str, status: TaskStatus = C, **facts: Any) -> None:
    task = store.get(task_id)
    ending = Ending(task_id=task_id, attempt=task.attempt, status=status, **facts)
    store.exchange([ending], 0, LATER)


def statuses(store: TaskStore, ids: str) -> list[TaskStatus]:
    return [store.get(task_id).status for task_id in ids]


def test_parent_step_and_rule_come_back_as_they_were_given(store: TaskStore) -> None:
    store.add(family("a", "b", on_failure="stop"))
    parent, step = store.get("p"), store.get("a")
    assert (parent.parent, parent.steps, parent.on_failure) == (None, 2, "stop")
    assert (step.parent, step.step, step.steps, step.on_failure) == ("p", "a", 0, "continue")
    assert [task.id for task in store.find(Filter(parent="p"))] == ["b", "a"]
    assert [task.id for task in store.find(Filter(without_steps=True))] == ["p"]
    assert [task.id for task in store.find(Filter(without_steps=True, statuses=[Q]))] == ["p"]


def test_steps_begin_after_their_parent_has(store: TaskStore) -> None:
    store.add([a_task(id="z"), *family("a", "b<a", after=("z",))])
    assert start(store) == ["z"]
    end(store, "z")
    assert start(store) == ["p"]
    assert start(store) == ["a"]
    end(store, "a")
    assert start(store) == ["b"]


def test_a_step_that_comes_to_a_running_parent_may_begin_at_once(store: TaskStore) -> None:
    store.add([a_task(id="p")])
    assert start(store) == ["p"]
    store.add([a_task(id="a", parent="p", step="a")])
    assert store.get("p").steps == 1
    assert start(store) == ["a"]


def test_a_step_that_comes_to_a_parent_that_is_tried_again_may_begin(store: TaskStore) -> None:
    store.add([a_task(id="p")])
    start(store)
    end(store, "p", Q, not_before=LATER)
    store.add([a_task(id="a", parent="p")])
    assert start(store) == ["a"]


def test_a_step_of_a_task_that_ends_is_cancelled_at_once(store: TaskStore) -> None:
    store.add([a_task(id="p")])
    start(store)
    store.request_cancel("p", SOON)
    (step,) = store.add([a_task(id="a", parent="p")])
    assert step.status is X
    end(store, "p", X)
    (late,) = store.add([a_task(id="b", parent="p")])
    assert late.status is X


def test_a_step_of_no_task_is_an_error(store: TaskStore) -> None:
    with pytest.raises(TaskNotFoundError):
        store.add([a_task(id="a", parent="nobody")])
    assert store.counts() == {}


def test_a_family_that_is_known_is_not_added_again(store: TaskStore) -> None:
    first = family("a", request_key="k")
    again = [
        a_task(id="p2", steps=1, request_key="k"),
        a_task(id="a2", parent="p2", steps=1),
        a_task(id="i2", parent="a2"),
        a_task(id="x"),
    ]
    store.add(first)
    assert [task.id for task in store.add(again)] == ["p", "x"]
    assert store.counts() == {Q: 3}


def test_a_task_does_not_end_before_its_steps(store: TaskStore) -> None:
    store.add(family("a"))
    start(store)
    for status in (C, F, X):
        end(store, "p", status)
        assert store.get("p").status is R
    assert store.with_open_steps(["p", "a"]) == {"p"}
    start(store)
    end(store, "a")
    assert store.with_open_steps(["p", "a"]) == set()
    end(store, "p")
    assert statuses(store, "pa") == [C, C]


def test_a_queued_family_is_cancelled_whole_and_nobody_failed(store: TaskStore) -> None:
    store.add([*family("a", "b<a", "c<b"), a_task(id="o", after=("b",))])
    assert store.request_cancel("p", SOON).status is X
    assert statuses(store, "pabc") == [X, X, X, X]
    stranger = store.get("o")
    assert stranger.error is not None
    assert (stranger.status, stranger.error.code) == (F, "dependency")


def test_cancel_of_a_running_family_waits_for_its_running_steps(store: TaskStore) -> None:
    store.add(family("a", "b<a"))
    start(store)
    start(store)
    parent = store.request_cancel("p", SOON)
    assert (parent.status, statuses(store, "ab")) == (R, [R, X])
    assert sorted(store.cancels_wanted()) == [("a", 1), ("p", 1)]
    end(store, "p", X)
    assert store.get("p").status is R
    end(store, "a", X)
    end(store, "p", X)
    assert statuses(store, "pa") == [X, X]


def test_a_queued_family_of_families_is_cancelled_at_once(store: TaskStore) -> None:
    inner = a_task(id="i", parent="p", steps=1)
    store.add([a_task(id="p", steps=1), inner, a_task(id="a", parent="i")])
    assert store.request_cancel("p", SOON).status is X
    assert statuses(store, "pia") == [X, X, X]


def test_cancel_reaches_the_steps_of_steps(store: TaskStore) -> None:
    inner = a_task(id="i", parent="p", steps=2)
    below = [a_task(id="a", parent="i"), a_task(id="b", parent="i", after=("a",))]
    store.add([a_task(id="p", steps=1), inner, *below])
    assert [start(store), start(store), start(store)] == [["p"], ["i"], ["a"]]
    store.request_cancel("p", SOON)
    assert sorted(store.cancels_wanted()) == [("a", 1), ("i", 1), ("p", 1)]
    assert store.get("b").status is X


def test_a_parent_that_is_tried_again_keeps_its_steps_and_can_be_cancelled(
    store: TaskStore,
) -> None:
    store.add(family("a"))
    start(store)
    start(store)
    end(store, "p", Q, not_before=LATER)
    assert statuses(store, "pa") == [Q, R]
    parent = store.request_cancel("p", SOON)
    assert (parent.status, parent.cancel_requested_at) == (Q, SOON)
    assert store.cancels_wanted() == [("a", 1)]
    (again,) = store.exchange([], 9, LATER)
    assert (again.id, again.attempt) == ("p", 2)
    end(store, "p", Q)  # cancelled meanwhile, and yet it waits for its step
    assert statuses(store, "pa") == [Q, R]


def test_a_step_that_fails_takes_only_its_dependants_with_it(store: TaskStore) -> None:
    store.add(family("a", "b<a", "c"))
    start(store)
    assert start(store, 1) == ["a"]
    end(store, "a", F, error=BROKEN)
    assert statuses(store, "abc") == [F, F, Q]


def test_with_stop_nothing_new_begins_after_a_failure(store: TaskStore) -> None:
    store.add(family("a", "b<a", "c", "d", on_failure="stop"))
    start(store)
    assert start(store, 2) == ["a", "c"]
    end(store, "a", F, error=BROKEN)
    assert statuses(store, "abcd") == [F, F, R, X]
    assert store.cancels_wanted() == []  # what runs may finish


def test_the_steps_of_a_parent_that_fails_before_its_start_are_cancelled(
    store: TaskStore,
) -> None:
    store.add([a_task(id="z"), *family("a", "b<a", after=("z",))])
    start(store)
    end(store, "z", F, error=BROKEN)
    assert statuses(store, "pab") == [F, X, X]
    late = family("a", "b<a", after=("z",))
    late = [task.model_copy(update={"id": task.id + "2"}) for task in late]
    late = [t.model_copy(update={"parent": "p2", "after": ()}) if t.parent else t for t in late]
    store.add(late)
    assert [store.get(task_id).status for task_id in ("p2", "a2", "b2")] == [F, X, X]


def test_steps_stay_on_record_as_long_as_their_parent_runs(store: TaskStore) -> None:
    store.add(family("a"))
    start(store)
    start(store)
    end(store, "a")
    assert store.remove_finished(LATER + timedelta(days=1)) == []
    end(store, "p")
    gone = store.remove_finished(LATER + timedelta(days=1))
    assert sorted(task.id for task in gone) == ["a", "p"]
