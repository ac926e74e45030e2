"""What an error of SQLite or of the system means for the store, in words.

A full disk has many faces: SQLITE_FULL for a page, SQLITE_IOERR_SHMSIZE for the index, and
SQLITE_IOERR_WRITE where it is the user's quota that is used up. As the system's own error is
not passed on, the disk is asked: a small file is written beside the database.
"""

import errno
import os
import sqlite3
import threading
from pathlib import Path
from typing import Final

from tta_interactive.errors import (
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    UnsafePlaceError,
)
from tta_interactive.store import locks
from tta_interactive.store.place import DATABASE

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_READ_ONLY: Final = (errno.EROFS, errno.EACCES, errno.EPERM)
_PROBE_BYTES: Final = 64 * 1024  # twice what the index grows by at once


def is_busy(error: sqlite3.OperationalError) -> bool:
    """Whether somebody else holds a lock: try again."""
    name = getattr(error, "sqlite_errorname", "")
    return name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL"))


def failed(home: Path, error: sqlite3.OperationalError) -> StoreError:
    """What SQLite's error means."""
    name = getattr(error, "sqlite_errorname", "")
    if is_busy(error):
        pid = locks.writer(home / DATABASE)
        holder = "" if pid is None else f" by process {pid}"
        return StoreBusyError(
            f"The task store was locked for a long time{holder}. Resume or end that process, "
            "then try again."
        )
    if name.startswith("SQLITE_FULL"):
        return full(home)
    if name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN")) and _is_full(home):
        return full(home)
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN")):
        return read_only(home, str(error))
    return StoreError(f"The task store {str(home / DATABASE)!r} failed: {error} ({name}).")


def unusable(home: Path, error: OSError) -> StoreError:
    """What a failed system call on a file of the store means."""
    if error.errno in _FULL:
        return full(home)
    words = error.strerror or str(error)
    if error.errno in _READ_ONLY:
        return read_only(home, words)
    return StoreError(
        f"The task store in {str(home)!r} cannot be used: {words}. "
        "`tta doctor` shows what is wrong with it."
    )


def full(home: Path) -> StoreFullError:
    """No room for what should be recorded."""
    return StoreFullError(
        f"The disk of {str(home)!r} is full, so nothing was recorded. Free some "
        "space and try again; `tta gc` removes finished tasks."
    )


def read_only(home: Path, why: str) -> UnsafePlaceError:
    """Not even a status can be read: SQLite writes beside the database to read it safely."""
    return UnsafePlaceError(
        f"The task store in {str(home)!r} cannot be written ({why}), so it cannot be used, not "
        "even to look. Make the directory writable for you, or set TTA_HOME to another one."
    )


def damaged(home: Path, error: sqlite3.DatabaseError) -> StoreDamagedError:
    """The database is not what it should be."""
    return StoreDamagedError(
        f"The task store {str(home / DATABASE)!r} cannot be read ({error}). The worker "
        "looks at it now: a damaged one is set aside in that directory, with what can be saved, "
        "and a new one is begun. Try again in some seconds; logs stay."
    )


def replaced(home: Path) -> StoreDamagedError:
    """Somebody took the files away under us."""
    return StoreDamagedError(
        f"The task store {str(home / DATABASE)!r} or its log was removed or replaced while it "
        "was in use. What was submitted a moment ago may be lost: look at `tta list`, and submit "
        "again what is missing."
    )


def _is_full(home: Path) -> bool:
    path = home / f"probe.{os.getpid()}.{threading.get_ident()}"
    try:
        fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            return os.write(fd, bytes(_PROBE_BYTES)) < _PROBE_BYTES
        finally:
            os.close(fd)
            os.unlink(path)
    except OSError as error:
        return error.errno in _FULL
