"""The processes below this one: list them, signal them, kill them until none is left.

This process must be a child subreaper (prctl(2)): then whatever a task forks stays below
it, however often it forks, changes its session or closes its files.
"""

import ctypes
import os
import signal
import time
from collections.abc import Iterator

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


def signal_all(number: int, skip: int | None = None) -> list[int]:
    """Signal everything below this process and no stranger; whom it met, parents first.

    A number that was read from a list may be another process's a moment later. So each process
    is held first (pidfd_open(2)), then it is looked whose child it is, and the signal goes to
    what is held. What is below a parent that is gone by now, or deeper than there are
    descriptors, waits for another call: with its parents gone it is a child of this process.
    """
    # Killed first, a parent would leave its children to another call; stopped last, it forks.
    from_below = number == signal.SIGKILL
    found: list[int] = []
    path: list[tuple[int, int | None, Iterator[int]]] = [_level(os.getpid(), None)]
    try:
        while path:
            parent, held, rest = path[-1]
            pid = next(rest, None)
            if pid is None:
                path.pop()
                if held is not None:
                    if from_below and parent != skip:
                        _signal(held, number)
                    os.close(held)
                continue
            child = _hold(pid, parent, held)
            if child is None:
                continue
            path.append(_level(pid, child))
            if pid != skip:
                found.append(pid)
                if not from_below:
                    _signal(child, number)
    finally:
        for _, held, _ in path:
            if held is not None:
                os.close(held)
    return found


def _level(pid: int, held: int | None) -> tuple[int, int | None, Iterator[int]]:
    return pid, held, iter(children(pid))


def _hold(pid: int, parent: int, held: int | None) -> int | None:
    """A descriptor of the process, if it is a child of that parent; None if it is not.

    Args:
        held: The parent's descriptor; None: it is this process.
    """
    try:
        child = os.pidfd_open(pid)
    except OSError:
        return None
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name may hold anything, also brackets.
            is_child = int(file.read().rpartition(b")")[2].split()[1]) == parent
    except OSError:
        is_child = False
    # If the parent lives, its number was its own for as long as we looked.
    if is_child and (held is None or _signal(held, 0)):
        return child
    os.close(child)
    return None


def _signal(held: int, number: int) -> bool:
    """Signal what is held, if that is allowed; whether it is there."""
    try:
        signal.pidfd_send_signal(held, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's, such as `sudo`: what is below it may be ours again
    return True


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
    signal_all(signal.SIGTERM, skip)
    signal_all(signal.SIGCONT, skip)  # who is stopped hears the first only when it goes on


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
        signal_all(signal.SIGKILL)
        if reap(statuses):
            break
        time.sleep(pause)  # the kernel is taking them down
        pause = min(pause * 2, 0.02)
    return []


def _stop_all() -> None:
    """Freeze everything first: what is frozen cannot fork while the list is read."""
    stopped: set[int] = set()
    for _ in range(STOP_ROUNDS):
        found = signal_all(signal.SIGSTOP)
        if stopped.issuperset(found):
            return
        stopped.update(found)
