"""What becomes of a task when an attempt of it is over."""

from datetime import timedelta

import pytest

from tests.conftest import NOON, a_task
from tta_interactive.task import SandboxLevel, Task
from tta_interactive.worker.attempt import Outcome
from tta_interactive.worker.endings import ending_of, ending_of_lost

BROKEN = {"code": "error", "message": "exited with 2", "remedy": "", "detail": ""}


def running(**facts: object) -> Task:
    return a_task(status="running", **{"attempt": 1, **facts})


def test_a_result_is_the_result() -> None:
    ending = ending_of(
        running(), Outcome(status="completed", result=[1]), NOON, SandboxLevel.LIMITS
    )
    assert (ending.status, ending.result, ending.sandbox_got) == ("completed", [1], 1)
    assert (ending.task_id, ending.attempt) == ("t_1", 1)


@pytest.mark.parametrize("result", [float("nan"), "\ud800", {"a": float("inf")}])
def test_a_result_that_cannot_be_kept_is_a_failure(result: object) -> None:
    ending = ending_of(running(), Outcome(status="completed", result=result), NOON)
    assert ending.status == "failed"
    assert ending.error is not None
    assert ending.error.code == "bad_result"


@pytest.mark.parametrize("error", [None, {"code": 3}, {"code": "x", "message": "\ud800"}])
def test_an_error_that_cannot_be_read_is_still_a_failure(error: object) -> None:
    ending = ending_of(running(), Outcome(status="failed", error=error), NOON)  # type: ignore[arg-type]
    assert ending.error is not None
    assert (ending.status, ending.error.code) == ("failed", "bad_result")


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 1), (2, 2), (3, 4), (8, 60)])
def test_a_failure_with_attempts_left_is_tried_later_and_later(attempt: int, seconds: int) -> None:
    task = running(attempt=attempt, max_attempts=9)
    ending = ending_of(task, Outcome(status="failed", error=BROKEN), NOON)
    assert (ending.status, ending.not_before) == ("queued", NOON + timedelta(seconds=seconds))


def test_refused_starts_use_up_no_attempts() -> None:
    task = running(attempt=6, refused=5, max_attempts=3)
    ending = ending_of(task, Outcome(status="failed", error=BROKEN), NOON)
    assert (ending.status, ending.not_before) == ("queued", NOON + timedelta(seconds=1))
    assert (
        ending_of_lost(running(idempotent=True, attempt=6, refused=5), NOON, "It vanished.").status
        == "queued"
    )


def test_a_stop_of_the_worker_is_not_the_task_s_fault() -> None:
    task = running(idempotent=True, attempt=7)
    ending = ending_of_lost(task, NOON, "The worker was stopped.", is_its_fault=False)
    assert ending.status == "queued"


def test_the_last_attempt_s_failure_is_final() -> None:
    task = running(attempt=3, max_attempts=3)
    ending = ending_of(task, Outcome(status="failed", error=BROKEN), NOON)
    assert ending.error is not None
    assert (ending.status, ending.error.message) == ("failed", "exited with 2")


def test_what_was_lost_and_may_be_repeated_starts_again_at_once() -> None:
    ending = ending_of_lost(running(idempotent=True), NOON, "It vanished.")
    assert (ending.status, ending.not_before) == ("queued", None)


def test_what_was_lost_and_may_not_be_repeated_says_so() -> None:
    ending = ending_of_lost(running(), NOON, "It vanished.")
    assert ending.error is not None
    assert (ending.status, ending.error.code) == ("failed", "lost")
    assert ending.error.message.startswith("It vanished.")


def test_the_third_loss_is_poison() -> None:
    ending = ending_of_lost(running(idempotent=True, attempt=3), NOON, "It vanished.")
    assert ending.error is not None
    assert (ending.status, ending.error.code) == ("failed", "poison")


def test_what_was_to_be_cancelled_and_was_lost_is_cancelled() -> None:
    task = running(idempotent=True, cancel_requested_at=NOON)
    assert ending_of_lost(task, NOON, "It vanished.").status == "cancelled"
