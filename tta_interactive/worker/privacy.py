"""Keep the user's other processes out of this one's memory and environment."""

import ctypes
import os
import sys
from typing import Final

PR_SET_DUMPABLE: Final = 4


def become_private() -> None:
    """From now on nothing of this process is for others: no core dump, no debugger, and
    /proc/PID/environ and /proc/PID/fd only for those who may trace everything.

    A task without a sandbox runs as the same user, who may otherwise read all of that. It ends
    with exec: what this process starts can be looked at, which is how a sweep finds a task.

    Source: PR_SET_DUMPABLE of prctl(2), ptrace(2).
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(
            ctypes.get_errno(), f"prctl(PR_SET_DUMPABLE): {os.strerror(ctypes.get_errno())}"
        )
