"""What every store promises to lists, boards and names, one sentence a test."""

from datetime import timedelta
from typing import Any

import pytest

from tests.conftest import a_task
from tests.contract.moves import LATER, SOON, C, F, Q, R, X, end, started
from tta_interactive.errors import AmbiguousTaskError, TaskNotFoundError
from tta_interactive.store import Filter, Look, TaskStore
from tta_interactive.task import Priority, TaskStatus


def test_a_list_is_filtered_and_the_newest_comes_first(store: TaskStore) -> None:
    store.add([a_task(), a_task(id="t_2", kind="python"), a_task(id="t_3", owner="cli")])
    running = store.exchange([], 1, SOON)[0]

    def ids(**only: Any) -> list[str]:
        return [task.id for task in store.find(Filter(**only))]

    assert ids() == ["t_3", "t_2", "t_1"]
    assert ids(statuses=[R]) == [running.id] == ["t_1"]
    assert ids(statuses=[R, Q], kind="shell") == ["t_3", "t_1"]
    assert ids(owner="cli") == ["t_3"]
    assert ids(limit=1) == ["t_3"]
    assert ids(before_seq=3) == ["t_2", "t_1"]
    assert ids(statuses=[]) == []
    assert store.counts() == {Q: 2, R: 1}
    assert store.counts("cli") == {Q: 1}
    assert {t.id for t in store.get_many(["t_1", "t_3", "gone"])} == {"t_1", "t_3"}


def test_tasks_of_every_status_are_found_and_counted(store: TaskStore) -> None:
    for number, status in enumerate((C, F, X)):
        end(store, started(store, id=f"t_{number}"), status)
    started(store, id="t_3", owner="cli")
    store.add([a_task(id="t_4", owner="cli", priority=Priority.LOW), a_task(id="t_5")])
    store.add([a_task(id="t_6", not_before=LATER), a_task(id="t_7", after=["t_5"])])

    def ids(*statuses: TaskStatus, **only: Any) -> str:
        found = store.find(Filter(statuses=statuses, **only))
        return " ".join(task.id[2:] for task in found)

    assert [ids(s) for s in (Q, R, C, F, X)] == ["7 6 5 4", "3", "0", "1", "2"]
    assert ids(Q, R, X) == "7 6 5 4 3 2"
    assert ids(Q, F, limit=3) == "7 6 5"
    assert ids(Q, R, owner="cli") == "4 3"
    assert ids(Q, R, C, owner="cli") == "4 3"
    assert ids(Q, F, owner="python", before_seq=store.get("t_6").seq) == "5 1"
    assert store.counts() == {Q: 4, R: 1, C: 1, F: 1, X: 1}
    assert store.counts("cli") == {Q: 1, R: 1}
    assert store.counts("python") == {Q: 3, C: 1, F: 1, X: 1}


def test_a_board_looks_at_one_page_filtered_searched_and_sorted(store: TaskStore) -> None:
    running = started(store, id="t_0", label="Fit", workspace="/a", owner="cli")
    end(store, started(store, id="t_1", label="fix", kind="tests"), C)
    store.add([a_task(id="t_2", label="100% _", workspace="/a"), a_task(id="t_3", label="é")])
    at = running.submitted_at + timedelta(hours=1)

    def ids(**wish: Any) -> str:
        found, total = store.look(Look(**wish), at)
        assert total == store.look(Look(**{**wish, "limit": 9, "offset": 0}), at)[1]
        return " ".join([*(task.id[2:] for task in found), f"of {total}"])

    assert ids() == "3 2 1 0 of 4"
    assert ids(limit=2, offset=1) == "2 1 of 4"
    assert ids(offset=9) == "of 4"
    assert ids(statuses=[Q, C]) == "3 2 1 of 3"
    assert (ids(kind="tests"), ids(owner="cli"), ids(workspace="/a")) == (
        "1 of 1",
        "0 of 1",
        "2 0 of 2",
    )
    assert (ids(search="FI"), ids(search="%"), ids(search="t_3")) == (
        "1 0 of 2",
        "2 of 1",
        "3 of 1",
    )
    assert ids(sort="submitted", descending=False) == "0 1 2 3 of 4"
    assert ids(sort="state", descending=False) == "0 3 2 1 of 4"
    assert ids(sort="label", descending=False) == "2 0 1 3 of 4"
    assert ids(sort="owner", descending=False) == "0 3 2 1 of 4"
    assert ids(sort="ran") == "0 1 3 2 of 4"  # those that never ran come last
    assert ids(sort="ran", descending=False) == "1 0 3 2 of 4"
    assert store.choices().workspaces == ["/a"]
    assert (store.choices().kinds, store.choices("cli").kinds) == (["shell", "tests"], ["shell"])
    assert store.choices().owners == ["cli", "python"]


def test_a_task_is_named_by_id_unique_prefix_or_newest_label(store: TaskStore) -> None:
    store.add(
        [
            a_task(id="t_aa1", label="fit"),
            a_task(id="t_aa2", label="fit", owner="cli"),
            a_task(id="t_b", label="t_aa"),
        ]
    )
    assert store.resolve("t_aa1") == "t_aa1"
    assert store.resolve("t_b") == "t_b"
    assert store.resolve("fit") == "t_aa2"
    assert store.resolve("t_aa") == "t_b"  # no unique prefix, but somebody's label
    assert store.resolve("t_a", owner="cli") == "t_aa2"
    with pytest.raises(AmbiguousTaskError, match="fits several tasks: t_aa1, t_aa2"):
        store.resolve("t_a")
    for unknown in ("", "*", "%", "t_c", "x" * 10_000, "../t_b", "\ud800"):
        with pytest.raises(TaskNotFoundError):
            store.resolve(unknown)


def test_it_is_known_which_ids_tasks_have(store: TaskStore) -> None:
    store.add([a_task(), a_task(id="t_2")])
    assert store.existing(["t_2", "gone", "t_1"]) == {"t_1", "t_2"}
    assert store.existing([]) == set()
    assert store.are_over(["t_2", "gone", "t_1"]) == {"t_1": False, "t_2": False}
