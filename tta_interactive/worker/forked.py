"""A fork of the zygote that becomes a Python task, and ends as an interpreter would.

It needs no exec: the fork already has what it needs. Standard library only, and nothing is
imported later than needed: what this does is paid by every task.
"""

import atexit
import contextlib
import ctypes
import gc
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from typing import NoReturn

from tta_interactive.runners import child as runner
from tta_interactive.worker.attempt import AttemptSpec
from tta_interactive.worker.orders import io_directory

COOKIE = "TTA_TASK_ID"
COOKIE_BLANK = "t_" + 22 * "0"  # as long as every task id
OOM_SCORE = b"500"  # when memory runs out the kernel takes the task, not us


def environ_address() -> int:
    """Where the cookie's value stands in the block that /proc/PID/environ shows, or 0.

    A fork shows its parent's block. So the zygote is started with a blank cookie, and each
    forked task writes its own id over it: then a sweep finds it by its environment.
    """
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_void_p
    libc.getenv.argtypes = [ctypes.c_char_p]
    if os.environ.get(COOKIE) != COOKIE_BLANK:
        return 0
    return libc.getenv(COOKIE.encode()) or 0


def offer_to_oom_killer(pid: int) -> None:
    """When memory runs out, the kernel shall take this task and not us."""
    # Bare calls: a text file would look up a codec, and that costs each fork 200 page faults.
    with contextlib.suppress(OSError):  # it is gone already, or may not: a courtesy
        fd = os.open(f"/proc/{pid}/oom_score_adj", os.O_WRONLY)
        try:
            os.write(fd, OOM_SCORE)
        finally:
            os.close(fd)


def become(
    spec: AttemptSpec,
    orders: dict[str, object],
    output: int,
    inherited: Sequence[int],
    environment: Mapping[str, str],
    cookie: int,
) -> NoReturn:
    """Turn this fork into the task. Never returns: what stands above on the stack is not its."""
    code = 1
    try:
        os.setsid()
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        _close_others(inherited)
        if cookie and len(spec.task_id) == len(COOKIE_BLANK):
            ctypes.memmove(cookie, spec.task_id.encode("ascii"), len(COOKIE_BLANK))
        offer_to_oom_killer(os.getpid())
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
        os.chdir(spec.workspace)
        sys.argv = [""]
        # No `with`: they are the task's streams until its end.
        sys.stdin = sys.__stdin__ = open(0, closefd=False)  # noqa: SIM115
        sys.stdout = sys.__stdout__ = open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = sys.__stderr__ = open(2, "w", closefd=False)  # noqa: SIM115
        gc.enable()
        runner.prepare(orders)
        code = runner.main(orders, io_directory(spec))
        _leave(code)
    except BaseException as error:  # boundary: the end of this process
        os.write(2, f"The task's process could not be set up: {error!r}\n".encode())
    finally:
        os._exit(code)


def _close_others(kept: Sequence[int]) -> None:
    low = 3
    for fd in sorted(kept):
        os.closerange(low, fd)
        os.set_inheritable(fd, True)
        low = fd + 1
    os.closerange(low, max(low, os.sysconf("SC_OPEN_MAX")))


def _leave(code: int) -> None:
    """End this process as an interpreter would: threads, exit functions, streams."""
    try:
        threading = sys.modules.get("threading")
        if threading is not None:  # else there can be no other thread
            for thread in threading.enumerate():
                if thread is not threading.current_thread() and not thread.daemon:
                    thread.join()
        atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]  (no public way)
    except BaseException:  # boundary: the task's own exit functions
        code = code or 1
    runner.flush()
    os._exit(code)
