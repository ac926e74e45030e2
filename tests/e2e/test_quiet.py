"""Who waits costs nothing: counted in system calls, not in time."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.processes import until
from tta_interactive.blocking import BlockingEngine
from tta_interactive.worker.start import worker_pid

SECONDS = 3.0
LOOKS_A_SECOND = 4.0
WAITERS = Path(__file__).with_name("waiters.py")
pytestmark = pytest.mark.strace


def traced(pid: int, home: Path, seconds: float) -> list[str]:
    """The system calls of a process in a while, files named."""
    log = home.parent / f"strace.{pid}"
    tracer = subprocess.Popen(
        ["strace", "-f", "-y", "-qq", "-o", str(log), "-p", str(pid)], stderr=subprocess.DEVNULL
    )
    time.sleep(seconds)
    tracer.terminate()
    tracer.wait(10)
    return log.read_text().splitlines()


def looks(calls: list[str]) -> int:
    """How often somebody began to read the store: the shared lock on its index."""
    return sum("tasks.db-shm" in call and "F_RDLCK" in call for call in calls)


def table_reads(calls: list[str]) -> list[str]:
    """Reads of pages: from the database, or its log."""
    return [call for call in calls if re.search(r"pread64\(\d+<[^>]*tasks\.db(-wal)?>", call)]


# The worker is not dumpable: prctl(2).
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may trace the worker")
def test_an_idle_worker_looks_twice_a_second_and_reads_no_table(
    engine: BlockingEngine, home: Path
) -> None:
    engine.wait(engine.submit("shell", {"argv": ["true"]}), 20)
    pid = worker_pid(home) or 0
    # What the work left to do: the log is checkpointed at the next upkeep.
    database, wal = home / "tasks.db", home / "tasks.db-wal"
    until(lambda: database.stat().st_mtime > wal.stat().st_mtime, 15, "the checkpoint")
    time.sleep(0.6)
    calls = traced(pid, home, SECONDS)
    assert table_reads(calls) == []
    assert 0 < looks(calls) <= LOOKS_A_SECOND * SECONDS / 2 + 2


def test_a_hundred_waiters_look_four_times_a_second_and_read_no_table(
    engine: BlockingEngine, home: Path
) -> None:
    task_id = engine.submit("shell", {"argv": ["sleep", "600"]})
    until(lambda: engine.status(task_id).status == "running", what="it runs")
    waiters = subprocess.Popen(
        [sys.executable, str(WAITERS), str(home), task_id], stdout=subprocess.PIPE, text=True
    )
    try:
        assert waiters.stdout is not None
        assert waiters.stdout.readline() == "waiting\n"
        time.sleep(0.6)
        calls = traced(waiters.pid, home, SECONDS)
        assert table_reads(calls) == []
        assert 0 < looks(calls) <= LOOKS_A_SECOND * SECONDS + 2
        engine.cancel(task_id)
        assert waiters.stdout.readline() == "woken\n"
        assert waiters.wait(10) == 0
    finally:
        if waiters.poll() is None:
            os.kill(waiters.pid, 9)
            waiters.wait()
        waiters.stdout.close() if waiters.stdout else None
