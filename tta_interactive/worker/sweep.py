"""The last resort: what is left of a task whose worker and shim were both killed.

Two marks tell a process of the task. Its environment names the task's id (128 random bits);
or it holds the attempt's lock, which every process of the task inherits. A process that has
neither, because it cleaned its environment and closed all its files, escapes: only a
namespace holds that one.
"""

import fcntl
import os
import signal
import time

from tta_interactive.worker.attempt import LOCK_FILE

SWEEP_SECONDS = 5.0
PAUSE = 0.005


def held(lock_path: str) -> bool:
    """Whether some process holds the lock: something of the attempt lives."""
    try:
        fd = os.open(lock_path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def sweep(directory: str, task_id: str, *, keep_lock: bool = False) -> list[int]:
    """Kill what is left of an attempt; at most 5 s.

    Args:
        directory: The attempt's.
        keep_lock: The caller holds the lock itself: it cannot tell the end.

    Returns:
        The processes that could not be killed; normally none.
    """
    lock_path = os.path.join(directory, LOCK_FILE)
    try:
        found = os.stat(lock_path, follow_symlinks=False)
        lock = (found.st_dev, found.st_ino)
    except OSError:
        lock = None
    mark = f"TTA_TASK_ID={task_id}".encode()
    end = time.monotonic() + SWEEP_SECONDS
    while True:
        left = _round(mark, lock)
        if not left and (keep_lock or not held(lock_path)):
            return []
        if time.monotonic() >= end:
            return left
        time.sleep(PAUSE)  # the kernel is taking them down


def _round(mark: bytes, lock: tuple[int, int] | None) -> list[int]:
    """Kill once whatever carries a mark. Returns what it found alive."""
    found: list[int] = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            # Opened first, looked at second: the signal then reaches the process that was seen,
            # and never another one that got its number.
            pidfd = os.pidfd_open(int(name))
        except OSError:
            continue
        try:
            if _is_alive(name) and (_carries(name, mark) or _holds(name, lock)):
                found.append(int(name))
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        except OSError:
            pass  # gone meanwhile, or somebody else's
        finally:
            os.close(pidfd)
    return found


def _is_alive(pid: str) -> bool:
    with open(f"/proc/{pid}/stat", "rb") as file:
        # The name may hold anything, also brackets: the state stands after the last one.
        state = file.read().rpartition(b")")[2].split()[0]
    return state not in (b"Z", b"X")


def _carries(pid: str, mark: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return mark in file.read().split(b"\0")
    except OSError:
        return False


def _holds(pid: str, lock: tuple[int, int] | None) -> bool:
    """Whether it has the lock, not merely the file: a backup program may read that."""
    if lock is None:
        return False
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found = os.stat(f"/proc/{pid}/fd/{fd}")
            if (found.st_dev, found.st_ino) != lock:
                continue
            with open(f"/proc/{pid}/fdinfo/{fd}", "rb") as file:
                if b"FLOCK" in file.read():
                    return True
        except OSError:
            continue
    return False
