"""Who is the worker: told by the kernel, not by a number in a file, and nobody else is hurt."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attempt_tools import until

from tta_interactive.worker.lease import LOCK, Lease, holder
from tta_interactive.worker.start import stop_worker

FORKS_AND_HOLDS = """
import os, sys
from pathlib import Path
from tta_interactive.worker.lease import Lease
assert Lease.take(Path(sys.argv[1])) is not None
child = os.fork()
if child == 0:
    os.read(0, 1)  # lives on with every descriptor of its parent, the lock's too
    os._exit(0)
print(child, flush=True)
os.read(0, 1)
"""


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process of the same user that has nothing to do with us."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


def test_a_forked_child_that_lives_on_does_not_keep_the_lease(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FORKS_AND_HOLDS, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as worker:  # type: ignore[call-overload]
        assert worker.stdout is not None
        child = int(worker.stdout.readline())
        assert holder(tmp_path) == worker.pid
        assert Lease.take(tmp_path) is None
        worker.kill()
        worker.wait()
        assert Path(f"/proc/{child}").exists()
        links = [os.readlink(f"/proc/{child}/fd/{n}") for n in os.listdir(f"/proc/{child}/fd")]
        assert str(tmp_path / LOCK) in links
        lease = until(lambda: Lease.take(tmp_path))
        lease.release()
    until(lambda: not Path(f"/proc/{child}").exists())


def test_a_process_number_in_the_lock_file_is_believed_by_nobody(
    tmp_path: Path, bystander: subprocess.Popen[bytes]
) -> None:
    # What a worker that died may have left; the number was given to a stranger since.
    (tmp_path / LOCK).write_text(f"{bystander.pid}\n")
    (tmp_path / "worker.pid").write_text(f"{bystander.pid}\n")
    assert holder(tmp_path) is None
    assert stop_worker(tmp_path)
    assert bystander.poll() is None


def test_who_merely_has_the_lock_file_open_is_no_worker(
    tmp_path: Path, bystander: subprocess.Popen[bytes]
) -> None:
    lease = Lease.take(tmp_path)
    assert lease is not None
    lease.release()
    with (tmp_path / LOCK).open("rb") as file:
        reader = subprocess.Popen(["sleep", "600"], pass_fds=[file.fileno()])
    try:
        assert holder(tmp_path) is None
        assert stop_worker(tmp_path)
        assert reader.poll() is None
    finally:
        reader.send_signal(signal.SIGKILL)
        reader.wait()
