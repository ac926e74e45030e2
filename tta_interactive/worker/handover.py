"""An older worker makes room for a newer one; what it runs goes on.

a newer client meets the worker's version in the lock file, and starts its own worker
  --> that asks the old one over the doorbell's socket, and waits for the lease
  --> the old one claims nothing more, lets calls in its pool end, and goes
  --> the new one has the lease, and adopts the attempts
"""

import re
import time
from pathlib import Path
from typing import Final

from tta_interactive import doorbell
from tta_interactive.version import __version__
from tta_interactive.worker.lease import Lease, served_version

FLAG: Final = "--take-over"
PATIENCE: Final = 30.0  # seconds that calls in the old worker's pool may take to end
PAUSE: Final = 0.02
_RELEASE: Final = re.compile(r"\d+(\.\d+)*")


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
