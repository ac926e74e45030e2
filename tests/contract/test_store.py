"""What every store promises, one sentence a test; each store must keep all of them."""

import itertools
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conftest import NOON, a_task
from tests.contract.moves import BROKEN, LATER, SOON, C, F, Q, R, X, end, started
from tta_interactive.errors import RequestKeyError, TaskNotFoundError
from tta_interactive.event import EventKind
from tta_interactive.store import Ending, Filter, Report, SqliteStore, TaskStore
from tta_interactive.task import Priority, SandboxLevel, TaskStatus


def test_a_task_comes_back_as_it_was_given(store: TaskStore) -> None:
    task = a_task(
        params={"argv": ["echo", "ä \n'"], "n": 2**70},
        label="Größe",
        owner="mcp:x",
        workspace="/w",
        python="/p",
        environment={"A": "b"},
        priority=Priority.LOW,
        not_before=SOON + timedelta(microseconds=1),
        max_attempts=3,
        timeout=2.5,
        idempotent=True,
        request_key="k",
        sandbox=SandboxLevel.NAMESPACES,
        metadata={"a": [1, None]},
    )
    assert store.add([task]) == [task.model_copy(update={"seq": 1})]
    assert store.get("t_1") == task.model_copy(update={"seq": 1})


def test_an_unknown_id_is_an_error_and_never_none(store: TaskStore) -> None:
    with pytest.raises(TaskNotFoundError, match="No task has the id 'nowhere'"):
        store.get("nowhere")
    with pytest.raises(TaskNotFoundError):
        store.request_cancel("nowhere", SOON)


def test_the_same_request_key_gives_the_same_task(store: TaskStore) -> None:
    first = store.add([a_task(request_key="k", params={"a": 1})])
    assert store.add([a_task(id="t_2", request_key="k", params={"a": 1}, label="x")]) == first
    assert store.counts() == {Q: 1}


def test_a_request_key_of_another_owner_is_another_key(store: TaskStore) -> None:
    store.add([a_task(request_key="k"), a_task(id="t_2", request_key="k", owner="cli")])
    assert store.counts() == {Q: 2}


def test_a_request_key_for_another_request_is_refused_and_adds_nothing(store: TaskStore) -> None:
    store.add([a_task(request_key="k", params={"a": 1})])
    with pytest.raises(RequestKeyError, match="belongs to task 't_1'"):
        store.add([a_task(id="t_2"), a_task(id="t_3", request_key="k", params={"a": 2})])
    assert [task.id for task in store.find(Filter())] == ["t_1"]


def test_waiting_tasks_start_by_priority_then_by_arrival(store: TaskStore) -> None:
    order = [("a", "NORMAL"), ("b", "LOW"), ("c", "CRITICAL"), ("d", "NORMAL"), ("e", "HIGH")]
    store.add([a_task(id=i, priority=Priority[p]) for i, p in order])
    assert store.is_ready_work(SOON)
    assert [task.id for task in store.exchange([], 2, SOON)] == ["c", "e"]
    assert [task.id for task in store.exchange([], 9, SOON)] == ["a", "d", "b"]
    assert not store.is_ready_work(SOON)


def test_a_start_is_a_new_attempt_with_its_time(store: TaskStore) -> None:
    task = started(store)
    assert (task.status, task.attempt, task.started_at) == (R, 1, SOON)
    assert store.get("t_1") == task
    assert store.active() == [task]


def test_a_task_does_not_start_before_its_time(store: TaskStore) -> None:
    store.add([a_task(not_before=LATER)])
    assert store.exchange([], 1, SOON) == []
    assert not store.is_ready_work(SOON)
    assert store.next_start() == LATER
    assert [task.id for task in store.exchange([], 1, LATER)] == ["t_1"]
    assert store.next_start() is None


def test_a_result_is_kept_with_its_time_and_level(store: TaskStore) -> None:
    end(store, started(store), C, result={"n": [1, "ü"]}, sandbox_got=SandboxLevel.LIMITS)
    task = store.get("t_1")
    assert (task.status, task.result, task.finished_at) == (C, {"n": [1, "ü"]}, LATER)
    assert task.sandbox_got is SandboxLevel.LIMITS


def test_a_large_result_is_kept_whole(store: TaskStore) -> None:
    end(store, started(store), C, result="ü" * 100_000)
    assert store.get("t_1").result == "ü" * 100_000


