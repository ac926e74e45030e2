"""Two SQLite connections of one process, one to read and one to write, and their rules.

- Commits are `synchronous=FULL`: what was acknowledged survives a power cut.
- A write is BEGIN IMMEDIATE, a look at the schema version, the work, COMMIT. Who finds the
  lock taken tries again every 0.5 to 3 ms: SQLite's own handler starves (17.9 s against
  0.45 s for the worst of 100 transactions, measured) and cannot be interrupted.
- A reader never waits for a writer; that is why there are two.
- A forked child never touches its parent's connections: it opens its own.
- A log that grows and grows because somebody does not stop reading stops the writers.
- A log or database that is taken away while it is open is noticed before the next look.
- Only the worker checkpoints (SQLite 3.7.0 to 3.51.2 can damage a file when two do at once:
  https://www.sqlite.org/wal.html#walresetbug).
"""

import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

from tta_interactive.errors import StoreBusyError, StoreDamagedError, StoreVersionError
from tta_interactive.store import locks, quarantine
from tta_interactive.store.failures import damaged, failed, is_busy, replaced, unusable
from tta_interactive.store.migrate import check_version, migrate, newest
from tta_interactive.store.place import DATABASE, init_lock, prepare

T = TypeVar("T")
A = TypeVar("A")

LOCK_SECONDS: Final = 5.0
READER_SECONDS: Final = 0.05  # between looks at who still reads
MAX_WAL_BYTES: Final = 64 * 1024 * 1024
# Connections of a parent process, kept so that no destructor closes them in a child.
_inherited: list[sqlite3.Connection] = []


class _ReplacedError(Exception):
    """The files that a connection has open are not the store's any more."""


