"""Bring a database file to the newest schema, each step in one transaction."""

import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Final

from tta_interactive.errors import StoreDamagedError, StoreVersionError

APPLICATION_ID: Final = 0x54544149  # 'TTAI', so that file(1) and we know our own


@cache
def steps() -> tuple[str, ...]:
    """The SQL of each numbered migration, in order: step n leads to version n."""
    folder = files("tta_interactive.store").joinpath("schema")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple(folder.joinpath(name).read_text("utf-8") for name in names)


def newest() -> int:
    """The schema version that this release writes."""
    return len(steps())


def migrate(db: sqlite3.Connection, scripts: Sequence[str] | None = None) -> None:
    """Apply what is missing. The caller holds the lock that keeps others out.

    Args:
        db: A connection without a transaction.
        scripts: All migrations from the first on; those of this release if not given.

    Raises:
        StoreVersionError: The file is newer than this release. Nothing was written.
        StoreDamagedError: The file is no store of ours. Nothing was written.
    """
    version = check_version(db)
    if version == 0:
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # must stand before the first table
    for number, sql in enumerate((scripts or steps())[version:], start=version + 1):
        db.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements(sql):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {number}")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


def check_version(db: sqlite3.Connection) -> int:
    """The file's version, if this release can work with it."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    mark = int(db.execute("PRAGMA application_id").fetchone()[0])
    tables = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if (version or tables or mark) and mark != APPLICATION_ID:
        raise StoreDamagedError(
            "The file tasks.db in the state directory is another program's database. "
            "Move it away, or set TTA_HOME to another directory."
        )
    if version > newest():
        raise StoreVersionError(
            f"The task store has schema {version}; this release knows {newest()}. "
            "Restart this process with the newer tta-interactive that made it."
        )
    return version


def statements(sql: str) -> Iterator[str]:
    """Split a script; `executescript` would commit an open transaction."""
    pending = ""
    for line in sql.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
