"""`tta worker`: the process that runs the tasks of this store."""

import argparse
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tta_interactive.cli.exits import Exit
from tta_interactive.cli.screen import Screen
from tta_interactive.core import Core
from tta_interactive.duration import span
from tta_interactive.errors import StoreError, WorkerError
from tta_interactive.settings import read_settings
from tta_interactive.task import TaskStatus
from tta_interactive.worker.start import (
    LOG,
    ensure_worker,
    stop_worker,
    wait_for_worker,
    worker_command,
    worker_environment,
    worker_pid,
    worker_trouble,
)

START_SECONDS: Final = 15.0  # a cold start takes about half a second; a busy machine longer


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What can be seen of a running worker from outside."""

    pid: int
    uptime_seconds: float | None
    memory_bytes: int | None
    threads: int | None


def worker(arguments: argparse.Namespace, screen: Screen) -> Exit:
    """`tta worker start|stop|status|run`"""
    home = Path(os.path.abspath(read_settings().home))
    if arguments.action == "run":
        return _run()
    if arguments.action == "start":
        _start(home)
    elif arguments.action == "stop":
        _stop(home, screen)
    pid = worker_pid(home)
    facts = None if pid is None else look_at(pid)
    if screen.is_json:
        found = {} if facts is None else asdict(facts)
        screen.json({"running": facts is not None, "home": str(home), **found})
    elif facts is None:
        screen.line(worker_trouble(home) or "No worker runs. The next submit starts one.")
    else:
        screen.line(worker_words(facts))
    return Exit.OK


def _start(home: Path) -> None:
    core = Core(home, owner="cli")
    core.counts()  # the store must be there, and be good
    core.close()
    ensure_worker(home, insist=True)
    if wait_for_worker(home, START_SECONDS) is None:
        raise WorkerError(
            worker_trouble(home) or f"The worker did not start. Its last words are in {home / LOG}."
        )


def _stop(home: Path, screen: Screen) -> None:
    if worker_pid(home) is None:
        return
    running = _running(home)
    if not stop_worker(home):
        raise WorkerError(
            f"The worker (process {worker_pid(home)}) is still ending its tasks. "
            "Ask again in a moment: tta worker status"
        )
    if running:
        words = "1 running task was" if running == 1 else f"{running} running tasks were"
        screen.note(f"{words} ended. What may be repeated starts again with the next worker.")


def _running(home: Path) -> int:
    """How many tasks a stop will end; 0 if the store does not tell."""
    core = Core(home, owner="cli")
    try:
        return core.counts()[TaskStatus.RUNNING]
    except StoreError:
        return 0  # the worker of a broken store must be stoppable too
    finally:
        core.close()


def _run() -> Exit:
    """Become the worker, in the foreground: for service managers and for debugging."""
    core = Core(owner="cli")
    core.counts()
    core.close()
    command = worker_command(core.home)
    os.execve(command[0], command, worker_environment())


def worker_words(facts: Facts) -> str:
    """The facts as a line for people."""
    parts = [f"The worker is process {facts.pid}"]
    if facts.uptime_seconds is not None:
        parts.append(f"up {span(facts.uptime_seconds)}")
    if facts.memory_bytes is not None:
        parts.append(f"{facts.memory_bytes / 2**20:.0f} MiB")
    return ", ".join(parts) + "."


def look_at(pid: int) -> Facts:
    """The facts of a process, as far as this system tells them.

    Source: proc(5): the fields of `stat` after the last ')' begin with field 3; 20 is the
    number of threads and 22 the start, in ticks since boot.
    """
    uptime = memory = threads = None
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        threads = int(fields[17])
        started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        uptime = max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
        memory = pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        pass  # it just ended, or this is no Linux
    return Facts(pid=pid, uptime_seconds=uptime, memory_bytes=memory, threads=threads)
