"""An attempt is over when every process of it is gone, whatever those do."""

import os
import signal
import time
from pathlib import Path

import pytest
from attempt_tools import Attempts, processes_with, until

from tta_interactive.worker.adoption import adopt
from tta_interactive.worker.attempt import read_outcome
from tta_interactive.worker.sweep import held

# Six ways to hide from a kill; $1 is a mark to find them by.
HOSTILE = """
M=$1
( exec -a $M-plain sleep 300 ) &
( trap '' TERM; exec -a $M-ignores sleep 300 ) &
setsid bash -c "exec -a $M-setsid sleep 300" &
( setsid bash -c "( exec -a $M-daemon sleep 300 ) & exit 0" )
( setsid bash -c "cd /; ( exec </dev/null >/dev/null 2>&1; exec env -i bash -c 'exec -a $M-clean sleep 300' ) & exit 0" )
( exec -a $M-stopped bash -c 'kill -STOP $$; sleep 300' ) &
"""
KINDS = 6


def hostile(attempts: Attempts, mark: str, then: str, **facts: object):
    """Starts the tree; returns when all of it stands."""
    argv = ("/bin/bash", "-c", HOSTILE + then, "tree", mark)
    attempt = attempts.start(argv=argv, **facts)
    until(lambda: sum(f"{mark}-" in c.split()[0] for c in processes_with(mark).values()) >= KINDS)
    return attempt


@pytest.mark.parametrize("how", ["cancel", "timeout", "exit"])
def test_nothing_of_a_hostile_tree_survives(attempts: Attempts, how: str):
    mark = f"HT{os.getpid()}{how}"
    go = attempts.workspace / "go"
    then = f"while [ ! -e {go} ]; do read -t 0.02 < <(:); done; sleep 0.02"
    timeout = 3.0 if how == "timeout" else None
    attempt = hostile(attempts, mark, then if how == "exit" else "wait", timeout=timeout)
    started = time.monotonic()
    if how == "cancel":
        attempt.cancel()
    elif how == "exit":
        go.touch()
    outcome = attempt.outcome()
    assert processes_with(mark) == {}
    assert time.monotonic() - started < 5
    assert outcome.survivors == ()
    expected = {"cancel": "cancelled", "timeout": "failed", "exit": "completed"}
    assert outcome.status == expected[how]
    assert not held(str(attempt.directory / "lock"))


def test_a_task_hears_the_polite_signal_and_has_its_grace(attempts: Attempts):
    attempt = attempts.shell("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done",
                             grace=10.0)  # fmt: skip
    until(lambda: b"up" in attempt.log())
    attempt.cancel()
    assert attempt.outcome().status == "cancelled"
    assert attempt.log().endswith(b"bye\n")


def test_a_task_over_its_time_fails_and_says_so(attempts: Attempts):
    outcome = attempts.shell("sleep 60", timeout=0.1).outcome()
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert outcome.error["code"] == "timeout"
    assert "0.1 s" in outcome.error["message"]
    assert outcome.duration < 5


def test_the_exit_is_seen_although_a_grandchild_holds_the_pipes(attempts: Attempts):
    started = time.monotonic()
    outcome = attempts.shell("sleep 60 & echo hi").outcome()
    assert outcome.status == "completed"
    assert time.monotonic() - started < 5  # about 0.2 s; the grandchild holds them for 60


def test_what_a_filter_still_prints_after_the_exit_is_kept(attempts: Attempts):
    attempt = attempts.shell("exec > >(sleep 0.05; cat); echo late")
    assert attempt.outcome().status == "completed"
    assert attempt.log() == b"late\n"


def test_exit_codes_and_signals_are_told_apart(attempts: Attempts):
    exited = attempts.shell("exit 137").outcome()
    killed = attempts.shell("kill -9 $$").outcome()
    assert (exited.exit_code, exited.signal) == (137, None)
    assert (killed.exit_code, killed.signal) == (None, 9)
    assert killed.error is not None
    assert "signal 9 (SIGKILL), perhaps for want of memory" in killed.error["message"]


def test_a_task_that_stops_itself_ends_at_its_time_out(attempts: Attempts):
    attempt = attempts.shell("kill -STOP $$", timeout=0.3)
    assert attempt.outcome().error["code"] == "timeout"  # type: ignore[index]
    assert not os.path.exists(f"/proc/{attempt.pid()}")


def test_a_bounded_fork_bomb_is_ended(attempts: Attempts):
    mark = f"BOMB{os.getpid()}"
    bomb = (
        "import os, time\n"
        f"budget = '{attempts.workspace}/budget'\n"
        "def left():\n"
        "    fd = os.open(budget, os.O_WRONLY | os.O_APPEND | os.O_CREAT)\n"
        "    os.write(fd, b'x'); size = os.fstat(fd).st_size; os.close(fd)\n"
        "    return size < 150\n"
        "while True:\n"
        "    if left() and os.fork() == 0: continue\n"
        "    time.sleep(0.002)\n"
    )
    script = attempts.workspace / f"{mark}.py"
    script.write_text(bomb)
    attempt = attempts.start(argv=("python3", "-S", str(script)), grace=0.0)
    until(lambda: len(processes_with(mark)) >= 30)
    attempt.cancel()
    assert attempt.outcome().survivors == ()
    assert processes_with(mark) == {}


