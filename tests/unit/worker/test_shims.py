"""A shim that serves again: each attempt as if it were the first, and none when in doubt."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attempt_tools import Attempt, Attempts, until

from tta_interactive.worker import secret_values, shims
from tta_interactive.worker.attempt import AttemptSpec
from tta_interactive.worker.shims import WaitingShims


@pytest.fixture
def waiting() -> Iterator[WaitingShims]:
    made = WaitingShims()
    yield made
    made.close()


def again(attempts: Attempts, waiting: WaitingShims, **facts: object) -> Attempt | None:
    """The next attempt, in a shim that waits, if one does."""
    directory = attempts.home / "attempts" / f"t_{len(attempts.made):022}.1"
    directory.mkdir()
    given: dict[str, object] = {
        "task_id": directory.name.partition(".")[0],
        "attempt": 1,
        "kind": "test",
        "workspace": str(attempts.workspace),
        "directory": str(directory),
        "state": str(attempts.home),
        "grace": 0.2,
        "argv": ("true",),
        **facts,
    }
    spec = AttemptSpec(**given)  # type: ignore[arg-type]
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        channel = waiting.give(spec, lock)
    finally:
        os.close(lock)
    if channel is None:
        return None
    attempts.made.append(Attempt(spec, channel))
    return attempts.made[-1]


def ended(attempt: Attempt) -> bool:
    """Whether its shim serves again."""
    return attempt.hears("finished")["again"]


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_one_shim_serves_many_attempts_and_keeps_nothing_of_them(
    attempts: Attempts, waiting: WaitingShims
) -> None:
    first = attempts.shell("sleep 0.3; echo one")
    shim = first.shim()
    assert ended(first)
    waiting.keep(first.channel)
    counts: list[int] = []
    for number in range(5):
        script = f"sleep 0.2; echo {number}; pwd; ulimit -n; [ ! -e /proc/$PPID/none ]"
        found = again(attempts, waiting, argv=("/bin/sh", "-c", script))
        assert found is not None
        assert found.shim() == shim
        counts.append(descriptors(shim))
        assert ended(found)
        assert found.log().startswith(f"{number}\n{attempts.workspace}\n".encode())
        waiting.keep(found.channel)
    assert counts == [counts[0]] * 5
    code = "import os; sorted(os.environ), os.getcwd(), len(os.listdir('/proc/self/fd'))"
    fresh = attempts.python(code).outcome()
    found = again(attempts, waiting, argv=None, child="python", payload={"code": code})
    assert found is not None
    assert found.outcome().result == fresh.result


def test_the_lock_is_free_when_the_end_is_told_and_taken_by_the_next_attempt(
    attempts: Attempts, waiting: WaitingShims
) -> None:
    first = attempts.shell("true")
    assert ended(first)
    with (first.directory / "lock").open() as free:  # as soon as the end is told
        fcntl.flock(free, fcntl.LOCK_EX | fcntl.LOCK_NB)
    waiting.keep(first.channel)
    found = again(attempts, waiting, argv=("sleep", "60"))
    assert found is not None
    found.pid()
    with (found.directory / "lock").open() as taken, pytest.raises(BlockingIOError):
        fcntl.flock(taken, fcntl.LOCK_EX | fcntl.LOCK_NB)
    found.cancel()
    assert found.outcome().status == "cancelled"


@pytest.mark.parametrize("how", ["cancel", "timeout"])
def test_a_shim_that_had_to_end_its_task_serves_no_other(attempts: Attempts, how: str) -> None:
    attempt = attempts.shell("sleep 60", timeout=0.3 if how == "timeout" else None)
    attempt.pid()
    if how == "cancel":
        attempt.cancel()
    assert not ended(attempt)
    attempt.channel.settimeout(20)
    assert attempt.channel.recv(1) == b""


def test_a_shim_that_had_secrets_serves_no_other(attempts: Attempts) -> None:
    task_id = "t_" + 22 * "s"
    secret_values.keep(attempts.home, task_id, {"TOKEN": "four words of it"})
    attempt = attempts.shell("echo $TOKEN", task_id=task_id, has_secrets=True)
    assert not ended(attempt)
    assert b"four" not in attempt.log()


def test_a_shim_whose_worker_is_gone_serves_no_other(attempts: Attempts) -> None:
    attempt = attempts.shell("sleep 0.3")
    shim = attempt.shim()
    assert ended(attempt)
    attempt.channel.close()
    until(lambda: not Path(f"/proc/{shim}").exists())


def test_a_shim_of_a_re_used_process_serves_no_other(attempts: Attempts) -> None:
    read, write = os.pipe()
    attempt = attempts.shell("true", inherit=1, extra_fds=(write,))
    os.close(write)
    os.close(read)
    assert not ended(attempt)


@pytest.mark.sandbox
def test_a_shim_whose_task_was_in_a_sandbox_serves_no_other(attempts: Attempts) -> None:
    assert not ended(attempts.shell("true", sandbox=3))


def test_a_waiting_shim_that_was_killed_is_not_given_an_attempt(
    attempts: Attempts, waiting: WaitingShims
) -> None:
    first = attempts.shell("sleep 0.2")
    shim = first.shim()
    assert ended(first)
    waiting.keep(first.channel)
    os.kill(shim, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{shim}").exists())
    assert again(attempts, waiting) is None


@pytest.mark.parametrize("facts", [{"has_secrets": True}, {"sandbox": 3}])
def test_a_task_with_secrets_or_in_a_sandbox_gets_a_fresh_shim(
    attempts: Attempts, waiting: WaitingShims, facts: dict[str, object]
) -> None:
    first = attempts.shell("true")
    assert ended(first)
    waiting.keep(first.channel)
    assert again(attempts, waiting, **facts) is None
    assert waiting.next_deadline is not None


def test_one_that_waits_for_long_is_let_go(
    attempts: Attempts, waiting: WaitingShims, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = attempts.shell("sleep 0.2")
    shim = first.shim()
    assert ended(first)
    waiting.keep(first.channel)
    waiting.let_go(time.monotonic())
    assert waiting.next_deadline is not None
    monkeypatch.setattr(shims, "IDLE_SECONDS", 0.0)
    waiting.let_go(time.monotonic())
    assert waiting.next_deadline is None
    until(lambda: not Path(f"/proc/{shim}").exists())
