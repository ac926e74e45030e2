"""The real worker as a process: what it survives, and what it never leaves behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.processes import is_alive, marked, of_store, shim_of, start_no_worker, until
from tests.e2e.tta_command import TTA, surroundings
from tta_interactive.blocking import BlockingEngine
from tta_interactive.task import TaskStatus
from tta_interactive.worker.start import (
    ensure_worker,
    stop_worker,
    wait_for_worker,
    worker_command,
    worker_environment,
    worker_pid,
)

R = TaskStatus.RUNNING


def sleeper(engine: BlockingEngine, mark: str, seconds: float = 60, **options: object) -> str:
    """A running task that sleeps under a name of its own, then says so."""
    script = f"exec -a {mark} sleep {seconds}; echo never"
    argv = ["bash", "-c", f"( {script} ) ; echo woke"]
    task_id = engine.submit("shell", {"argv": argv}, **options)
    until(lambda: bool(marked(mark)), what=f"{mark} runs")
    return task_id


@pytest.fixture
def mark(request: pytest.FixtureRequest) -> str:
    """A name for the processes of this test."""
    return f"ttatest-{os.getpid()}-{abs(hash(request.node.name)) % 10**8}"


def test_submit_starts_a_detached_worker_and_the_result_comes_back(
    engine: BlockingEngine, home: Path
) -> None:
    task = engine.wait(engine.submit("shell", {"argv": ["echo", "hi"]}), 20)
    assert (task.status, task.result) == ("completed", {"exit_code": 0})
    assert engine.logs(task.id) == "hi\n"
    pid = worker_pid(home)
    assert pid is not None
    assert os.getsid(pid) != os.getsid(0)
    assert os.getpgid(pid) != os.getpgid(0)


def test_a_task_goes_on_when_the_worker_is_killed_and_ends_once(
    engine: BlockingEngine, home: Path, mark: str
) -> None:
    task_id = sleeper(engine, mark, 3)
    first = worker_pid(home)
    assert first is not None
    os.kill(first, signal.SIGKILL)
    killed = time.monotonic()
    until(lambda: worker_pid(home) not in (None, first), 2.0, "another worker took over")
    assert time.monotonic() - killed < 2.0
    task = engine.wait(task_id, 20)
    assert (task.status, task.attempt) == ("completed", 1)
    assert engine.logs(task_id) == "woke\n"
    moves = [e.status for e in engine._core.store.events_after(0) if e.kind == "moved"]  # pyright: ignore[reportPrivateUsage]
    assert moves == ["queued", "running", "completed"]


def test_cancel_reaches_a_task_that_outlived_its_worker(
    engine: BlockingEngine, home: Path, mark: str
) -> None:
    task_id = sleeper(engine, mark)
    os.kill(worker_pid(home) or 0, signal.SIGKILL)
    engine.cancel(task_id)
    assert engine.wait(task_id, 10).status == "cancelled"
    assert marked(mark) == []


@pytest.mark.parametrize("repeatable", [False, True])
def test_worker_and_shim_killed_at_once_leave_no_process_and_no_lie(
    engine: BlockingEngine, home: Path, mark: str, repeatable: bool
) -> None:
    task_id = sleeper(engine, mark, idempotent=repeatable)
    (victim,) = marked(mark)[:1]
    shim, worker = shim_of(victim), worker_pid(home)
    os.kill(worker or 0, signal.SIGKILL)
    os.kill(shim, signal.SIGKILL)
    if not repeatable:
        task = engine.wait(task_id, 10)
        assert (task.status, task.error and task.error.code) == ("failed", "lost")
        assert marked(mark) == []
    else:
        until(lambda: engine.status(task_id).attempt == 2, 10, "a second attempt")
        until(lambda: bool(marked(mark)), 5, "it runs again")
        assert victim not in marked(mark)
        engine.cancel(task_id)
        assert engine.wait(task_id, 10).status == "cancelled"


def test_a_task_that_kills_its_shim_three_times_is_poison(engine: BlockingEngine) -> None:
    # The shim is the parent of the task's process.
    task_id = engine.submit("shell", {"script": "kill -9 $PPID; sleep 60"}, idempotent=True)
    task = engine.wait(task_id, 20)
    assert (task.status, task.attempt) == ("failed", 3)
    assert task.error is not None
    assert task.error.code == "poison"


def test_a_second_worker_ends_quietly(engine: BlockingEngine, home: Path) -> None:
    engine.wait(engine.submit("shell", {"argv": ["true"]}), 20)
    first = worker_pid(home)
    env = worker_environment()
    others = [subprocess.Popen(worker_command(home), env=env) for _ in range(5)]
    assert [other.wait(20) for other in others] == [0] * 5
    assert worker_pid(home) == first


def test_an_idle_worker_ends_and_the_next_submit_starts_another(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTA_IDLE_EXIT", "0.3")
    with BlockingEngine(home) as engine:
        for _ in range(2):
            task = engine.wait(engine.submit("shell", {"argv": ["true"]}), 20)
            assert task.status == "completed"
            until(lambda: worker_pid(home) is None, 5, "the idle worker ended")


def test_submits_that_race_with_an_ending_worker_are_all_served(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTA_IDLE_EXIT", "0")
    with BlockingEngine(home) as engine:
        for _ in range(15):
            task_id = engine.submit("shell", {"argv": ["true"]})
            assert engine.wait(task_id, 10).status == "completed"


def test_a_frozen_worker_keeps_its_right_and_nothing_starts_twice(
    engine: BlockingEngine, home: Path, mark: str
) -> None:
    task_id = sleeper(engine, mark, 1)
    worker = worker_pid(home) or 0
    os.kill(worker, signal.SIGSTOP)
    try:
        ensure_worker(home)
        assert engine.wait(task_id, 2).status == R
        assert worker_pid(home) == worker
    finally:
        os.kill(worker, signal.SIGCONT)
    task = engine.wait(task_id, 10)
    assert (task.status, task.attempt) == ("completed", 1)


def test_a_stopped_worker_ends_its_tasks_and_says_so(
    engine: BlockingEngine, home: Path, mark: str
) -> None:
    lost = sleeper(engine, mark)
    assert stop_worker(home)
    assert marked(mark) == []
    task = engine.status(lost)
    assert (task.status, task.error and task.error.code) == ("failed", "lost")
    assert task.error is not None
    assert "The worker was stopped." in task.error.message
    until(lambda: of_store(home) == [], 5, "no process of the store is left")


def test_tasks_submitted_without_a_worker_wait_for_one(home: Path) -> None:
    with BlockingEngine(home) as engine:
        start_no_worker(engine)
        task_id = engine.submit("shell", {"argv": ["true"]})
        assert engine.status(task_id).status == "queued"
    assert worker_pid(home) is None
    ensure_worker(home)
    assert wait_for_worker(home, 10) is not None
    with BlockingEngine(home) as engine:
        assert engine.wait(task_id, 10).status == "completed"


def test_a_failing_worker_does_not_stop_a_submit(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "")
    with BlockingEngine(home) as engine:
        task_id = engine.submit("shell", {"argv": ["true"]})
        assert engine.status(task_id).status == "queued"
        assert "No worker can be started" in engine.worker_problem


def test_a_worker_whose_directory_is_taken_away_ends_with_its_tasks(
    engine: BlockingEngine, home: Path, mark: str
) -> None:
    sleeper(engine, mark)
    worker = worker_pid(home) or 0
    moved = home.with_name("moved")
    home.rename(moved)
    try:
        until(lambda: not is_alive(worker), 20, "the worker ended")
        assert marked(mark) == []
    finally:
        engine.close()
        moved.rename(home)


def test_a_task_makes_files_with_the_submitter_s_umask(home: Path, tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        with BlockingEngine(home) as engine:
            argv = ["touch", str(tmp_path / "made")]
            assert engine.wait(engine.submit("shell", {"argv": argv}), 20).status == "completed"
    finally:
        os.umask(old)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("kind", ["shell", "python"])
def test_a_task_ignores_no_signal_that_whoever_started_the_worker_ignored(
    home: Path, kind: str
) -> None:
    """As `nohup` and a shell's `&` do."""
    ignored = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM)
    look = "import re\nint(re.search('SigIgn:(.*)', open('/proc/self/status').read())[1], 16)"
    words = {"shell": ["--", "grep", "SigIgn:", "/proc/self/status"], "python": ["--", look]}
    submitted = subprocess.run(
        [*TTA, "submit", kind, *words[kind]],
        env=surroundings(home),
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: [signal.signal(number, signal.SIG_IGN) for number in ignored] and None,
    )
    with BlockingEngine(home) as engine:
        task = engine.wait(submitted.stdout.strip(), 20)
        found = engine.logs(task.id).split(":")[1] if kind == "shell" else f"{task.result:x}"
    still = [number.name for number in ignored if int(found, 16) >> (number - 1) & 1]
    assert still == []


