"""A file that an earlier release wrote serves the newest one, with all that was in it."""

import sqlite3
from pathlib import Path

import pytest

from tests.conftest import NOON, a_task
from tta_interactive.store import Ending, SqliteStore
from tta_interactive.store.migrate import migrate, newest, steps
from tta_interactive.task import TaskStatus

FIRST_ADD = """
    INSERT INTO tasks (id, kind, label, owner, status, priority, blocked, attempt, body,
                       submitted_at, changed_at)
    VALUES (?, 'shell', 'old', 'cli', 'queued', 2, ?, 0, '{"params":{"argv":["true"]}}', 1, 1)
"""


@pytest.fixture
def old_home(tmp_path: Path) -> Path:
    """A store as schema 1 left it: one task ran to its end, one waits for the other."""
    home = tmp_path / "s"
    home.mkdir(0o700)
    db = sqlite3.connect(home / "tasks.db", isolation_level=None)
    migrate(db, steps()[:1])
    assert db.execute("PRAGMA user_version").fetchone() == (1,)
    for task_id, blocked in (("t_old", 0), ("t_first", 0), ("t_second", 1)):
        db.execute(FIRST_ADD, (task_id, blocked))
    db.execute("INSERT INTO edges VALUES (2, 3)")
    db.execute("UPDATE tasks SET status = 'running', attempt = 1 WHERE seq = 1")
    db.execute("UPDATE tasks SET status = 'completed', result = '7' WHERE seq = 1")
    db.close()
    return home


def test_what_an_older_release_stored_is_kept_and_goes_on(old_home: Path) -> None:
    store = SqliteStore(old_home)
    old = store.get("t_old")
    assert (old.status, old.result, old.label) == ("completed", 7, "old")
    assert (old.parent, old.steps, old.on_failure) == (None, 0, "continue")
    (first,) = store.exchange([], 9, NOON)
    assert first.id == "t_first"
    done = Ending(task_id="t_first", attempt=1, status=TaskStatus.COMPLETED)
    (second,) = store.exchange([done], 9, NOON)
    assert second.id == "t_second"
    store.add([a_task(id="t_new", steps=1), a_task(id="t_step", parent="t_new")])
    assert [task.id for task in store.exchange([], 9, NOON)] == ["t_new"]
    store.close()


def test_the_file_says_which_schema_it_has_and_is_sound(old_home: Path) -> None:
    store = SqliteStore(old_home)
    store.last_event()
    store.close()
    db = sqlite3.connect(old_home / "tasks.db")
    assert db.execute("PRAGMA user_version").fetchone() == (newest(),)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