def test_a_failure_is_data(store: TaskStore) -> None:
    end(store, started(store), F, error=BROKEN, result="never")
    task = store.get("t_1")
    assert (task.status, task.error, task.result) == (F, BROKEN, None)


@pytest.mark.parametrize(("first", "late"), list(itertools.product((C, F, X), repeat=2)))
def test_a_final_state_never_changes(store: TaskStore, first: TaskStatus, late: TaskStatus) -> None:
    task = started(store)
    end(store, task, first)
    before = store.get("t_1")
    end(store, task, late, result="late")
    assert store.get("t_1") == before
    assert store.request_cancel("t_1", LATER) == before


def test_a_zombie_s_result_is_not_used(store: TaskStore) -> None:
    zombie = started(store)
    end(store, zombie, Q)
    current = store.exchange([], 1, LATER)[0]
    end(store, zombie, C, result="late")
    assert store.get("t_1") == current
    assert current.attempt == 2


def test_a_retry_waits_for_its_time_and_forgets_its_progress(store: TaskStore) -> None:
    task = started(store)
    store.report([Report(task_id="t_1", attempt=1, progress=0.5, message="half")], SOON)
    end(store, task, Q, not_before=LATER)
    again = store.get("t_1")
    assert (again.status, again.progress, again.message) == (Q, None, "")
    assert again.not_before == LATER


def test_a_start_that_came_to_nothing_counts_as_no_try(store: TaskStore) -> None:
    end(store, started(store), Q, was_refused=True)
    task = store.exchange([], 1, LATER)[0]
    assert (task.attempt, task.refused, task.tries) == (2, 1, 1)


def test_what_was_to_be_cancelled_is_not_tried_again(store: TaskStore) -> None:
    task = started(store)
    store.request_cancel("t_1", SOON)
    end(store, task, Q)
    assert (store.get("t_1").status, store.get("t_1").finished_at) == (X, LATER)


def test_a_queued_task_is_cancelled_at_once(store: TaskStore) -> None:
    store.add([a_task()])
    task = store.request_cancel("t_1", SOON)
    assert (task.status, task.finished_at, task.cancel_requested_at) == (X, SOON, SOON)
    assert store.exchange([], 1, SOON) == []


def test_a_running_task_is_only_marked_for_cancel(store: TaskStore) -> None:
    started(store)
    assert store.cancels_wanted() == []
    task = store.request_cancel("t_1", SOON)
    assert (task.status, task.cancel_requested_at) == (R, SOON)
    assert store.request_cancel("t_1", LATER).cancel_requested_at == SOON
    assert store.cancels_wanted() == [("t_1", 1)]


def test_a_task_waits_for_those_it_is_after(store: TaskStore) -> None:
    store.add([a_task(), a_task(id="t_2", after=["t_1"])])
    first = store.exchange([], 9, SOON)
    assert [task.id for task in first] == ["t_1"]
    end(store, first[0], C)
    assert [task.id for task in store.exchange([], 9, LATER)] == ["t_2"]


def test_a_task_after_one_that_completed_is_ready(store: TaskStore) -> None:
    end(store, started(store), C)
    store.add([a_task(id="t_2", after=["t_1"])])
    assert [task.id for task in store.exchange([], 9, LATER)] == ["t_2"]


@pytest.mark.parametrize("how", ["failed", "cancelled", "cancelled while queued"])
def test_what_depends_on_a_failure_fails_down_the_line(store: TaskStore, how: str) -> None:
    store.add([a_task(), a_task(id="t_2", after=["t_1"]), a_task(id="t_3", after=["t_2"])])
    if how == "cancelled while queued":
        store.request_cancel("t_1", LATER)
    else:
        end(store, store.exchange([], 1, SOON)[0], TaskStatus(how))
    for task_id in ("t_2", "t_3"):
        task = store.get(task_id)
        assert (task.status, task.finished_at) == (F, LATER)
        assert task.error is not None
        assert task.error.code == "dependency"
        assert "'t_1'" in task.error.message


def test_a_task_after_one_that_failed_fails_at_once(store: TaskStore) -> None:
    end(store, started(store), F, error=BROKEN)
    added = store.add([a_task(id="t_2", after=["t_1"])])[0]
    assert added.status is F
    assert store.get("t_2") == added


def test_a_task_after_an_unknown_one_is_refused_and_adds_nothing(store: TaskStore) -> None:
    with pytest.raises(TaskNotFoundError, match="'gone'"):
        store.add([a_task(), a_task(id="t_2", after=["gone"])])
    assert store.counts() == {}


