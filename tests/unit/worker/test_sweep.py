"""Worker and shim killed at once: what is left is found and killed, and nobody else."""

import fcntl
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from attempt_tools import Attempt, Attempts, processes_with, until

from tta_interactive.worker.sweep import held, sweep


def orphan(attempt: Attempt) -> None:
    """Kill the shim and, for the shim, the worker too."""
    shim = attempt.shim()
    os.kill(shim, signal.SIGKILL)
    attempt.channel.close()
    until(lambda: not Path(f"/proc/{shim}").exists())


@pytest.mark.parametrize(
    "hiding",
    [
        "exec -a $M sleep 300",
        "trap '' TERM; exec -a $M sleep 300",
        'setsid bash -c "( exec -a $M sleep 300 ) & exit 0"',
        # no environment to tell it by: the lock does
        '( setsid env -i bash -c "( exec -a $M sleep 300 ) & exit 0" )',
        # no files of ours any more: the environment does
        '( for n in /proc/self/fd/*; do n=${n##*/}; [ $n -gt 2 ] && eval "exec $n>&-"; done; '
        "exec -a $M sleep 300 )",
    ],
)
def test_orphans_of_a_killed_shim_are_swept(attempts: Attempts, hiding: str):
    mark = f"ORPHAN{os.getpid()}"
    attempt = attempts.shell(f"M={mark}; export M; ( {hiding} ) & sleep 300")
    until(lambda: any(c.startswith(mark) for c in processes_with(mark).values()))
    orphan(attempt)
    assert processes_with(mark)
    started = time.monotonic()
    assert sweep(str(attempt.directory), attempt.spec.task_id) == []
    assert time.monotonic() - started < 5
    until(lambda: not processes_with(mark), 1)
    assert not held(str(attempt.directory / "lock"))


def test_a_python_task_in_a_fork_that_closed_its_files_is_swept(attempts: Attempts):
    attempt = attempts.python("import os, time\nos.closerange(3, 1000)\nprint('closed', flush=True)\n"
                              "time.sleep(300)")  # fmt: skip
    until(lambda: b"closed" in attempt.log())
    pid = attempt.pid()
    orphan(attempt)
    assert sweep(str(attempt.directory), attempt.spec.task_id) == []
    until(lambda: not Path(f"/proc/{pid}").exists(), 1)


def test_a_stranger_who_reads_the_lock_file_is_left_alone(tmp_path: Path):
    lock = tmp_path / "lock"
    lock.touch()
    with lock.open() as file, subprocess.Popen(["sleep", "300"], stdin=file) as reader:
        try:
            assert sweep(str(tmp_path), "t_" + "x" * 22) == []
            assert reader.poll() is None
        finally:
            reader.kill()


def test_another_task_is_left_alone(attempts: Attempts):
    other = attempts.shell("sleep 300")
    other.pid()
    one = attempts.shell("sleep 300")
    orphan(one)
    assert sweep(str(one.directory), one.spec.task_id) == []
    assert Path(f"/proc/{other.pid()}").exists()
    other.cancel()
    assert other.outcome().status == "cancelled"


def test_a_lock_is_held_as_long_as_somebody_has_it(tmp_path: Path):
    path = tmp_path / "lock"
    assert not held(str(path))
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    assert not held(str(path))
    fcntl.flock(fd, fcntl.LOCK_EX)
    assert held(str(path))
    os.close(fd)
    assert not held(str(path))


def test_a_sweep_of_nothing_is_quick(tmp_path: Path):
    assert sweep(str(tmp_path), "t_" + "y" * 22) == []
