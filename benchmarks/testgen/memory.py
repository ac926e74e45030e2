"""The peak memory of all processes below this one, read from /proc ten times a second."""

import os
import threading
from pathlib import Path
from types import TracebackType

PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 1024**2
EVERY = 0.1


class PeakMemory:
    """Use it as a context manager; afterwards `peak_mib` is the largest sum that was seen.

    The usage that a parent is told of its children does not pass through bubblewrap. Pages that
    processes share are counted once for each.
    """

    def __init__(self) -> None:
        self.peak_mib = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(EVERY):
            self.peak_mib = max(self.peak_mib, sum(map(_resident_mib, _below(os.getpid()))))


def _below(pid: int) -> list[int]:
    """All descendants."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in _read(task).split():
            found += [int(child), *_below(int(child))]
    return found


def _resident_mib(pid: int) -> float:
    fields = _read(Path(f"/proc/{pid}/statm")).split()
    return int(fields[1]) * PAGE_MIB if fields else 0.0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it has ended
        return ""