def test_progress_is_kept_for_the_current_attempt_only(store: TaskStore) -> None:
    started(store)
    store.report(
        [
            Report(task_id="t_1", attempt=1, progress=0.25, sandbox_got=SandboxLevel.LIMITS),
            Report(task_id="t_1", attempt=0, progress=0.9),
            Report(task_id="gone", attempt=1, progress=0.9),
        ],
        SOON,
    )
    store.report([Report(task_id="t_1", attempt=1, progress=0.5, message="half")], LATER)
    task = store.get("t_1")
    assert (task.progress, task.message) == (0.5, "half")
    assert task.sandbox_got is SandboxLevel.LIMITS


def test_every_move_is_one_event_in_order(store: TaskStore) -> None:
    task = started(store)
    store.request_cancel("t_1", SOON)
    assert store.moved_after(0) == (store.last_event(), {"t_1": False})
    end(store, task, X)
    events = store.events_after(0)
    assert [(e.kind, e.status, e.attempt, e.at) for e in events] == [
        (EventKind.MOVED, Q, 0, NOON),
        (EventKind.MOVED, R, 1, SOON),
        (EventKind.CANCEL_REQUESTED, R, 1, SOON),
        (EventKind.MOVED, X, 1, LATER),
    ]
    assert [e.seq for e in events] == sorted({e.seq for e in events})
    assert store.last_event() == events[-1].seq
    assert store.events_after(events[1].seq, limit=1) == [events[2]]
    assert store.are_over(["t_1"]) == {"t_1": True}
    assert store.moved_after(events[2].seq) == (events[3].seq, {"t_1": True})
    assert store.moved_after(events[3].seq) == (events[3].seq, {})


def test_only_the_newest_progress_is_an_event(store: TaskStore) -> None:
    started(store)
    for fraction in (0.1, 0.2, 0.3):
        store.report([Report(task_id="t_1", attempt=1, progress=fraction)], SOON)
    kinds = [event.kind for event in store.events_after(0)]
    assert kinds == [EventKind.MOVED, EventKind.MOVED, EventKind.PROGRESSED]


def test_more_than_the_free_slots_start_where_they_are_named_and_still_ready(
    store: TaskStore,
) -> None:
    store.add([a_task(id=f"t_{n}") for n in (1, 2, 3)])
    store.add([a_task(id="t_4", not_before=LATER), a_task(id="t_5", after=["t_1"])])
    store.add([a_task(id="t_6", priority=Priority.HIGH), a_task(id="t_7")])
    assert [task.id for task in store.next_ready(3, SOON)] == ["t_6", "t_1", "t_2"]
    known = {task.id: task for task in store.find(Filter())} | {"gone": a_task(id="gone")}
    store.request_cancel("t_3", SOON)
    ahead = [known[i] for i in ("t_6", "t_2", "t_3", "t_4", "t_5", "gone")]
    begun = store.exchange([], 1, SOON, ahead=ahead)
    assert [(task.id, task.status, task.attempt) for task in begun] == [
        ("t_6", R, 1),
        ("t_2", R, 1),
    ]
    assert begun == [store.get("t_6"), store.get("t_2")]
    ahead = [known["t_7"], known["t_6"]]
    assert [task.id for task in store.exchange([], 0, SOON, ahead=ahead)] == ["t_7"]
    assert store.counts() == {Q: 3, R: 3, X: 1}


def test_no_event_and_no_task_gets_the_number_of_a_removed_one(store: TaskStore) -> None:
    running = started(store)
    numbers = [store.last_event()]
    for fraction in (0.1, 0.2):  # the newer one removes the older
        store.report([Report(task_id="t_1", attempt=1, progress=fraction)], SOON)
        numbers.append(store.last_event())
    end(store, running)
    numbers.append(store.last_event())
    assert store.remove_finished(LATER + timedelta(days=1))
    second = store.add([a_task(id="t_2")])[0]
    numbers.append(store.last_event())
    assert numbers == sorted(set(numbers))
    assert second.seq > running.seq


def test_only_old_final_tasks_are_removed(store: TaskStore) -> None:
    end(store, started(store), C, result="x" * 100_000)
    started(store, id="t_2")
    assert store.remove_finished(LATER) == []
    gone = store.remove_finished(LATER + timedelta(seconds=1))
    assert [task.id for task in gone] == ["t_1"]
    assert [task.id for task in store.find(Filter())] == ["t_2"]
    assert {event.task_id for event in store.events_after(0)} == {"t_2"}