class Connections:
    """The connections of this process to one store."""

    def __init__(
        self,
        home: Path,
        *,
        of_worker: bool = False,
        on_damage: Callable[[], None] | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            home: The store's directory.
            of_worker: Whether they are the worker's: they checkpoint, and make no store.
            on_damage: Called when damage was met and marked.
        """
        self.home = home
        self.path = home / DATABASE
        # Text, as they are looked at before and after each transaction.
        self._database, self._log = str(self.path), f"{self.path}-wal"
        self._of_worker, self._on_damage = of_worker, on_damage
        self._start_over()

    def _start_over(self) -> None:
        self._pid = os.getpid()
        self._reader: sqlite3.Connection | None = None
        self._writer: sqlite3.Connection | None = None
        self._files: tuple[int, ...] | None = None  # those that the connections have open
        self._reading = threading.RLock()
        self._writing = threading.RLock()

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the reading connection. It must leave no cursor half read."""
        self._check_process()
        return self._translated(self._look, work)

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one durable transaction; it may be run again if the lock is taken."""
        self._check_process()
        if not self._of_worker:  # what a task came to is always recorded
            self._wait_for_readers()
        return self._translated(self._transaction, work)

    def checkpoint(self, *, keep_file: bool = False) -> bool:
        """Move the log into the database file; whether all of it went. Only for the worker.

        Who stays in the middle of reading keeps it from going; `locks.readers` names them.

        Args:
            keep_file: Leave the log's file as long as it is: to write over it costs half of what
                it costs to lengthen it (measured: 0.10 instead of 0.20 ms a sync). The next
                commit begins it anew, and that must not happen while another checkpoint runs
                (see above). So after one that succeeded, wait for a commit before the next.
        """
        mode = "RESTART" if keep_file else "TRUNCATE"
        self._check_process()
        with self._writing:
            if self._writer is None:
                return True
            db = self._writer
            # It answers busy=1 in its row and raises nothing.
            look = f"PRAGMA wal_checkpoint({mode})"
            row = self._translated(lambda db: db.execute(look).fetchone(), db)
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

    def _look(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._reading:
            db = self._reader = self._standing(self._reader) or self._open()
            return work(db)

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._writing:
            return self._tried(work, time.monotonic() + LOCK_SECONDS)

    def _tried(self, work: Callable[[sqlite3.Connection], T], deadline: float) -> T:
        while True:
            try:
                db = self._writer = self._standing(self._writer) or self._open()
                try:
                    db.execute("BEGIN IMMEDIATE")
                    if db.execute("PRAGMA user_version").fetchone()[0] != newest():
                        check_version(db)
                        raise StoreVersionError(
                            "The task store was changed by another release. Restart this process."
                        )
                    done = work(db)
                    db.execute("COMMIT")
                    self._standing(db)  # not acknowledged where nobody will look
                except BaseException:  # also Ctrl-C: leave no transaction behind
                    if db.in_transaction:
                        self._roll_back(db)
                    raise
            except sqlite3.OperationalError as error:
                if not is_busy(error) or time.monotonic() > deadline:
                    raise
                time.sleep(random.uniform(0.0005, 0.003))  # noqa: S311  (jitter, no secret)
            else:
                return done

    def _roll_back(self, db: sqlite3.Connection) -> None:
        try:
            db.execute("ROLLBACK")
        except sqlite3.Error:
            # Closing it undoes the transaction too; the next call opens another one.
            self._writer = None
            db.close()

    def _standing(self, db: sqlite3.Connection | None) -> sqlite3.Connection | None:
        """The connection, if the files that it has open are still those of the store.

        Raises:
            _ReplacedError: They are not.
        """
        if db is None:
            return None
        found = _identity(self._database, self._log)
        if found == self._files or (found is None and self._of_worker):
            return db  # the worker looks itself whether its directory was taken away
        raise _ReplacedError

    def _wait_for_readers(self) -> None:
        """Wait while the log is too long and the same process goes on reading.

        Raises:
            StoreBusyError: It went on for too long.
        """
        stuck: set[int] | None = None
        deadline = time.monotonic() + LOCK_SECONDS
        while (size := _log_size(self._log)) > MAX_WAL_BYTES:
            found = locks.readers(self.path)
            stuck = found if stuck is None else stuck & found
            if not stuck:
                return  # it is only long, and the worker will empty it
            if time.monotonic() > deadline:
                names = " and ".join(f"process {pid}" for pid in sorted(stuck))
                raise StoreBusyError(
                    f"The log of the task store has grown to {size / 2**20:.0f} MiB, because "
                    f"{names} does not stop reading. Resume or end it, then try again."
                )
            time.sleep(READER_SECONDS)

    def _open(self) -> sqlite3.Connection:
        self._standing(self._reader or self._writer)  # both must have the same files
        prepare(self.home, make=not self._of_worker)
        create_database(self.home, make=not self._of_worker)
        db = _connect(self.path)
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute(f"PRAGMA journal_size_limit = {MAX_WAL_BYTES if self._of_worker else -1}")
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute("PRAGMA user_version").fetchone()  # opens the log
        # From here on nobody of ours removes the log, or makes another one.
        self._files = _identity(self._database, self._log)
        return db

    def _translated(self, work: Callable[[A], T], given: A) -> T:
        try:
            return work(given)
        except sqlite3.OperationalError as error:
            raise failed(self.home, error) from error
        except OSError as error:
            raise unusable(self.home, error) from error
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.IntegrityError):
                raise
            quarantine.mark(self.home)
            if self._on_damage is not None:
                self._on_damage()
            raise damaged(self.home, error) from error
        except _ReplacedError:
            # Both: they share the index that SQLite maps. Not under their locks: close takes both.
            self.close()
            raise replaced(self.home) from None


def create_database(home: Path, *, make: bool = True) -> None:
    """Make the file, private from its first byte, and bring it to the newest schema.

    One process at a time: switching a new file to WAL fails for 1 of 640 even with a
    time-out of 10 s (measured), so an flock of a file of its own keeps the others out.
    """
    path = home / DATABASE
    try:
        with init_lock(home):
            if make:
                _make(path)
            with closing(_connect(path)) as db:
                db.execute("PRAGMA journal_mode = WAL")
                migrate(db)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorname", "") != "SQLITE_NOTADB":
            raise
        raise StoreDamagedError(
            f"{str(path)!r} is no readable database ({error}). Move it away; a new one is made."
        ) from error


def _make(path: Path) -> None:
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        # O_EXCL: nobody can have it open, so this close drops nobody's locks.
        os.close(os.open(path, flags, 0o600))
    except FileExistsError:
        pass


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


def _log_size(log: str) -> int:
    """How many bytes the log of a store has."""
    try:
        return os.stat(log).st_size
    except OSError:
        return 0


def _identity(database: str, log: str) -> tuple[int, ...] | None:
    """Which files the database and its log are; None if there is no database."""
    try:
        file = os.stat(database)
    except OSError:
        return None
    try:
        beside = os.stat(log)
    except OSError:
        return file.st_dev, file.st_ino
    return file.st_dev, file.st_ino, beside.st_ino
