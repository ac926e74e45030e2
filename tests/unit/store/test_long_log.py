"""Somebody who does not stop reading: the log has a bound, and who it is has a name (D6)."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from tests.conftest import NOON, a_task
from tta_interactive.errors import StoreBusyError
from tta_interactive.store import Ending, Filter, SqliteStore, connection, locks
from tta_interactive.task import TaskStatus

READER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN")
db.execute("SELECT count(*) FROM tasks").fetchone()
print("reading", flush=True)
sys.stdin.read()
"""


@contextmanager
def a_reader(home: Path) -> Iterator[int]:
    """A process that stopped in the middle of reading, as under a debugger."""
    run = [sys.executable, "-c", READER, str(home / "tasks.db")]
    with subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.kill()


@pytest.fixture
def worker(store: SqliteStore, tmp_path: Path) -> Iterator[SqliteStore]:
    """The worker's store; all of the log is in the database."""
    made = SqliteStore(tmp_path / "s", of_worker=True)
    made.exchange([], 0, NOON)
    yield made
    made.close()


@pytest.fixture
def small_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MAX_WAL_BYTES", 256 * 1024)
    monkeypatch.setattr(connection, "LOCK_SECONDS", 0.3)


def log_bytes(home: Path) -> int:
    return (home / "tasks.db-wal").stat().st_size


def test_a_reader_that_does_not_stop_bounds_submits_and_is_named(
    store: SqliteStore, worker: SqliteStore, tmp_path: Path, small_log: None
) -> None:
    home, number = tmp_path / "s", 0
    with a_reader(home) as pid:
        assert locks.readers(home / "tasks.db") == {pid}

        def submit_for_ever() -> None:
            nonlocal number
            while number < 1000:
                number += 1
                store.add([a_task(id=f"t_b{number}")])
                worker.checkpoint()

        with pytest.raises(StoreBusyError, match=f"process {pid} does not stop reading"):
            submit_for_ever()
        assert log_bytes(home) < 256 * 1024 + 128 * 1024
        # What runs is recorded all the same, and everybody can look.
        (task,) = worker.exchange([], 1, NOON)
        ending = Ending(task_id=task.id, attempt=1, status=TaskStatus.COMPLETED)
        worker.exchange([ending], 0, NOON)
        assert store.get(task.id).status == "completed"
        assert len(store.find(Filter(limit=1000))) == number
    assert worker.checkpoint()
    assert log_bytes(home) == 0
    store.add([a_task(id="t_after")])


def test_an_emptied_log_whose_file_is_kept_is_written_over(
    store: SqliteStore,
    worker: SqliteStore,
    tmp_path: Path,
    a_store: Callable[[Path], SqliteStore],
) -> None:
    home = tmp_path / "s"
    for number in range(20):
        store.add([a_task(id=f"t_b{number}")])
    before = log_bytes(home)
    assert worker.checkpoint(keep_file=True)
    for number in range(10):
        store.add([a_task(id=f"t_c{number}")])
    assert log_bytes(home) == before > 0
    # A process that was killed now would leave this.
    shutil.copytree(home, tmp_path / "copy")
    assert a_store(tmp_path / "copy").find(Filter()) == store.find(Filter())


def test_a_long_log_that_nobody_reads_stops_no_submit(
    store: SqliteStore, tmp_path: Path, small_log: None
) -> None:
    # As while no worker can be started.
    for number in range(60):
        store.add([a_task(id=f"t_b{number}")])
    assert log_bytes(tmp_path / "s") > 256 * 1024


def test_a_submit_waits_for_a_reader_that_is_only_slow(
    store: SqliteStore, tmp_path: Path, small_log: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LOCK_SECONDS", 20.0)
    with a_reader(tmp_path / "s") as pid:
        number = 0
        while log_bytes(tmp_path / "s") <= 256 * 1024:
            number += 1
            store.add([a_task(id=f"t_b{number}")])
        threading.Timer(0.2, os.kill, (pid, signal.SIGKILL)).start()
        store.add([a_task(id="t_slow")])
        assert not locks.readers(tmp_path / "s" / "tasks.db")


def test_an_error_in_the_middle_of_reading_leaves_no_reader(
    store: SqliteStore, worker: SqliteStore, tmp_path: Path
) -> None:
    def interrupt(frame: FrameType, event: str, function: object) -> None:
        if event == "c_return" and getattr(function, "__name__", "") == "execute":
            sys.setprofile(None)
            raise KeyboardInterrupt

    for number in range(300):
        store.add([a_task(id=f"t_b{number}")])
    store.find(Filter())
    kept: BaseException | None = None
    try:
        sys.setprofile(interrupt)
        store.find(Filter(limit=300))
    except KeyboardInterrupt as error:
        kept = error  # a notebook keeps the last traceback, with all that its frames hold
    finally:
        sys.setprofile(None)
    assert kept is not None
    assert locks.readers(tmp_path / "s" / "tasks.db") == set()
    assert worker.checkpoint()
    assert log_bytes(tmp_path / "s") == 0


def test_a_half_read_answer_counts_as_a_reader(store: SqliteStore, tmp_path: Path) -> None:
    # Why the test above proves something.
    store.add([a_task(id=f"t_b{number}") for number in range(300)])
    db = sqlite3.connect(tmp_path / "s" / "tasks.db")
    half_read = db.execute("SELECT * FROM tasks")
    half_read.fetchone()
    assert locks.readers(tmp_path / "s" / "tasks.db") == {os.getpid()}
    half_read.close()
    db.close()