def test_files_are_private_from_the_first_byte(home: Path) -> None:
    old = os.umask(0)
    try:
        with BlockingEngine(home) as engine:
            engine.wait(engine.submit("shell", {"argv": ["echo", "x"]}), 20)
            modes = {p: p.lstat().st_mode & 0o777 for p in [home, *home.rglob("*")]}
    finally:
        os.umask(old)
    assert {path for path, mode in modes.items() if mode & 0o077} == set()


def test_a_worker_can_be_stopped_before_it_has_begun(home: Path) -> None:
    for _ in range(5):
        with BlockingEngine(home) as engine:
            engine.submit("shell", {"argv": ["true"]})
        assert stop_worker(home)
        assert of_store(home) == []


def test_a_lost_file_of_the_store_fails_its_task_and_no_other(
    engine: BlockingEngine, home: Path
) -> None:
    start_no_worker(engine)
    large = engine.submit("shell", {"argv": ["echo", "x" * 100_000]})
    small = engine.submit("shell", {"argv": ["true"]})
    (home / "blobs" / f"{large}.body").unlink()
    ensure_worker(home)
    assert engine.wait(small, 20).status == "completed"
    task = engine.wait(large, 20)
    assert task.error is not None
    assert (task.status, task.error.code) == ("failed", "invalid")
    assert "cannot be read" in task.error.message


