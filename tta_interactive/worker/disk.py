"""Is a task filling the disk? Looked at as rarely as the free space allows.

A full disk stops every task, and the store must still record how they ended. So what fills it
is stopped while there is a little left. A look is one statvfs(2) a place; the next one is due
when the space could be gone, were it written at full speed.
"""

import os
import time
from collections.abc import Mapping, Sequence
from typing import Final

FASTEST: Final = 2 << 30  # bytes a second: what a good disk of 2026 takes
SHORTEST, LONGEST = 0.1, 30.0  # seconds between two looks


class DiskWatch:
    """Watches the free space of the file systems of some places.

    Args:
        places: Directories.
        least: Bytes that must stay free; 0: nothing is watched. Where less was free at the
            start, half of that: a full disk is not the fault of who comes last.
    """

    def __init__(self, places: Sequence[str], least: int) -> None:
        self._limits: dict[str, int] = {}
        self.due = float("inf")
        if least:
            free = {place: _free(place) for place in places}
            self._limits = {p: least if left >= least else left // 2 for p, left in free.items()}
            self._plan(time.monotonic(), free)

    def is_low(self, now: float) -> bool:
        """Whether too little is left; sets when the next look is `due`."""
        return self._plan(now, {place: _free(place) for place in self._limits}) < 0

    def _plan(self, now: float, free: Mapping[str, int]) -> int:
        room = min(free[place] - limit for place, limit in self._limits.items())
        self.due = now + min(max(room / FASTEST, SHORTEST), LONGEST)
        return room


def _free(place: str) -> int:
    try:
        found = os.statvfs(place)
    except OSError:
        return 1 << 62  # gone: the task meets that itself
    return found.f_bavail * found.f_frsize
