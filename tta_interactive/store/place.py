"""Whether a directory can keep a store's promises; and making one that can.

Refused: another owner, writable by others, a symbolic link, a file system on which locks or
shared memory do not reach every process (network and FUSE mounts: two paths to one file lose
updates silently, measured).

Nothing here ever opens the database's files: closing a second descriptor of an SQLite file
drops the locks of the first (howtocorrupt.html, section 2.2).
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tta_interactive.errors import UnsafePlaceError

DATABASE: Final = "tasks.db"
DATABASE_FILES: Final = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm")
FOLDERS: Final = ("attempts", "blobs", "cache", "pool")

# Where locks and shared memory do not reach every process that sees the file.
REFUSED_FILE_SYSTEMS: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "vboxsf"}
)


def prepare(home: Path, *, make: bool = True) -> None:
    """Make the directory, or check the one that stands; mend modes that are only too open.

    Args:
        home: The state directory.
        make: Whether it is made where there is none, and no store yet. The worker never does:
            it may be starting while its store is being removed.

    Raises:
        UnsafePlaceError: The place cannot be used; the sentence says what to do.
        OSError: The disk is full.
    """
    if not make and not (home / DATABASE).exists():
        raise UnsafePlaceError(f"There is no task store in {str(home)!r}: nothing to serve.")
    try:
        if make and not home.exists():
            _make(home)
        found = problem(home)  # before anything is written into it
        if found:
            raise UnsafePlaceError(found)
        mode = stat.S_IMODE(home.lstat().st_mode)
        if mode & 0o077:
            home.chmod(mode & 0o700)  # read-only stays so: somebody wanted it
        for folder in FOLDERS:
            (home / folder).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise  # the caller says it
        raise UnsafePlaceError(
            f"The state directory {str(home)!r} cannot be made: {error.strerror}. "
            "Set TTA_HOME to a directory that you may write."
        ) from None
    for name in DATABASE_FILES:
        path = home / name
        if path.exists() and stat.S_IMODE(path.lstat().st_mode) & 0o077:
            path.chmod(0o600)


@contextmanager
def init_lock(home: Path) -> Iterator[None]:
    """Nobody else makes, migrates or sets aside the database of the store meanwhile."""
    flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    lock = os.open(home / "init.lock", flags, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _make(home: Path) -> None:
    """Make the directory so that a power cut cannot take its name away again."""
    made = [path for path in (home, *home.parents) if not path.exists()]
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in made:
        sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Wait until the names in a directory are on the disk: fsync(2) of a file is not enough."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def problem(home: Path) -> str:
    """Why the place cannot be used, as a sentence; empty if it can. Changes nothing."""
    try:
        facts = home.lstat()
    except OSError as error:
        return f"The state directory {str(home)!r} cannot be read: {error.strerror}."
    advice = "Set TTA_HOME to a private directory on a local disk."
    if stat.S_ISLNK(facts.st_mode):
        return f"The state directory {str(home)!r} is a symbolic link. {advice}"
    if not stat.S_ISDIR(facts.st_mode):
        return f"The state directory {str(home)!r} is no directory. {advice}"
    if facts.st_uid != os.geteuid():
        return (
            f"The state directory {str(home)!r} belongs to user {facts.st_uid}, and this process "
            f"runs as user {os.geteuid()}. Run as its owner, or set TTA_HOME to a directory "
            "of your own."
        )
    if facts.st_mode & 0o022:
        return (
            f"The state directory {str(home)!r} may be written by others "
            f"(mode {stat.S_IMODE(facts.st_mode):04o}). Run: chmod 700 {home}"
        )
    kind = file_system(home)
    if kind in REFUSED_FILE_SYSTEMS or kind.startswith("fuse"):
        return (
            f"The state directory {str(home)!r} is on a {kind!r} file system, where locks do not "
            f"reach every process. {advice}"
        )
    return _database_problem(home)


def _database_problem(home: Path) -> str:
    for name in DATABASE_FILES:
        path = home / name
        try:
            facts = path.lstat()
        except FileNotFoundError:
            continue
        except OSError as error:
            return f"{str(path)!r} cannot be examined: {error.strerror}."
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
            return (
                f"{str(path)!r} is a link or no regular file, so another path may lead to it. "
                "Move it away and look who put it there."
            )
        if facts.st_uid != os.geteuid():
            return f"{str(path)!r} belongs to user {facts.st_uid}. Run as its owner."
    return ""


def file_system(path: Path, mounts: str | None = None) -> str:
    """The type of the file system that holds `path`, such as `ext4`; empty if not known.

    Source: /proc/self/mountinfo, proc(5): the fields behind ' - ' begin with the type.
    """
    if mounts is None:
        try:
            mounts = Path("/proc/self/mountinfo").read_text("utf-8", "replace")
        except OSError:
            return ""
    target = os.path.realpath(path)
    best, kind = "", ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        point = _unescaped(fields[4])
        inside = target.startswith(point.rstrip("/") + "/") or target == point
        if inside and len(point) >= len(best):
            best, kind = point, right.split(" ", 1)[0]
    return kind


def _unescaped(field: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field