def test_a_task_goes_on_when_its_worker_dies_and_a_new_worker_adopts_it(attempts: Attempts):
    go, born = attempts.workspace / "go", attempts.workspace / "born"
    attempt = attempts.start(
        child="python",
        payload={
            "code": "import os, time\n"
            "from tta_interactive.progress import progress\n"
            "progress(0.5, 'half')\n"
            f"while not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
            "'done'\n"
        },
        successor=("/bin/sh", "-c", f"echo $TTA_TASK_ID >> {born}"),
    )
    attempt.hears("progress")
    first = attempt.pid()
    attempt.channel.close()
    channel = until(lambda: adopt(str(attempt.directory)))
    attempt.channel, attempt.messages = channel, []
    assert attempt.pid() == first
    assert attempt.hears("progress")["message"] == "half"
    until(born.exists)
    go.touch()
    assert attempt.outcome().result == "done"
    assert born.read_text() == "\n"  # started once, and not as part of the task


def test_an_adopted_task_can_be_cancelled(attempts: Attempts):
    attempt = attempts.shell("sleep 300")
    attempt.pid()
    attempt.channel.close()
    attempt.channel = until(lambda: adopt(str(attempt.directory)))
    attempt.messages = []
    attempt.cancel()
    assert attempt.outcome().status == "cancelled"


def test_the_outcome_is_on_disk_when_nobody_listens(attempts: Attempts):
    attempt = attempts.shell("sleep 0.1; exit 3")
    attempt.pid()
    attempt.channel.close()
    outcome = until(lambda: read_outcome(str(attempt.directory)))
    assert (outcome.status, outcome.exit_code) == ("failed", 3)
    assert (attempt.directory / "outcome.json").stat().st_mode & 0o777 == 0o600
    until(lambda: not held(str(attempt.directory / "lock")))
    assert adopt(str(attempt.directory)) is None


def test_a_successor_survives_the_end_of_the_task_that_started_it(attempts: Attempts):
    mark = f"SUCC{os.getpid()}"
    attempt = attempts.shell("sleep 0.3", successor=("/bin/bash", "-c", f"exec -a {mark} sleep 30"))
    attempt.pid()
    attempt.channel.close()
    try:
        until(lambda: read_outcome(str(attempt.directory)))
        until(lambda: not held(str(attempt.directory / "lock")))
        assert len(processes_with(mark)) == 1
    finally:
        for pid in processes_with(mark):
            os.kill(pid, signal.SIGKILL)


def test_a_pooled_process_dies_with_its_worker(attempts: Attempts):
    read, write = os.pipe()
    mark = f"POOL{os.getpid()}"
    attempt = attempts.shell(f"exec -a {mark} sleep 300", inherit=1, extra_fds=(read,))
    os.close(read)
    until(lambda: processes_with(mark))
    attempt.channel.close()
    until(lambda: not processes_with(mark))
    assert read_outcome(str(attempt.directory)) is None
    os.close(write)


def test_extra_descriptors_reach_the_task(attempts: Attempts):
    read, write = os.pipe()
    attempt = attempts.shell("echo over here >&$TTA_FDS", inherit=1, extra_fds=(write,))
    os.close(write)
    assert attempt.outcome().status == "completed"
    assert Path(f"/proc/self/fd/{read}").exists()
    assert os.read(read, 100) == b"over here\n"
    os.close(read)


def test_time_outs_count_a_clock_that_stands_still_while_the_machine_sleeps():
    # CLOCK_MONOTONIC: no suspend is in it (CLOCK_BOOTTIME has that), and nobody can set it.
    assert "CLOCK_MONOTONIC" in time.get_clock_info("monotonic").implementation
    assert not time.get_clock_info("monotonic").adjustable


def test_a_task_that_ended_while_its_shim_was_stopped_did_not_run_for_too_long(
    attempts: Attempts,
):
    go = attempts.workspace / "go"
    script = f"while [ ! -e {go} ]; do read -t 0.02 < <(:); done; true"
    attempt = attempts.shell(script, timeout=3.0)
    task, shim = attempt.pid(), attempt.shim()
    late = time.monotonic() + 3.2
    os.kill(shim, signal.SIGSTOP)
    go.touch()
    try:
        until(lambda: Path(f"/proc/{task}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
        until(lambda: time.monotonic() > late)
    finally:
        os.kill(shim, signal.SIGCONT)
    outcome = attempt.outcome()
    assert (outcome.status, outcome.error) == ("completed", None)
