"""What the worker and the agents' server keep for themselves, and whom they listen to."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from attempt_tools import until

from tta_interactive import doorbell
from tta_interactive.store import SqliteStore
from tta_interactive.worker.start import wait_for_worker, worker_command, worker_environment

ROOT = Path(__file__).parents[3]
# Root may look into everything. All of these tests' processes go without the capabilities for
# that: nobody can look into a process that has more of them.
AS_A_TASK = (
    ["setpriv", "--bounding-set=-sys_ptrace,-perfmon,-sys_admin"] if os.geteuid() == 0 else []
)
STRANGER = 65534


def make_store(home: Path) -> None:
    """An empty one: a worker serves no directory without."""
    with closing(SqliteStore(home)) as store:
        store.last_event()


def can_read(path: str) -> bool:
    """Whether another process of the same user can read a file."""
    done = subprocess.run([*AS_A_TASK, "cat", path], capture_output=True, check=False)
    return done.returncode == 0 and bool(done.stdout)


def can_list(path: str) -> bool:
    command = [*AS_A_TASK, "ls", "-l", f"{path}/"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_task_cannot_read_the_memory_environment_or_files_of_the_worker(home: Path) -> None:
    make_store(home)
    environment = {**worker_environment(), "TTA_TEST_KEY": "hunter2"}
    with subprocess.Popen([*AS_A_TASK, *worker_command(home)], env=environment) as worker:
        try:
            assert wait_for_worker(home, 20) == worker.pid
            assert not can_read(f"/proc/{worker.pid}/environ")
            assert not can_read(f"/proc/{worker.pid}/maps")
            assert not can_list(f"/proc/{worker.pid}/fd")
            with subprocess.Popen([*AS_A_TASK, "sleep", "60"]) as other:  # so the test would see it
                until(lambda: can_read(f"/proc/{other.pid}/environ"))
                assert can_list(f"/proc/{other.pid}/fd")
                other.kill()
        finally:
            worker.terminate()


def test_a_task_cannot_read_the_keys_in_the_environment_of_the_agents_server(home: Path) -> None:
    command = [*AS_A_TASK, sys.executable, "-m", "mcp_server", "--root", str(ROOT)]
    command += ["--home", str(home)]
    environment = {**os.environ, "TTA_TEST_KEY": "hunter2"}
    pipe = subprocess.PIPE
    hello = (
        b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",'
        b'"capabilities":{},"clientInfo":{"name":"t","version":"1"}}}\n'
    )
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdin=pipe, stdout=pipe) as server:
        try:
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(hello)
            server.stdin.flush()
            assert b'"serverInfo"' in server.stdout.readline()
            assert not can_read(f"/proc/{server.pid}/environ")
        finally:
            server.terminate()


def as_stranger(act: Callable[[], None]) -> int:
    """Run a function in a child that is another user; its pid."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(STRANGER, STRANGER, STRANGER)
            os.setresuid(STRANGER, STRANGER, STRANGER)
            act()
        finally:
            os._exit(0)
    return pid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_stranger_who_squats_on_the_socket_is_not_spoken_to(tmp_path: Path) -> None:
    squatted = Path("/tmp") / f"tta-squat-{os.getpid()}"
    squatted.mkdir(mode=0o777)
    squatted.chmod(0o777)
    says, hears = os.pipe()

    def squat() -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(squatted / doorbell.SOCKET))
        os.chmod(squatted / doorbell.SOCKET, 0o777)
        listener.listen()
        os.write(hears, b"x")
        peer, _ = listener.accept()
        os.write(hears, peer.recv(100) or b"-")

    pid = as_stranger(squat)
    try:
        assert os.read(says, 1) == b"x"
        assert doorbell.connect(squatted) is None
        assert os.read(says, 100) == b"-"  # hung up on, without a word
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        (squatted / doorbell.SOCKET).unlink()
        squatted.rmdir()
        os.close(says)
        os.close(hears)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_worker_does_not_listen_to_a_stranger_and_its_directory_is_closed(home: Path) -> None:
    make_store(home)
    says, hears = os.pipe()

    def call() -> None:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(home / doorbell.SOCKET))
        except PermissionError:
            os.write(hears, b"closed")
            return
        os.write(hears, connection.recv(100) or b"-")

    with subprocess.Popen(worker_command(home), env=worker_environment()) as worker:
        try:
            until((home / doorbell.SOCKET).exists)
            home.parent.chmod(0o755)
            assert home.stat().st_mode & 0o777 == 0o700
            os.waitpid(as_stranger(call), 0)
            assert os.read(says, 100) == b"closed"
            # Even if somebody opens the place to all: the peer's user is looked at.
            home.chmod(0o755)
            (home / doorbell.SOCKET).chmod(0o777)
            os.waitpid(as_stranger(call), 0)
            assert os.read(says, 100) == b"-"
        finally:
            home.chmod(0o700)
            worker.terminate()
            os.close(says)
            os.close(hears)
