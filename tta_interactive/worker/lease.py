"""One worker a store, held by a kernel lock: no clock decides who is alive.

An fcntl lock, not flock: it ends with the process that took it, even when a forked child
lives on (measured). It is taken on a file of its own, `worker.lock`, which nothing else
opens: closing any second descriptor in the holder would drop it.
"""

import fcntl
import os
import struct
from pathlib import Path
from typing import Final, Self

from tta_interactive.errors import UnsafePlaceError
from tta_interactive.version import __version__

LOCK: Final = "worker.lock"
_FLAGS: Final = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
# struct flock of Linux on 64-bit machines: type, whence, start, length, pid (fcntl(2)).
_FLOCK: Final = struct.Struct("@hhqqi4x")


class Lease:
    """The right to be the worker of a store; ends with `release` or with the process."""

    def __init__(self, fd: int, home: Path) -> None:
        self._fd = fd
        self._home = home

    @classmethod
    def take(cls, home: Path) -> Self | None:
        """The lease, or None if another process holds it.

        Raises:
            UnsafePlaceError: The directory was removed, or its disk is full.
        """
        try:
            fd = os.open(home / LOCK, _FLAGS, 0o600)
        except OSError as error:
            raise UnsafePlaceError(
                f"{str(home / LOCK)!r} cannot be opened: {error.strerror}."
            ) from None
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            return None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{__version__}\n".encode(), 0)
        return cls(fd, home)

    def still_stands(self) -> bool:
        """Whether the lock file is still the one in the directory: it may be renamed away."""
        try:
            named = os.stat(self._home / LOCK)
        except OSError:
            return False
        mine = os.fstat(self._fd)
        return (named.st_dev, named.st_ino) == (mine.st_dev, mine.st_ino)

    def release(self) -> None:
        """Give the right away."""
        os.close(self._fd)


def served_version(home: Path) -> str | None:
    """The release of the store's worker; None if there is none. Not for the worker itself."""
    if holder(home) is None:
        return None
    try:
        fd = os.open(home / LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        return os.pread(fd, 100, 0).decode("ascii", "replace").strip()
    finally:
        os.close(fd)


def holder(home: Path) -> int | None:
    """The process id of the worker of a store; None if there is none. Changes nothing."""
    try:
        fd = os.open(home / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = _FLOCK.unpack(fcntl.fcntl(fd, fcntl.F_GETLK, asked))
    finally:
        os.close(fd)
    return None if kind == fcntl.F_UNLCK else pid