def test_what_a_queued_task_needs_is_not_removed(store: TaskStore) -> None:
    store.add([a_task(), a_task(id="t_2", after=["t_1"], not_before=LATER)])
    end(store, store.exchange([], 1, SOON)[0], F, error=BROKEN)
    store.add([a_task(id="t_3"), a_task(id="t_4", after=["t_3"])])
    old = LATER + timedelta(days=1)
    assert {task.id for task in store.remove_finished(old)} == {"t_1", "t_2"}


YEAR = timedelta(days=365)


@pytest.mark.parametrize("jump", [-YEAR, YEAR])  # D17
def test_a_clock_that_jumps_changes_no_order(store: TaskStore, jump: timedelta) -> None:
    """As when somebody sets the clock between the second and the third task."""
    times = [NOON, NOON + timedelta(seconds=1), NOON + jump, NOON + jump + timedelta(seconds=1)]
    for number, at in enumerate(times, start=1):
        store.add([a_task(id=f"t_{number}", submitted_at=at)])
    newest_first = ["t_4", "t_3", "t_2", "t_1"]
    assert [task.id for task in store.find(Filter())] == newest_first
    assert [task.id for task in store.find(Filter(before_seq=3))] == ["t_2", "t_1"]
    begun = [store.exchange([], 1, at)[0] for at in times]
    assert [task.id for task in begun] == newest_first[::-1]
    for task, at in zip(begun, reversed(times), strict=True):
        ending = Ending(task_id=task.id, attempt=1, status=C)
        store.exchange([ending], 0, at)
    moves = [(e.task_id, e.status) for e in store.events_after(0)]
    order = [f"t_{n}" for n in (1, 2, 3, 4)]
    assert moves == [(i, status) for status in (Q, R, C) for i in order]


def test_of_one_agent_only_two_tasks_run_at_a_time(store: TaskStore) -> None:
    agent = [a_task(id=f"t_{n}", owner="mcp:a", priority=Priority.HIGH) for n in range(4)]
    store.add([*agent, a_task(id="t_b", owner="mcp:b"), a_task(id="t_u", owner="mcp")])
    store.add([a_task(id="t_later", owner="mcp:a", not_before=SOON), a_task(id="t_v")])
    assert [t.id for t in store.exchange([], 1, SOON)] == ["t_0"]
    # What must wait holds nobody up, in however small steps slots become free.
    assert [t.id for t in store.exchange([], 2, SOON)] == ["t_1", "t_b"]
    assert store.is_ready_work(SOON)
    assert [t.id for t in store.exchange([], 9, SOON)] == ["t_u", "t_v"]
    assert not store.is_ready_work(SOON)
    assert store.exchange([], 9, SOON) == []
    end(store, store.get("t_0"), C)
    assert store.is_ready_work(LATER)
    assert [t.id for t in store.exchange([], 9, LATER)] == ["t_2"]


def test_an_agent_s_task_that_waits_for_its_steps_takes_none_of_its_places(
    store: TaskStore,
) -> None:
    for whole in ("t_w", "t_x", "t_y"):
        store.add([a_task(id=whole, owner="mcp:a", steps=2)])
        steps = [a_task(id=f"{whole}{n}", owner="mcp:a", parent=whole) for n in range(2)]
        store.add(steps)
    assert [t.id for t in store.exchange([], 9, SOON)] == ["t_w", "t_x", "t_y"]
    assert [t.id for t in store.exchange([], 9, SOON)] == ["t_w0", "t_w1"]
    end(store, store.get("t_w0"), C)
    assert [t.id for t in store.exchange([], 9, LATER)] == ["t_x0"]


def test_an_agent_s_task_that_could_not_be_started_gives_its_place_back(store: TaskStore) -> None:
    store.add([a_task(id=f"t_{n}", owner="mcp:a") for n in range(3)])
    first = store.exchange([], 2, SOON)
    ending = Ending(task_id="t_0", attempt=1, status=Q, was_refused=True)
    assert [t.id for t in store.exchange([ending], 9, SOON)] == ["t_0"]
    assert len(first) == 2
    assert store.counts()[R] == 2


def test_somebody_else_s_commit_moves_the_counter(tmp_path: Path) -> None:
    mine, other = SqliteStore(tmp_path / "s"), SqliteStore(tmp_path / "s")
    before = mine.change_counter()
    assert mine.change_counter() == before
    other.add([a_task()])
    assert mine.change_counter() != before
    mine.close()
    other.close()
