"""A whole attempt inside of bubblewrap."""

import os
import signal
from pathlib import Path

import pytest
from attempt_tools import Attempts, processes_with, until
from test_shim_end import HOSTILE, KINDS

from tta_interactive import sandbox

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(
        sandbox.probe() < sandbox.NAMESPACES,
        reason=f"no sandbox here: {sandbox.describe()['reason']}",
    ),
]


def test_the_level_is_told_and_exit_codes_come_through(attempts: Attempts):
    attempt = attempts.shell("exit 5", sandbox=2)
    outcome = attempt.outcome()
    assert attempt.hears("started")["sandbox"] == sandbox.NAMESPACES
    assert (outcome.status, outcome.exit_code) == ("failed", 5)


def test_a_signal_inside_is_told(attempts: Attempts):
    outcome = attempts.shell("kill -9 $$", sandbox=3).outcome()
    assert (outcome.exit_code, outcome.signal) == (None, 9)


def test_a_command_that_is_not_inside_is_named(attempts: Attempts):
    outcome = attempts.start(argv=("no-such-command",), sandbox=3).outcome()
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert "'no-such-command'" in outcome.error["message"]


@pytest.mark.parametrize("child", ["python", "call"])
def test_a_python_task_returns_its_result(attempts: Attempts, child: str):
    (attempts.workspace / "mine.py").write_text("def f(): return 'inside'")
    payload = {"code": "import mine\nmine.f()"} if child == "python" else {"function": "mine:f"}
    outcome = attempts.start(child=child, payload=payload, sandbox=3).outcome()
    assert outcome.result == "inside", outcome


def test_progress_comes_out(attempts: Attempts):
    attempt = attempts.shell('echo \'{"fraction": 0.5, "message": "half"}\' >&$TTA_PROGRESS_FD',
                             sandbox=3)  # fmt: skip
    attempt.outcome()
    assert attempt.hears("progress")["fraction"] == 0.5


def test_the_attempt_itself_is_out_of_reach(attempts: Attempts):
    attempt = attempts.shell(
        f"ls -A {attempts.home}; ls -A $(dirname $TMPDIR); ls -l /proc/self/fd; touch $TMPDIR/mine",
        sandbox=3,
    )
    assert attempt.outcome().status == "completed"
    seen = attempt.log()
    for name in (b"lock", b"outcome", b"log", b"ctl.sock"):
        assert name not in seen
    assert (attempt.directory / "scratch" / "mine").exists()


@pytest.mark.parametrize("how", ["cancel", "timeout", "exit"])
def test_nothing_of_a_hostile_tree_survives(attempts: Attempts, how: str):
    mark = f"BT{os.getpid()}{how}"
    go = attempts.workspace / "go"
    then = f"while [ ! -e {go} ]; do sleep 0.02; done" if how == "exit" else "wait"
    timeout = 3.0 if how == "timeout" else None
    argv = ("/bin/bash", "-c", HOSTILE + then, "tree", mark)
    attempt = attempts.start(argv=argv, sandbox=3, timeout=timeout)
    until(lambda: sum(f"{mark}-" in c.split()[0] for c in processes_with(mark).values()) >= KINDS)
    if how == "cancel":
        attempt.cancel()
    elif how == "exit":
        go.touch()
    outcome = attempt.outcome()
    assert processes_with(mark) == {}
    assert outcome.survivors == ()
    expected = {"cancel": "cancelled", "timeout": "failed", "exit": "completed"}
    assert outcome.status == expected[how]


def test_a_contained_task_hears_the_polite_signal(attempts: Attempts):
    attempt = attempts.shell("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done",
                             sandbox=3, grace=10.0)  # fmt: skip
    until(lambda: b"up" in attempt.log())
    attempt.cancel()
    assert attempt.outcome().status == "cancelled"
    assert attempt.log().endswith(b"bye\n")


def test_the_kernel_ends_it_when_its_shim_is_killed(attempts: Attempts):
    mark = f"PNS{os.getpid()}"
    clean = f"( setsid env -i bash -c 'for n in 3 4 5 6 7 8 9; do eval \"exec $n>&-\"; done; exec -a {mark} sleep 300' & )"
    attempt = attempts.shell(f"{clean}; sleep 300", sandbox=3)
    until(lambda: processes_with(f"{mark}\0"))
    os.kill(attempt.shim(), signal.SIGKILL)
    until(lambda: not processes_with(f"{mark}\0"))
    assert not Path(f"/proc/{attempt.pid()}").exists()


def test_a_kind_that_contains_itself_is_not_wrapped_but_told_its_level(attempts: Attempts):
    outcome = attempts.start(
        child="python",
        payload={"code": "import os\nos.readlink('/proc/self/ns/pid')"},
        sandbox=3,
        contains_itself=True,
    ).outcome()
    assert outcome.result == os.readlink("/proc/self/ns/pid")


@pytest.mark.parametrize(("wanted", "got"), [(0, 1), (1, 3), (2, 3)])
def test_a_kind_that_contains_its_steps_gets_the_best_for_them_unless_told_to_do_without(
    attempts: Attempts, wanted: int, got: int
):
    attempt = attempts.start(
        child="python", payload={"code": "1"}, sandbox=wanted, contains_itself=True
    )
    assert attempt.hears("started")["sandbox"] == got
    assert attempt.outcome().result == 1
