"""The processes below this one: list them, signal them, kill them until none is left.

This process must be a child subreaper (prctl(2)): then whatever a task forks stays below
it, however often it forks, changes its session or closes its files.
"""

import contextlib
import ctypes
import os
import signal
import time

PR_SET_CHILD_SUBREAPER = 36
PR_SET_NAME = 15
WALL = 0x40000000  # __WALL of waitpid(2): also children made by clone without SIGCHLD
KILL_SECONDS = 5.0
STOP_ROUNDS = 20

_libc = ctypes.CDLL(None, use_errno=True)


def set_subreaper(on: bool) -> None:
    """Whether orphans below this process become its children. Not inherited by forks."""
    if _libc.prctl(PR_SET_CHILD_SUBREAPER, int(on), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")


def set_name(name: str) -> None:
    """What `ps` calls this process, at most 15 bytes."""
    _libc.prctl(PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def children(pid: int) -> list[int]:
    """The living and dead children of all threads of `pid`; empty if it is gone."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found.extend(map(int, file.read().split()))
    except OSError:
        pass
    return found


def descendants(pid: int) -> list[int]:
    """Everything below `pid`, parents first. Processes may come and go meanwhile."""
    found: dict[int, None] = {}
    waiting = [pid]
    while waiting:
        for child in children(waiting.pop()):
            if child not in found:
                found[child] = None
                waiting.append(child)
    return list(found)


def send(pids: list[int], number: int) -> None:
    """Signal each; those that are gone or not ours are left alone."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def reap(statuses: dict[int, int] | None = None) -> bool:
    """Bury dead children. Whether this process has no child left.

    Args:
        statuses: Gets the wait status of each buried child.
    """
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG | WALL)
        except ChildProcessError:
            return True
        if pid == 0:
            return False
        if statuses is not None:
            statuses[pid] = status


def ask_to_end(skip: int | None = None) -> None:
    """The polite signal to everything below this process.

    Args:
        skip: A process that must not get it: bubblewrap, whose end is the end of all in it.
    """
    pids = [pid for pid in descendants(os.getpid()) if pid != skip]
    send(pids, signal.SIGTERM)
    send(pids, signal.SIGCONT)  # a stopped process hears the first signal only when it goes on


def kill_all(statuses: dict[int, int] | None = None, seconds: float = KILL_SECONDS) -> list[int]:
    """Kill everything below this process.

    A subreaper without children has no descendants: that, told by waitpid(2), is the proof.

    Returns:
        The processes that are still there after `seconds`; normally none.
    """
    end = time.monotonic() + seconds
    pause = 0.0005
    while not reap(statuses):
        if time.monotonic() >= end:
            return descendants(os.getpid())
        _stop_all()
        send(descendants(os.getpid()), signal.SIGKILL)
        if reap(statuses):
            break
        time.sleep(pause)  # the kernel is taking them down
        pause = min(pause * 2, 0.02)
    return []


def _stop_all() -> None:
    """Freeze everything first: what is frozen cannot fork while the list is read."""
    stopped: set[int] = set()
    for _ in range(STOP_ROUNDS):
        new = [pid for pid in descendants(os.getpid()) if pid not in stopped]
        if not new:
            return
        send(new, signal.SIGSTOP)
        stopped.update(new)
