"""A worker that dies at each start: tried three times, told in words, taken back when mended."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.mcp_wire import Server
from tests.e2e.processes import until
from tests.e2e.tta_command import run
from tta_interactive.blocking import BlockingEngine
from tta_interactive.errors import WorkerDiesError
from tta_interactive.worker import starts
from tta_interactive.worker.start import (
    ensure_worker,
    stop_worker,
    wait_for_worker,
    worker_command,
    worker_environment,
    worker_pid,
)

PYTHON = sys.executable
WORDS = "ImportError: pydantic_core of another release"


@pytest.fixture
def broken(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An interpreter that starts and dies, as one with a broken package does."""
    place = home.parent / "python"
    place.write_text(f"#!/bin/sh\necho '{WORDS}' >&2\nexit 1\n")
    place.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(place))
    yield place
    shutil.rmtree(home / starts.FOLDER, ignore_errors=True)


def given_up(home: Path) -> None:
    """Have a worker be tried three times, without the pauses of those who wait for one."""

    def tried() -> bool:
        try:
            ensure_worker(home)
        except WorkerDiesError:
            return True
        return False

    home.mkdir(mode=0o700, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(starts, "PAUSES", (0.0, 0.0, 0.0, starts.PAUSES[-1]))
        until(tried, 20, "three starts failed")


def test_who_waits_is_told_after_three_tries_and_the_task_is_kept(home: Path, broken: Path) -> None:
    with BlockingEngine(home) as engine:
        task_id = engine.submit("shell", {"argv": ["true"]})
        with pytest.raises(WorkerDiesError, match="died at each of its last starts") as caught:
            engine.wait(task_id)  # without a time-out: it would hang
        assert WORDS in str(caught.value)
        assert "tta worker start" in str(caught.value)
        assert starts.look(home).failed == starts.TRIES
        assert engine.status(task_id).status == "queued"
        assert WORDS in engine.worker_problem


def test_it_goes_on_when_it_is_mended(
    home: Path, broken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with BlockingEngine(home) as engine:
        task_id = engine.submit("shell", {"argv": ["true"]})
        with pytest.raises(WorkerDiesError):
            engine.wait(task_id)
        monkeypatch.undo()
        ensure_worker(home, insist=True)
        assert wait_for_worker(home, 20) is not None
        until(lambda: engine.status(task_id).is_final, 20)
        assert engine.wait(task_id, 20).status == "completed"
        assert engine.worker_problem == ""
        assert starts.look(home).failed == 0


def test_it_is_tried_again_now_and_then_without_anybody_s_help(
    home: Path, broken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up(home)
    monkeypatch.undo()
    with BlockingEngine(home) as engine:
        task_id = engine.submit("shell", {"argv": ["true"]})
        with pytest.raises(WorkerDiesError):
            ensure_worker(home)  # not yet
        assert 0 < starts.look(home).due_in <= starts.PAUSES[-1] <= 10
        monkeypatch.setattr(starts, "PAUSES", (0.0, 0.0, 0.0, 0.0))  # the pause is over
        # A user who looks again and again.
        until(lambda: engine.status(task_id).is_final, 30, "it was tried again")
        assert engine.status(task_id).status == "completed"


def test_many_clients_do_not_start_it_more_often(home: Path, broken: Path) -> None:
    given_up(home)
    for _ in range(20):
        with pytest.raises(WorkerDiesError):
            ensure_worker(home)
    assert starts.look(home).failed == starts.TRIES


@pytest.mark.parametrize(
    "words", [["status"], ["doctor"], ["worker", "status"], ["submit", "shell", "--", "true"]]
)
def test_the_command_says_it(home: Path, broken: Path, words: list[str]) -> None:
    given_up(home)
    with BlockingEngine(home) as engine:
        engine.submit("shell", {"argv": ["true"]})
    done = run(home, *words)
    assert WORDS in " ".join((done.stdout + done.stderr).split())


def test_an_agent_is_told_and_not_left_waiting(home: Path, broken: Path, tmp_path: Path) -> None:
    executable, sys.executable = sys.executable, PYTHON
    server = Server(home, tmp_path, "--allow", "shell").start()
    sys.executable = executable
    try:
        given_up(home)
        arguments = {"kind": "shell", "params": {"argv": ["true"]}}
        submitted = server.call("tta_submit", arguments)["structuredContent"]
        waited = server.call("tta_wait", {"task_ids": [submitted["task_id"]]})
        looked = server.call("tta_status", {"task_id": submitted["task_id"]})
        for answer in (submitted, waited["structuredContent"], looked["structuredContent"]):
            assert WORDS in answer["next_action"]
            assert "tell the user" in answer["next_action"]
        assert not waited["structuredContent"]["done"]
        assert WORDS in waited["content"][0]["text"]
        assert WORDS in looked["content"][0]["text"]
    finally:
        server.end()


def test_a_worker_that_died_before_it_could_be_noted_counts_too(home: Path) -> None:
    home.mkdir(mode=0o700)
    with subprocess.Popen(["false"]) as dead:
        stat = Path(f"/proc/{dead.pid}/stat")
        until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "Z", 20, "it is dead")
        starts.note(home, dead.pid)
        assert starts.look(home).failed == 1


def test_a_worker_that_gets_as_far_as_the_store_and_fails_counts_too(home: Path) -> None:
    home.mkdir(mode=0o700)
    (home / "tasks.db").write_bytes(b"no database at all" * 1000)
    (home / "tasks.db").chmod(0o600)
    given_up(home)
    with pytest.raises(WorkerDiesError, match=r"tasks\.db"):
        ensure_worker(home)


def test_a_worker_that_somebody_kills_is_no_worker_that_dies(home: Path) -> None:
    with BlockingEngine(home) as engine:
        engine.counts()  # makes the store
        for _ in range(starts.TRIES + 1):
            ensure_worker(home)
            assert wait_for_worker(home, 20) is not None
            until(lambda: not starts.look(home).on_their_way, 20, "it has said that it began")
            os.kill(worker_pid(home) or 0, signal.SIGKILL)
            until(lambda: worker_pid(home) is None)
        assert engine.wait(engine.submit("shell", {"argv": ["true"]}), 20).status == "completed"


def test_a_number_that_became_a_stranger_s_is_a_failed_start_and_left_alone(home: Path) -> None:
    home.mkdir(mode=0o700)
    (home / starts.FOLDER).mkdir()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        for ticks, said in ((1, boot), (2, boot), (3, "another-boot")):
            (home / starts.FOLDER / f"{stranger.pid}.{ticks}").write_text(f"{said} 1.0\n")
        assert starts.look(home) == starts.Starts(on_their_way=0, failed=2, due_in=0.0)
        starts.note(home, stranger.pid)
        assert starts.look(home).on_their_way == 1
        with BlockingEngine(home) as engine:
            assert engine.wait(engine.submit("shell", {"argv": ["true"]}), 20).is_final
        assert os.listdir(home / starts.FOLDER) == []
        assert stranger.poll() is None
        assert worker_pid(home) != stranger.pid
        stranger.kill()


@pytest.fixture
def late(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that somebody started and that has not come far, as on a busy machine."""
    with BlockingEngine(home) as engine:
        engine.list()
    process = subprocess.Popen(worker_command(home), env=worker_environment())
    process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    until(lambda: time.monotonic() > began + 0.03, 5, "the system's clock has ticked")
    yield process
    process.kill()
    process.wait()


def test_a_worker_that_comes_after_it_was_stopped_goes_at_once(
    home: Path, late: subprocess.Popen[bytes]
) -> None:
    assert stop_worker(home)
    late.send_signal(signal.SIGCONT)
    assert late.wait(20) == 0


def test_a_worker_that_comes_late_does_what_was_submitted_since(
    home: Path, late: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stop_worker(home)
    monkeypatch.setattr(sys, "executable", "")  # nobody else can start one
    with BlockingEngine(home) as engine:
        task_id = engine.submit("shell", {"argv": ["true"]})
        late.send_signal(signal.SIGCONT)
        assert engine.wait(task_id, timeout=30).status == "completed"
    assert late.wait(20) == 0


def test_a_worker_that_begins_after_a_stop_stays(home: Path) -> None:
    with BlockingEngine(home) as engine:
        assert engine.wait(engine.submit("shell", {"argv": ["true"]})).status == "completed"
        assert stop_worker(home)
        assert engine.wait(engine.submit("shell", {"argv": ["true"]})).status == "completed"
        pid = worker_pid(home)
        assert engine.wait(engine.submit("shell", {"argv": ["true"]})).status == "completed"
        assert worker_pid(home) == pid is not None
