"""An older worker makes room for a newer one; what it runs goes on.

a newer client meets the worker's version in the lock file, and starts its own worker
  --> that asks the old one over the doorbell's socket, and waits for the lease
  --> the old one claims nothing more, lets calls in its pool end, and goes
  --> the new one has the lease, and adopts the attempts
"""

import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tta_interactive import doorbell
from tta_interactive.version import __version__
from tta_interactive.worker.lease import Lease, served_version

FLAG: Final = "--take-over"
PATIENCE: Final = 30.0  # seconds that calls in the old worker's pool may take to end
PAUSE: Final = 0.02
_RELEASE: Final = re.compile(r"\d+(\.\d+)*")

log = logging.getLogger(__name__)


def is_older(version: str, than: str) -> bool:
    """Whether a version comes before another; what is no version is not older."""
    first, second = _key(version), _key(than)
    return first is not None and second is not None and first < second


def _key(version: str) -> tuple[tuple[int, ...], bool] | None:
    """The release's numbers, and whether it is the release itself and not one before it."""
    found = _RELEASE.match(version)
    if found is None:
        return None
    rest = version[found.end() :]
    return tuple(map(int, found[0].split("."))), not rest or rest[0] == "+" or ".post" in rest


def is_outdated(home: Path) -> bool:
    """Whether the store is served by a worker older than this release."""
    served = served_version(home)
    return served is not None and is_older(served, __version__)


class Follower:
    """The worker of a newer release, as the one sees it that it asks to go."""

    def __init__(self) -> None:
        self._until: float | None = None
        self._waits: Callable[[], bool] = lambda: False

    @property
    def is_due(self) -> bool:
        """Whether one came, and nothing new may be started."""
        return self._until is not None

    def came(self, version: str, waits: Callable[[], bool]) -> None:
        """Hear of it.

        Args:
            version: Its release; one that is not newer gets nothing.
            waits: Says whether it still waits.
        """
        if self._until is None and is_older(__version__, version):
            log.info("a worker of release %s takes over", version)
            self._until, self._waits = time.monotonic() + PATIENCE, waits

    def gives_up(self, now: float) -> bool:
        """Whether it left, or a call in the pool takes too long: then the old one goes on."""
        if self._until is None or (self._waits() and now <= self._until):
            return False
        log.info("nobody takes over, or a call takes too long: it goes on")
        self._until = None
        return True


def take_over(home: Path) -> Lease | None:
    """The lease that an older worker gives away; None: it does not, or another was quicker."""
    deadline = time.monotonic() + PATIENCE + 5.0
    connection = doorbell.connect(home)
    try:
        if connection is not None and is_outdated(home):
            connection.sendall(b"h %s\n" % __version__.encode())
        while (lease := Lease.take(home)) is None and time.monotonic() < deadline:
            if not is_outdated(home):
                return None
            time.sleep(PAUSE)  # the kernel tells nobody when such a lock becomes free
    except OSError:
        return None
    finally:
        # To its end: as long as it is open, the old one knows that somebody follows.
        if connection is not None:
            connection.close()
    return lease
