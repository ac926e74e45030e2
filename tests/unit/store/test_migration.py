"""A change of the schema happens whole or not at all, whenever the process dies (D13)."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import a_task
from tta_interactive.errors import StoreVersionError
from tta_interactive.store import Filter, SqliteStore
from tta_interactive.store.migrate import migrate, newest, statements, steps

# What a later release may do: new columns, a new table, every row rewritten, an index gone.
NEXT = """
ALTER TABLE tasks ADD COLUMN team TEXT NOT NULL DEFAULT '';
UPDATE tasks SET team = owner WHERE status NOT IN ('completed', 'failed', 'cancelled');
CREATE TABLE teams (name TEXT PRIMARY KEY) STRICT;
INSERT INTO teams SELECT DISTINCT team FROM tasks;
DROP INDEX tasks_owner;
CREATE INDEX tasks_team ON tasks (team, seq);
"""
LENGTH = len(list(statements(NEXT)))
DYING = """
import os, signal, sqlite3, sys
from tta_interactive.store.migrate import migrate, steps
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.create_function("die", 0, lambda: os.kill(os.getpid(), signal.SIGKILL))
migrate(db, [*steps(), sys.argv[2]])
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A store of this release with tasks in it."""
    store = SqliteStore(tmp_path / "s")
    store.add([a_task(id=f"t_{number}", owner=f"mcp:{number}") for number in range(500)])
    yield tmp_path / "s"
    store.close()


def schema(home: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(home / "tasks.db")) as db:
        rows = db.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [*rows, db.execute("PRAGMA user_version").fetchone()]


@pytest.mark.parametrize("position", range(LENGTH + 1))
def test_a_kill_in_a_migration_leaves_the_old_schema_intact(home: Path, position: int) -> None:
    before = schema(home)
    script = list(statements(NEXT))
    script.insert(position, "SELECT die();\n")
    run = [sys.executable, "-c", DYING, str(home / "tasks.db"), "".join(script)]
    assert subprocess.run(run, check=False).returncode == -signal.SIGKILL
    assert schema(home) == before
    with closing(SqliteStore(home)) as store:
        assert len(store.find(Filter(limit=1000))) == 500
        assert store.add([a_task(id="t_new")])[0].seq == 501


def test_a_migration_keeps_what_is_there_and_tells_older_programs(home: Path) -> None:
    with closing(sqlite3.connect(home / "tasks.db", isolation_level=None)) as db:
        migrate(db, [*steps(), NEXT])
        assert db.execute("SELECT team FROM tasks WHERE id = 't_7'").fetchone() == ("mcp:7",)
        assert db.execute("SELECT count(*) FROM teams").fetchone() == (500,)
        assert db.execute("PRAGMA user_version").fetchone() == (newest() + 1,)
    with closing(SqliteStore(home)) as old, pytest.raises(StoreVersionError, match="Restart"):
        old.add([a_task(id="t_new")])


def test_a_migration_that_fails_leaves_the_old_schema_intact(home: Path) -> None:
    before = schema(home)
    with closing(sqlite3.connect(home / "tasks.db", isolation_level=None)) as db:
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            migrate(db, [*steps(), NEXT + "UPDATE nowhere SET a = 1;\n"])
        assert not db.in_transaction
    assert schema(home) == before
