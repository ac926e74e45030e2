"""Memory and processor time of all processes below this one, read from /proc ten times a second."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 1024**2
TICKS = os.sysconf("SC_CLK_TCK")
EVERY = 0.1


class Usage:
    """Use it as a context manager; afterwards it tells what was used.

    The usage that a parent is told of its children does not pass through bubblewrap. Pages that
    processes share are counted once for each. Of each process the last tenth of a second is missed.
    """

    def __init__(self) -> None:
        self.peak_mib = 0.0
        """The largest sum of memory that was seen."""
        self._ticks: dict[tuple[int, str], int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Usage":
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
            pids = _below(os.getpid())
            self.peak_mib = max(self.peak_mib, sum(map(_resident_mib, pids)))
            self._ticks.update(used for pid in pids for used in _ticks(pid))

    @property
    def cpu_seconds(self) -> float:
        """Processor time of this process and all below it."""
        return time.process_time() + sum(self._ticks.values()) / TICKS


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


def _ticks(pid: int) -> Iterator[tuple[tuple[int, str], int]]:
    """((process, when it began), ticks of the clock that it ran), if it is still there."""
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    if len(fields) > 19:
        yield (pid, fields[19]), int(fields[11]) + int(fields[12])


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it has ended
        return ""
