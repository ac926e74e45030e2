"""A state directory that comes from a backup, or is a copy: nothing in it is believed alive (D16)."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import is_alive, marked, start_no_worker, until
from tta_interactive.blocking import BlockingEngine
from tta_interactive.worker.start import stop_worker, worker_pid


@pytest.fixture
def copy(home: Path) -> Iterator[Path]:
    """Where the copy goes; its worker is gone afterwards."""
    path = home.with_name("copy")
    yield path
    if path.is_dir():
        assert stop_worker(path, timeout=15)


def copied(home: Path, to: Path) -> None:
    """As a backup program does it, while everything runs; sockets are left out."""
    shutil.copytree(home, to, ignore=lambda folder, names: [
        name for name in names if (Path(folder) / name).is_socket()
    ])  # fmt: skip


@pytest.mark.parametrize("repeatable", [False, True])
def test_what_ran_when_the_backup_was_made_is_lost_or_repeated_and_never_adopted(
    home: Path, copy: Path, tmp_path: Path, repeatable: bool
) -> None:
    mark = f"ttarestored-{os.getpid()}-{repeatable}"
    starts = tmp_path / "starts"
    script = f"echo $TTA_ATTEMPT >> {starts}; exec -a {mark} sleep $((TTA_ATTEMPT == 1 ? 60 : 0))"
    argv = ["bash", "-c", script]
    with BlockingEngine(home) as original:
        task_id = original.submit("shell", {"argv": argv}, idempotent=repeatable)
        until(lambda: bool(marked(mark)), what="it runs")
        (pid,) = marked(mark)
        copied(home, copy)
        with BlockingEngine(copy) as restored:
            task = restored.wait(task_id, 20)
            if repeatable:
                assert (task.status, task.attempt) == ("completed", 2)
            else:
                assert (task.status, task.error and task.error.code) == ("failed", "lost")
        # The original's process is a stranger's to the copy.
        assert is_alive(pid)
        assert original.status(task_id).status == "running"
        original.cancel(task_id)
        assert original.wait(task_id, 10).status == "cancelled"
    assert starts.read_text().split() == (["1", "2"] if repeatable else ["1"])


def test_the_pool_of_the_original_is_left_alone(home: Path, copy: Path) -> None:
    with BlockingEngine(home) as original:
        # It says its own process, and stays for the next call.
        first = original.wait(original.submit("call", {"function": "os:getpid"}), 20).result
        copied(home, copy)
        with BlockingEngine(copy) as restored:
            other = restored.wait(restored.submit("call", {"function": "os:getpid"}), 20).result
        assert other != first
        assert original.wait(original.submit("call", {"function": "os:getpid"}), 20).result == first


def test_directories_of_attempts_that_the_database_knows_nothing_of_are_not_believed(
    home: Path,
) -> None:
    with BlockingEngine(home) as engine:
        start_no_worker(engine)
        # Each kills its shim, so that nothing but what lies there could tell how it ended.
        task_id = engine.submit("shell", {"script": "kill -9 $PPID; sleep 60"})
    assert worker_pid(home) is None
    # The database came from a backup; the task was tried since then, and it went well.
    later = home / "attempts" / f"{task_id}.1"
    later.mkdir(mode=0o700)
    (later / "log").write_text("of another life\n")
    (later / "outcome.json").write_text('{"status": "completed", "result": "of another life"}')
    with BlockingEngine(home) as engine:
        task = engine.wait(task_id, 20)
        assert (task.status, task.error and task.error.code) == ("failed", "lost")
        assert engine.logs(task_id) == ""
