"""A new worker, started by a shim whose worker died."""

import os
import signal
from collections.abc import Sequence

from tta_interactive.worker import tree

OURS = ("TTA_TASK_ID", "TTA_ATTEMPT", "TTA_PROGRESS_FD", "TTA_FDS")


def start_successor(argv: Sequence[str]) -> None:
    """Start `argv` as nobody's child, in a session of its own, with no descriptor of ours.

    It must not be below this process, which kills and awaits everything below it. So for the
    two forks of a daemon this process is no subreaper; the caller must sweep once afterwards,
    because an orphan of the task that comes up in that moment is not ours either.
    """
    tree.set_subreaper(False)
    try:
        middle = os.fork()
        if middle == 0:
            try:
                _daemon(argv)
            finally:
                os._exit(0)
        os.waitpid(middle, 0)
    except OSError:
        pass  # no process left: a client will start a worker
    finally:
        tree.set_subreaper(True)


def _daemon(argv: Sequence[str]) -> None:
    os.setsid()
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    environment = {k: v for k, v in os.environ.items() if k not in OURS}
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    if os.fork() == 0:
        os.setsid()
        os.execvpe(argv[0], list(argv), environment)
