"""Two SQLite connections of one process, one to read and one to write, and their rules.

- Commits are `synchronous=FULL`: what was acknowledged survives a power cut.
- A write is BEGIN IMMEDIATE, a look at the schema version, the work, COMMIT. Who finds the
  lock taken tries again every 0.5 to 3 ms: SQLite's own handler starves (17.9 s against
  0.45 s for the worst of 100 transactions, measured) and cannot be interrupted.
- A reader never waits for a writer; that is why there are two.
- A forked child never touches its parent's connections: it opens its own.
- Only the worker checkpoints (SQLite 3.7.0 to 3.51.2 can damage a file when two do at once:
  https://www.sqlite.org/wal.html#walresetbug).
"""

import errno
import fcntl
import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

from tta_interactive.errors import (
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreVersionError,
    UnsafePlaceError,
)
from tta_interactive.store.migrate import check_version, migrate, newest
from tta_interactive.store.place import DATABASE, prepare

T = TypeVar("T")

LOCK_SECONDS: Final = 5.0
MAX_WAL_BYTES: Final = 64 * 1024 * 1024
# Connections of a parent process, kept so that no destructor closes them in a child.
_inherited: list[sqlite3.Connection] = []


class Connections:
    """The connections of this process to one store."""

    def __init__(self, home: Path, *, of_worker: bool = False) -> None:
        """Nothing is opened yet.

        Args:
            home: The store's directory.
            of_worker: Whether they are the worker's: they checkpoint, and make no store.
        """
        self.home = home
        self.path = home / DATABASE
        self._of_worker = of_worker
        self._start_over()

    def _start_over(self) -> None:
        self._pid = os.getpid()
        self._reader: sqlite3.Connection | None = None
        self._writer: sqlite3.Connection | None = None
        self._reading = threading.RLock()
        self._writing = threading.RLock()

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the reading connection. It must leave no cursor half read."""
        self._check_process()
        with self._reading:
            db = self._reader = self._reader or self._translated(self._open)
            return self._translated(lambda: work(db))

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one durable transaction; it may be run again if the lock is taken."""
        self._check_process()
        with self._writing:
            db = self._writer = self._writer or self._translated(self._open)
            return self._translated(lambda: self._transaction(db, work))

    def checkpoint(self) -> bool:
        """Move the log into the database file; whether all of it went. Only for the worker."""
        self._check_process()
        with self._writing:
            if self._writer is None:
                return True
            db = self._writer
            # It answers busy=1 in its row and raises nothing.
            row = self._translated(lambda: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone())
            return row[0] == 0

    def close(self) -> None:
        """Close both; the next call opens them again."""
        self._check_process()
        with self._reading, self._writing:
            for db in (self._reader, self._writer):
                if db is not None:
                    db.close()
            self._reader = self._writer = None

    def _check_process(self) -> None:
        if self._pid != os.getpid():
            _inherited.extend(db for db in (self._reader, self._writer) if db is not None)
            self._start_over()

    def _transaction(self, db: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                try:
                    db.execute("BEGIN IMMEDIATE")
                    if db.execute("PRAGMA user_version").fetchone()[0] != newest():
                        check_version(db)
                        raise StoreVersionError(
                            "The task store was changed by another release. Restart this process."
                        )
                    done = work(db)
                    db.execute("COMMIT")
                except BaseException:  # also Ctrl-C: leave no transaction behind
                    if db.in_transaction:
                        db.execute("ROLLBACK")
                    raise
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or time.monotonic() > deadline:
                    raise
                time.sleep(random.uniform(0.0005, 0.003))  # noqa: S311  (jitter, no secret)
            else:
                return done

    def _open(self) -> sqlite3.Connection:
        prepare(self.home, make=not self._of_worker)
        create_database(self.home, make=not self._of_worker)
        db = _connect(self.path)
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute(f"PRAGMA journal_size_limit = {MAX_WAL_BYTES if self._of_worker else -1}")
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute("PRAGMA temp_store = MEMORY")
        return db

    def _translated(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except sqlite3.OperationalError as error:
            raise self._named(error) from error
        except OSError as error:
            raise unusable(self.home, error) from error
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.IntegrityError):
                raise
            raise StoreDamagedError(
                f"The task store {str(self.path)!r} cannot be read ({error}). Stop all tta "
                "processes, move the directory away and submit again; logs stay readable there."
            ) from error

    def _named(self, error: sqlite3.OperationalError) -> StoreError:
        name = getattr(error, "sqlite_errorname", "")
        if _is_busy(error):
            return StoreBusyError(
                f"The task store was locked for more than {LOCK_SECONDS:g} s"
                f"{_holder(self.path)}. Resume or end that process, then try again."
            )
        if name.startswith("SQLITE_FULL"):
            return StoreFullError(
                f"The disk of {str(self.home)!r} is full, so nothing was recorded. Free some "
                "space and try again; `tta gc` removes finished tasks."
            )
        if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN")):
            return UnsafePlaceError(
                f"The task store {str(self.path)!r} cannot be written ({error}). "
                "Make its directory writable for you, or set TTA_HOME to another one."
            )
        return StoreError(f"The task store {str(self.path)!r} failed: {error} ({name}).")


def unusable(home: Path, error: OSError) -> StoreError:
    """What a failed system call on a file of the store means."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreFullError(
            f"The disk of {str(home)!r} is full, so nothing was recorded. Free some "
            "space and try again; `tta gc` removes finished tasks."
        )
    return StoreError(
        f"The task store in {str(home)!r} cannot be used: {error.strerror or error}. "
        "`tta doctor` shows what is wrong with it."
    )


def create_database(home: Path, *, make: bool = True) -> None:
    """Make the file, unless not to `make` one, private from its first byte, and bring it to the newest schema.

    One process at a time: switching a new file to WAL fails for 1 of 640 even with a
    time-out of 10 s (measured), so an flock of a file of its own keeps the others out.
    """
    path = home / DATABASE
    flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    lock = os.open(home / "init.lock", flags, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if make:
            try:
                # O_EXCL: nobody can have it open, so this close drops nobody's locks.
                os.close(os.open(path, flags | os.O_EXCL, 0o600))
            except FileExistsError:
                pass
        db = _connect(path)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            migrate(db)
        finally:
            db.close()
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise StoreDamagedError(
            f"{str(path)!r} is no readable database ({error}). Move it away; a new one is made."
        ) from error
    finally:
        os.close(lock)


def _connect(path: Path) -> sqlite3.Connection:
    # isolation_level=None: no hidden BEGIN. timeout=0.05: only for what cannot be retried.
    # mode=rw: a file that was removed a moment ago is not made again.
    db = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=0.05,
        isolation_level=None,
        check_same_thread=False,
    )
    db.row_factory = sqlite3.Row
    return db


def _is_busy(error: sqlite3.OperationalError) -> bool:
    name = getattr(error, "sqlite_errorname", "")
    return name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL"))


def _holder(path: Path) -> str:
    """' by process N', from the locks that the kernel knows on the store's shared memory."""
    try:
        inode = path.with_name(f"{path.name}-shm").stat().st_ino
        locks = Path("/proc/locks").read_text("ascii", "replace")
    except OSError:
        return ""
    for line in locks.splitlines():
        fields = line.split()
        # '1: POSIX ADVISORY WRITE 4711 fe:00:1234 120 120': proc(5).
        if len(fields) > 5 and fields[3] == "WRITE" and fields[5].endswith(f":{inode}"):
            return f" by process {fields[4]}"
    return ""
