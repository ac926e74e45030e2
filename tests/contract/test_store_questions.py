"""What every store promises about the questions of running tasks."""

import pytest

from tests.contract.moves import BROKEN, LATER, SOON, C, F, Q, R, X, end, started
from tta_interactive.question import Answer, Question
from tta_interactive.store import Ending, Report, TaskStore
from tta_interactive.task import TaskStatus

ASKING = TaskStatus.INPUT_REQUIRED


def a_question(key: str = "1.1") -> Question:
    facts = {"text": "Overwrite 'ä'?", "choices": ["yes", "no"], "timeout": 60, "default": "no"}
    return Question.asked(facts, key, SOON)


def an_answer(value: str = "yes") -> Answer:
    return Answer(value=value, by="cli", at=LATER)


def test_a_question_makes_its_task_wait_and_comes_back_as_it_was_asked(store: TaskStore) -> None:
    task = started(store)
    assert store.ask("t_1", 1, a_question(), LATER)
    waiting = store.get("t_1")
    assert (waiting.status, waiting.question, waiting.attempt) == (ASKING, a_question(), 1)
    assert waiting.open_question == a_question()
    assert store.active() == [waiting]
    assert waiting.model_copy(update={"status": R, "question": None}) == task


def test_a_question_and_its_answer_are_moves_that_everyone_hears_of(store: TaskStore) -> None:
    started(store)
    seen = store.last_event()
    store.ask("t_1", 1, a_question(), LATER)
    assert [event.status for event in store.events_after(seen)] == [ASKING]
    assert store.moved_after(seen) == (store.last_event(), {"t_1": True})  # who waits may answer
    store.answer("t_1", 1, "1.1", an_answer(), LATER)
    assert [event.status for event in store.events_after(seen)] == [ASKING, R]
    assert store.moved_after(seen) == (store.last_event(), {"t_1": False})


def test_an_answer_lets_the_task_run_again_and_is_kept_with_who_gave_it(store: TaskStore) -> None:
    started(store)
    store.ask("t_1", 1, a_question(), LATER)
    assert store.answer("t_1", 1, "1.1", an_answer(), LATER)
    task = store.get("t_1")
    assert (task.status, task.open_question) == (R, None)
    assert task.question is not None
    assert task.question.answer == an_answer()


def test_only_the_first_answer_counts(store: TaskStore) -> None:
    started(store)
    store.ask("t_1", 1, a_question(), LATER)
    assert store.answer("t_1", 1, "1.1", an_answer("no"), LATER)
    before = store.get("t_1"), store.last_event()
    assert not store.answer("t_1", 1, "1.1", an_answer("yes"), LATER)
    assert (store.get("t_1"), store.last_event()) == before


@pytest.mark.parametrize(("attempt", "key"), [(1, "1.2"), (2, "1.1"), (0, "1.1")])
def test_an_answer_to_another_question_counts_for_none(
    store: TaskStore, attempt: int, key: str
) -> None:
    started(store)
    store.ask("t_1", 1, a_question(), LATER)
    assert not store.answer("t_1", attempt, key, an_answer(), LATER)
    assert store.get("t_1").open_question == a_question()


def test_an_answer_to_nothing_is_none(store: TaskStore) -> None:
    started(store)
    assert not store.answer("t_1", 1, "1.1", an_answer(), LATER)
    assert not store.answer("nowhere", 1, "1.1", an_answer(), LATER)
    assert store.get("t_1").question is None


def test_a_question_that_is_told_twice_is_asked_once(store: TaskStore) -> None:
    started(store)
    store.ask("t_1", 1, a_question(), LATER)
    assert not store.ask("t_1", 1, a_question(), LATER)
    store.answer("t_1", 1, "1.1", an_answer(), LATER)
    assert not store.ask("t_1", 1, a_question(), LATER)  # a new worker was told, and looks here
    assert store.get("t_1").status is R
    assert store.ask("t_1", 1, a_question("1.2"), LATER)
    assert store.get("t_1").question == a_question("1.2")


@pytest.mark.parametrize("status", [Q, C, F, X])
def test_what_does_not_run_asks_nothing(store: TaskStore, status: TaskStatus) -> None:
    end(store, started(store), status)
    assert not store.ask("t_1", 1, a_question(), LATER)
    assert store.get("t_1").status is status


def test_the_question_of_an_attempt_ends_with_it(store: TaskStore) -> None:
    started(store)
    store.ask("t_1", 1, a_question(), LATER)
    end(store, store.get("t_1"), Q)
    assert store.get("t_1").question is None
    (again,) = store.exchange([], 1, LATER)
    assert (again.status, again.attempt, again.question) == (R, 2, None)
    assert not store.answer("t_1", 1, "1.1", an_answer(), LATER)
    assert not store.ask("t_1", 1, a_question(), LATER)


def test_an_attempt_that_was_read_ahead_begins_without_the_question_of_the_last(
    store: TaskStore,
) -> None:
    started(store)
    store.ask("t_1", 1, a_question(), LATER)
    again = Ending(task_id="t_1", attempt=1, status=Q)
    store.exchange([again], 0, LATER)
    ahead = store.next_ready(1, LATER)
    assert [task.question for task in store.exchange([], 0, LATER, ahead)] == [None]


@pytest.mark.parametrize("status", [C, F, X])
def test_a_task_may_end_while_its_question_is_open(store: TaskStore, status: TaskStatus) -> None:
    started(store)
    store.ask("t_1", 1, a_question(), LATER)
    error = BROKEN if status is F else None
    end(store, store.get("t_1"), status, error=error)
    task = store.get("t_1")
    assert (task.status, task.open_question, task.question) == (status, None, a_question())
    assert not store.answer("t_1", 1, "1.1", an_answer(), LATER)


def test_a_task_that_waits_for_an_answer_can_be_cancelled_and_progresses(store: TaskStore) -> None:
    started(store)
    store.ask("t_1", 1, a_question(), LATER)
    store.report([Report(task_id="t_1", attempt=1, progress=0.5, message="half")], LATER)
    assert store.get("t_1").progress == 0.5
    assert store.request_cancel("t_1", LATER).status is ASKING
    assert store.cancels_wanted() == [("t_1", 1)]
