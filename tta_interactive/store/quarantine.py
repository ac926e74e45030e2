"""A damaged database is set aside, and work goes on with a new one: damage is not spread.

Whoever meets damage leaves a mark. The worker, which alone may do this, looks whether the
database is really damaged, writes what can still be read as `tasks.jsonl`, and moves the
database's files to a directory of their own in the state directory. Logs stay where they are.
"""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from tta_interactive.store.migrate import APPLICATION_ID
from tta_interactive.store.place import DATABASE, DATABASE_FILES, init_lock, sync_directory

MARK: Final = "damage-seen"
EXPORT: Final = "tasks.jsonl"


def mark(home: Path) -> None:
    """Ask the worker to look; where not even that can be written, it is asked by the next one."""
    with suppress(OSError):
        flags = os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        os.close(os.open(home / MARK, flags, 0o600))


def is_marked(home: Path) -> bool:
    """Whether somebody met damage."""
    return (home / MARK).exists()


def set_aside(home: Path, at: datetime) -> Path | None:
    """Move the database away if it is damaged; where to. Only with the worker's lease in hand.

    Returns:
        The new directory; None if the database is well, or is not ours.
    """
    with init_lock(home):
        (home / MARK).unlink(missing_ok=True)
        with closing(_opened(home)) as db:
            if not _is_ours(db) or _is_well(db):
                return None
            folder = home / f"damaged-{at:%Y%m%d-%H%M%S-%f}"
            folder.mkdir(mode=0o700)
            _export(db, folder / EXPORT)
        for name in DATABASE_FILES:
            with suppress(FileNotFoundError):
                (home / name).rename(folder / name)
        sync_directory(home)
        return folder


def _opened(home: Path) -> sqlite3.Connection:
    uri = f"file:{quote(str(home / DATABASE))}?mode=rw"
    db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=1.0)
    db.row_factory = sqlite3.Row
    return db


def _is_ours(db: sqlite3.Connection) -> bool:
    try:
        return db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    except sqlite3.DatabaseError:
        return False  # not even the first page is that of a database


def _is_well(db: sqlite3.Connection) -> bool:
    try:
        return db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
    except sqlite3.OperationalError:
        return True  # locked, or the disk is full: no finding
    except sqlite3.DatabaseError:
        return False


def _export(db: sqlite3.Connection, path: Path) -> None:
    """A line of JSON for each task that can be read, from both ends of the table."""
    rows: dict[Any, dict[str, Any]] = {}
    for order in ("ASC", "DESC"):
        for row in _readable(db, order):
            rows.setdefault(row["seq"], dict(row))
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    with open(os.open(path, flags, 0o600), "w", encoding="utf-8", errors="replace") as file:
        for row in rows.values():
            file.write(json.dumps(row, default=repr) + "\n")


def _readable(db: sqlite3.Connection, order: str) -> Iterator[sqlite3.Row]:
    try:
        yield from db.execute(f"SELECT * FROM tasks NOT INDEXED ORDER BY seq {order}")  # noqa: S608
    except sqlite3.DatabaseError:
        return  # here it is damaged