def test_what_a_task_puts_in_its_directory_does_not_stop_the_worker(
    engine: BlockingEngine, home: Path
) -> None:
    script = 'cd "$TMPDIR/.." && mkdir ctl.sock && mkdir outcome.json; true'
    first = engine.wait(engine.submit("shell", {"script": script}), 20)
    worker = worker_pid(home)
    assert engine.wait(engine.submit("shell", {"argv": ["true"]}), 20).status == "completed"
    assert worker_pid(home) == worker
    assert first.is_final


def test_a_stop_in_the_moment_of_a_start_ends_that_too(home: Path) -> None:
    for _ in range(4):
        with BlockingEngine(home) as engine:
            engine.wait(engine.submit("shell", {"argv": ["true"]}), 20)
            engine.submit("shell", {"argv": ["sleep", "60"]})
            begin = time.monotonic()
            assert stop_worker(home)
            assert time.monotonic() - begin < 6
        until(lambda: of_store(home) == [], 5, "nothing of the store is left")


def test_a_task_that_is_due_does_not_make_a_busy_worker_spin(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTA_SLOTS", "1")
    with BlockingEngine(home) as engine:
        engine.submit("shell", {"argv": ["sleep", "60"]})
        until(lambda: engine.counts()["running"] == 1, what="the slot is taken")
        due = engine.submit("shell", {"argv": ["true"]}, not_before=datetime.now(UTC))
        schedule = Path(f"/proc/{worker_pid(home)}/schedstat")
        before = int(schedule.read_text().split()[0])
        time.sleep(1.5)
        assert int(schedule.read_text().split()[0]) - before < 0.5e9
        assert engine.status(due).status == "queued"


def test_a_burst_of_first_submits_starts_no_crowd_of_workers(engine: BlockingEngine) -> None:
    from tta_interactive.worker import start

    begin = len(start._started)  # pyright: ignore[reportPrivateUsage]
    ids = [engine.submit("shell", {"argv": ["true"]}) for _ in range(30)]
    assert len(start._started) - begin <= 2  # pyright: ignore[reportPrivateUsage]
    assert {task.status for task in engine.wait_all(ids, 30)} == {"completed"}


def test_a_result_that_the_worker_never_heard_of_is_taken_in_by_the_next(
    engine: BlockingEngine, home: Path, mark: str
) -> None:
    task_id = sleeper(engine, mark, 0.5)
    worker = worker_pid(home) or 0
    os.kill(worker, signal.SIGSTOP)
    outcome = home / "attempts" / f"{task_id}.1" / "outcome.json"
    until(outcome.exists, what="the shim has written the outcome")
    assert engine.status(task_id).status == R
    os.kill(worker, signal.SIGKILL)
    task = engine.wait(task_id, 20)
    assert (task.status, task.attempt, task.result) == ("completed", 1, {"exit_code": 0})
    until(lambda: not outcome.exists(), 5, "what was taken in is removed")


def test_a_worker_makes_no_store_where_one_was_removed(home: Path) -> None:
    def end_of_worker() -> int:
        return subprocess.run(
            worker_command(home), env=worker_environment(), stderr=subprocess.PIPE, check=False
        ).returncode

    assert end_of_worker() == 1
    assert not home.exists()
    home.mkdir(mode=0o700)  # being removed: the files went first
    assert end_of_worker() == 1
    assert list(home.iterdir()) == []


def test_a_store_that_is_removed_while_its_worker_starts_stays_removed(home: Path) -> None:
    for is_late in (False, True):
        with BlockingEngine(home) as engine:
            start_no_worker(engine)
            engine.submit("shell", {"argv": ["true"]})
        worker = subprocess.Popen(
            worker_command(home), env=worker_environment(), stderr=subprocess.DEVNULL
        )
        if is_late:
            until((home / "worker.lock").exists, what="the worker has begun")
        shutil.rmtree(home, ignore_errors=True)
        assert worker.wait(20) in {0, 1}
        shutil.rmtree(home, ignore_errors=True)
