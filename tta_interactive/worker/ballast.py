"""Space kept in reserve, so that a full disk cannot stop endings from being recorded.

On a full disk SQLite can free nothing from inside: updates and checkpoints fail too. A file
that can be deleted gives both the room they need (measured: as much as the log has).
"""

import os
import time
from pathlib import Path
from typing import Final

NAME: Final = "ballast"
BYTES: Final = 16 * 1024 * 1024  # over twice the log's usual 4 MiB, with room for endings
RETRY_SECONDS: Final = 300.0


class Ballast:
    """The reserve of one store."""

    def __init__(self, home: Path) -> None:
        self._path = home / NAME
        self._wait_until = 0.0

    @property
    def is_there(self) -> bool:
        """Whether there is a reserve; else the disk is, or was lately, as good as full."""
        return self._path.exists()

    def drop(self) -> None:
        """Free the space; it is taken again when some minutes have passed."""
        self._path.unlink(missing_ok=True)
        self._wait_until = time.monotonic() + RETRY_SECONDS

    def restore(self) -> None:
        """Take the space, if there is twice as much."""
        if time.monotonic() < self._wait_until or self.is_there:
            return
        self._wait_until = time.monotonic() + RETRY_SECONDS
        facts = os.statvfs(self._path.parent)
        if facts.f_bavail * facts.f_frsize < 2 * BYTES:
            return
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            fd = os.open(self._path, flags, 0o600)
            try:
                os.posix_fallocate(fd, 0, BYTES)
            finally:
                os.close(fd)
        except OSError:
            self._path.unlink(missing_ok=True)
