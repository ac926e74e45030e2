"""What a task promises: which moves are allowed, and what a refusal says."""

import pickle
from itertools import product

import pytest

from tests.conftest import NOON, a_task
from tta_interactive import errors
from tta_interactive.errors import InvalidTransitionError, TTAError
from tta_interactive.task import TaskStatus

# Written out again rather than read from NEXT: a test that asks the table agrees with it.
ALLOWED = {
    ("queued", "running"),
    ("queued", "failed"),
    ("queued", "cancelled"),
    ("running", "queued"),
    ("running", "input_required"),
    ("running", "completed"),
    ("running", "failed"),
    ("running", "cancelled"),
    ("input_required", "running"),
    ("input_required", "queued"),
    ("input_required", "failed"),
    ("input_required", "cancelled"),
}
REFUSED = sorted({(a.value, b.value) for a, b in product(TaskStatus, repeat=2)} - ALLOWED)


@pytest.mark.parametrize(("current", "wanted"), sorted(ALLOWED))
def test_an_allowed_move_is_made_and_records_its_facts(current: str, wanted: str) -> None:
    moved = a_task(status=current).moved(TaskStatus(wanted), started_at=NOON)
    assert moved == a_task(status=wanted, started_at=NOON)


@pytest.mark.parametrize(("current", "wanted"), REFUSED)
def test_any_other_move_is_refused(current: str, wanted: str) -> None:
    with pytest.raises(InvalidTransitionError):
        a_task(status=current).moved(TaskStatus(wanted))


def test_a_refusal_says_what_can_follow_even_in_another_process() -> None:
    with pytest.raises(InvalidTransitionError) as caught:
        a_task().moved(TaskStatus.COMPLETED)
    assert str(pickle.loads(pickle.dumps(caught.value))) == (
        "Task 't_1' is queued and cannot become completed. "
        "What can follow: cancelled or failed or running."
    )


def test_only_three_states_are_final() -> None:
    assert [s.value for s in TaskStatus if s.is_final] == ["completed", "failed", "cancelled"]


def test_every_error_is_of_the_family_and_survives_a_process_border() -> None:
    samples = [
        errors.UnknownKindError("x", ["a"]),
        errors.TaskNotFoundError("x"),
        errors.AmbiguousTaskError("x", ["a", "b"]),
        errors.RequestKeyError("k", "t_1"),
        errors.WaitTimeoutError("t_1", 2.5),
        errors.TaskFailedError("t_1", "error", "It broke.", "Mend it."),
        errors.StoreFullError("The disk is full."),
    ]
    for error in samples:
        assert isinstance(error, TTAError)
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again)) == (type(error), str(error))
    assert isinstance(samples[4], TimeoutError)
