"""Start, find and stop the detached worker of a store."""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from tta_interactive.errors import WorkerDiesError, WorkerError
from tta_interactive.worker import starts
from tta_interactive.worker.handover import FLAG
from tta_interactive.worker.lease import holder

LOG: Final = "worker.log"
MAX_LOG_BYTES: Final = 1024 * 1024
MOST_ON_THEIR_WAY: Final = 2
# What a worker may know of the process that happened to start it. Tasks get less.
KEPT: Final = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR",
    "VIRTUAL_ENV", "CONDA_PREFIX", "XDG_STATE_HOME", "TTA_SLOTS", "TTA_AGENT_SLOTS",
    "TTA_MIN_FREE_BYTES", "TTA_IDLE_EXIT", "TTA_MAX_LOG_BYTES", "TTA_MAX_VALUE_BYTES",
    "TTA_KEEP_DAYS", "TTA_PYNGUIN_PYTHON",
)  # fmt: skip


class _Detached(subprocess.Popen[bytes]):
    """A process that outlives this one on purpose: to forget it is no mistake to warn of."""

    def __del__(self) -> None:
        """Say nothing."""


# Workers that this process started: kept so that one that ended is reaped at the next start.
_started: list[tuple[Path, _Detached]] = []


def worker_command(home: Path) -> list[str]:
    """The command line that runs the worker of a store in the foreground."""
    return [sys.executable, "-P", "-m", "tta_interactive.worker", str(home)]


def worker_environment() -> dict[str, str]:
    """The variables that a worker starts with; it finds this very package."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[2])}


def worker_pid(home: Path) -> int | None:
    """The process id of the store's worker, or None."""
    return holder(home)


def ensure_worker(home: Path, *, insist: bool = False) -> None:
    """Start a worker unless one lives. Returns at once; two that race do no harm.

    Args:
        home: The store's directory.
        insist: Try now, however often it failed.

    Raises:
        WorkerError: No process can be started. What was submitted stays queued.
        WorkerDiesError: It dies at each start, and it is not yet time for the next one.
    """
    _started[:] = [(place, process) for place, process in _started if process.poll() is None]
    if holder(home) is not None:
        return
    # Two on their way are enough: one may be ending, the other takes over.
    if sum(place == home for place, _ in _started) >= MOST_ON_THEIR_WAY:
        return
    past = starts.look(home)
    if past.due_in > 0 and not insist:
        if past.are_hopeless:
            raise WorkerDiesError(starts.hopeless_words(home, home / LOG))
        return
    _start(home)


def replace_worker(home: Path) -> None:
    """Start a worker that takes over from an older one.

    Raises:
        WorkerError: No process can be started; the old one goes on.
    """
    if sum(place == home for place, _ in _started) < MOST_ON_THEIR_WAY:
        _start(home, FLAG)


def _start(home: Path, *flags: str) -> None:
    if not sys.executable:
        raise WorkerError(
            "No worker can be started: this Python does not know its own executable. "
            f"Run in a terminal: python -m tta_interactive.worker {home}"
        )
    try:
        log = _open_log(home)
        try:
            # A session of its own: a kernel's interrupt, restart and shutdown go to its
            # process group, which the worker is then no part of (measured).
            process = _Detached(
                [*worker_command(home), *flags],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=worker_environment(),
                start_new_session=True,
            )
            _started.append((home, process))
            starts.note(home, process.pid)
        finally:
            os.close(log)
    except OSError as error:
        raise WorkerError(
            f"No worker can be started ({error.strerror}). Your task is kept and stays queued. "
            f"Run in a terminal: {' '.join(worker_command(home))}"
        ) from None


def worker_trouble(home: Path) -> str:
    """Why no worker runs although it was tried, in words; empty: nothing is known to be wrong."""
    if holder(home) is not None or not starts.look(home).are_hopeless:
        return ""
    return starts.hopeless_words(home, home / LOG)


def stop_worker(home: Path, timeout: float = 10.0) -> bool:
    """End the store's worker and its running tasks; whether it is gone.

    One that another process has started, and that has no lease yet, ends as soon as it finds
    nothing to do.

    Args:
        home: The store's directory.
        timeout: Seconds to wait for the end.
    """
    try:
        return _stopped(home, timeout)
    finally:
        starts.note_stop(home)


def _stopped(home: Path, timeout: float) -> bool:
    for place, starting in _started:
        if place == home and starting.poll() is None and starting.pid != holder(home):
            starting.terminate()  # it has not even taken the lease
            starting.wait(timeout)
    pid = holder(home)
    if pid is None:
        return True
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        if holder(home) != pid:  # it ended in between and the number may be a stranger's
            return holder(home) is None
        signal.pidfd_send_signal(process, signal.SIGTERM)
        poll = select.poll()
        poll.register(process, select.POLLIN)
        return bool(poll.poll(timeout * 1000))
    finally:
        os.close(process)


def wait_for_worker(home: Path, timeout: float) -> int | None:
    """The worker's process id as soon as there is one; None after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while (pid := holder(home)) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return pid


def _open_log(home: Path) -> int:
    path = home / LOG
    flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(path, flags, 0o600)
    if os.fstat(fd).st_size > MAX_LOG_BYTES:
        os.ftruncate(fd, 0)
    return fd
