"""SQLITE_BUSY where hardly anybody expects it: on COMMIT and on ROLLBACK (D22).

In WAL mode SQLite has no occasion to answer so, so the answer is staged at its connection.
"""

import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import a_task
from tests.unit.store.conftest import raw
from tta_interactive.errors import InvalidRequestError, StoreBusyError
from tta_interactive.store import Filter, SqliteStore, connection

busy: Counter[str] = Counter()
"""Statement -> how often it is still answered with SQLITE_BUSY."""


class BusyConnection(sqlite3.Connection):
    """A connection that is told it is busy."""

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        if busy[sql] > 0:
            busy[sql] -= 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorname = "SQLITE_BUSY"
            raise error
        return super().execute(sql, *arguments)


@pytest.fixture(autouse=True)
def staged(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *given, **more: connect(*given, factory=BusyConnection, **more)
    )
    monkeypatch.setattr(connection, "LOCK_SECONDS", 0.3)
    busy.clear()


def can_be_locked(home: Path) -> bool:
    """Whether nobody holds the write lock."""
    other = raw(home)
    other.execute("PRAGMA busy_timeout = 0")
    try:
        other.execute("BEGIN IMMEDIATE")
        other.execute("COMMIT")
    finally:
        other.close()
    return True


@pytest.mark.parametrize("statements", [["COMMIT"], ["COMMIT", "ROLLBACK"]])
def test_a_busy_commit_is_tried_again_and_done_once(
    store: SqliteStore, tmp_path: Path, statements: list[str]
) -> None:
    busy.update(dict.fromkeys(statements, 2))
    store.add([a_task(id="t_2")])
    assert [task.id for task in store.find(Filter())] == ["t_2", "t_1"]
    assert [event.task_id for event in store.events_after(0)] == ["t_1", "t_2"]
    assert can_be_locked(tmp_path / "s")


@pytest.mark.parametrize("statements", [["COMMIT"], ["COMMIT", "ROLLBACK"]])
def test_a_commit_that_stays_busy_is_an_error_and_leaves_nothing(
    store: SqliteStore, tmp_path: Path, statements: list[str]
) -> None:
    busy.update(dict.fromkeys(statements, 10**6))
    with pytest.raises(StoreBusyError, match="try again"):
        store.add([a_task(id="t_2")])
    busy.clear()
    assert can_be_locked(tmp_path / "s")
    store.add([a_task(id="t_3")])
    assert [task.id for task in store.find(Filter())] == ["t_3", "t_1"]


def test_a_busy_rollback_hides_no_error_and_keeps_no_lock(
    store: SqliteStore, tmp_path: Path
) -> None:
    def work(db: sqlite3.Connection) -> None:
        db.execute("UPDATE tasks SET label = 'half'")
        raise InvalidRequestError("no")

    busy["ROLLBACK"] = 1
    with pytest.raises(InvalidRequestError, match="no"):
        store._db.write(work)  # pyright: ignore[reportPrivateUsage]
    assert can_be_locked(tmp_path / "s")
    assert store.get("t_1").label == ""
    store.add([a_task(id="t_2")])
