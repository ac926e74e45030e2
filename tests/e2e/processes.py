"""Looking at the machine's processes in tests, without trusting what is tested."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from tta_interactive.blocking import BlockingEngine
from tta_interactive.worker.start import worker_pid


def until(holds: Callable[[], bool], seconds: float = 10.0, what: str = "") -> None:
    """Wait until a condition holds; fail after a bound."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what or holds}"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether the process runs: a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def marked(mark: str) -> list[int]:
    """The living processes with `mark` in their command line, ours excepted."""
    found: list[int] = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = " ".join(process.info["cmdline"] or ())
        alive = process.info["status"] != psutil.STATUS_ZOMBIE
        if mark in line and alive and process.pid != os.getpid():
            found.append(process.pid)
    return found


def of_store(home: Path) -> list[int]:
    """Every living process that belongs to the store: worker, zygote, shims, tasks."""
    found: list[int] = []
    needle = os.fsencode(str(home))
    for process in psutil.process_iter(["pid", "status"]):
        if process.pid == os.getpid() or process.info["status"] == psutil.STATUS_ZOMBIE:
            continue
        proc = Path(f"/proc/{process.pid}")
        facts = _content(proc / "cmdline") + _content(proc / "environ")
        if needle in facts or any(link.startswith(needle) for link in _open_files(proc)):
            found.append(process.pid)
    return found


def start_no_worker(engine: BlockingEngine) -> None:
    """What is submitted from now on wakes nobody, and waits for a worker."""
    core: Any = engine._core  # pyright: ignore[reportPrivateUsage]
    core.watcher.ring = lambda: None


def at_work(home: Path) -> list[int]:
    """The store's processes without those that serve the next task too.

    These are the worker, its zygote, and shims that wait: they have no process below them.
    """
    found: list[int] = []
    for pid in of_store(home):
        try:
            process = psutil.Process(pid)
            waits = process.name() == "tta-shim" and not process.children()
            if not (waits or process.name() == "tta-zygote" or pid == worker_pid(home)):
                found.append(pid)
        except psutil.NoSuchProcess:
            continue
    return found


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # it just ended, or is the worker: nobody may look into that


def _open_files(proc: Path) -> list[bytes]:
    try:
        return [_target(f"{proc}/fd/{number}") for number in os.listdir(proc / "fd")]
    except OSError:
        return []


def _target(link: str) -> bytes:
    try:
        return os.fsencode(os.readlink(link))
    except OSError:
        return b""  # closed meanwhile


def shim_of(pid: int) -> int:
    """The shim above a task's process."""
    process: psutil.Process | None = psutil.Process(pid)
    while process is not None and process.name() != "tta-shim":
        process = process.parent()
    assert process is not None, "no shim above it"
    return process.pid
