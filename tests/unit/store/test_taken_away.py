"""Files of the store that are removed, cut off, exchanged or damaged: noticed, never spread (D10).

SQLite itself does not look: without our own look a process goes on in a log that nobody
else can see, and is told that all its commits are well.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import a_task
from tta_interactive.errors import StoreDamagedError
from tta_interactive.store import Filter, SqliteStore

FRAME = 24 + 4096  # https://www.sqlite.org/fileformat2.html#walformat
HEADER = 32
Make = Callable[[Path], SqliteStore]


def ids(store: SqliteStore) -> set[str]:
    return {task.id for task in store.find(Filter(limit=1000))}


def is_intact(home: Path) -> bool:
    with closing(sqlite3.connect(home / "tasks.db")) as db:
        return db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def remove_log(home: Path) -> None:
    (home / "tasks.db-wal").unlink()


def remove_log_and_index(home: Path) -> None:
    (home / "tasks.db-wal").unlink()
    (home / "tasks.db-shm").unlink()


def exchange_log(home: Path) -> None:
    shutil.copy(home.parent / "other" / "tasks.db-wal", home / "new")
    (home / "new").rename(home / "tasks.db-wal")


def exchange_database(home: Path) -> None:
    shutil.copy(home.parent / "other" / "tasks.db", home / "new")
    (home / "new").rename(home / "tasks.db")


@pytest.mark.parametrize(
    "damage", [remove_log, remove_log_and_index, exchange_log, exchange_database]
)
@pytest.mark.parametrize("first", ["read", "write"])
def test_files_that_are_taken_away_under_a_process_are_noticed_at_once(
    store: SqliteStore,
    a_store: Make,
    tmp_path: Path,
    damage: Callable[[Path], None],
    first: str,
) -> None:
    home = tmp_path / "s"
    a_store(tmp_path / "other").add([a_task(id="t_other")])
    store.find(Filter())
    damage(home)
    with pytest.raises(StoreDamagedError, match="removed or replaced while it was in use"):
        ids(store) if first == "read" else store.add([a_task(id="t_lost")])
    # Opened again, all processes see the same, or all say that it is damaged.
    for number in range(2):
        try:
            store.add([a_task(id=f"t_new{number}")])
        except StoreDamagedError:
            assert damage in (exchange_log, exchange_database)
            return
        with closing(SqliteStore(home)) as another:
            assert ids(another) == ids(store)
            assert f"t_new{number}" in ids(another)


def test_a_reader_and_a_writer_of_one_process_never_use_different_files(
    store: SqliteStore, tmp_path: Path
) -> None:
    store.close()
    assert ids(store) == {"t_1"}  # now it reads, and does not write yet
    remove_log(tmp_path / "s")
    with pytest.raises(StoreDamagedError, match="removed or replaced"):
        store.add([a_task(id="t_2")])
    store.add([a_task(id="t_3")])
    assert "t_3" in ids(store)


def a_log_at_rest(tmp_path: Path) -> tuple[Path, list[tuple[int, str]]]:
    """A copy of a store as a kill leaves it, and (length of the log, id) of each commit."""
    with closing(SqliteStore(tmp_path / "live")) as live:
        live.last_event()
        commits: list[tuple[int, str]] = []
        for number in range(6):
            live.add([a_task(id=f"t_{number}")])
            size = (tmp_path / "live" / "tasks.db-wal").stat().st_size
            commits.append((size, f"t_{number}"))
        shutil.copytree(tmp_path / "live", tmp_path / "dead")
    (tmp_path / "dead" / "tasks.db-shm").unlink()
    return tmp_path / "dead", commits


def test_of_a_log_that_is_cut_off_anywhere_every_whole_commit_is_kept(tmp_path: Path) -> None:
    dead, commits = a_log_at_rest(tmp_path)
    size = commits[-1][0]
    lengths = {0, 1, HEADER - 1, size}
    for begin in range(HEADER, size, FRAME):
        lengths |= {begin, begin + 1, begin + 24, begin + 24 + 2048, begin + FRAME - 1}
    for length in sorted(lengths):
        home = tmp_path / "cut"
        shutil.copytree(dead, home)
        os.truncate(home / "tasks.db-wal", length)
        with closing(SqliteStore(home)) as store:
            assert ids(store) == {task_id for end, task_id in commits if end <= length}
            store.add([a_task(id="t_next")])
        assert is_intact(home)
        shutil.rmtree(home)


def test_of_a_log_with_a_flipped_byte_every_commit_before_it_is_kept(tmp_path: Path) -> None:
    dead, commits = a_log_at_rest(tmp_path)
    log = (dead / "tasks.db-wal").read_bytes()
    for place in range(HEADER, len(log), 997):
        home = tmp_path / "flipped"
        shutil.copytree(dead, home)
        (home / "tasks.db-wal").write_bytes(
            log[:place] + bytes([log[place] ^ 0x10]) + log[place + 1 :]
        )
        with closing(SqliteStore(home)) as store:
            assert ids(store) == {task_id for end, task_id in commits if end <= place}
        assert is_intact(home)
        shutil.rmtree(home)


def test_a_database_with_flipped_bytes_is_an_error_in_words_or_is_well(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "good")) as good:
        good.add([a_task(id=f"t_{number}") for number in range(200)])
    data = (tmp_path / "good" / "tasks.db").read_bytes()
    refused = 0
    for page in range(len(data) // 4096):
        home = tmp_path / "bad"
        shutil.copytree(tmp_path / "good", home)
        begin = page * 4096 + (100 if page == 0 else 0)  # the header says whose file it is
        (home / "tasks.db").write_bytes(data[:begin] + b"\xff" * 512 + data[begin + 512 :])
        try:
            with closing(SqliteStore(home)) as store:
                store.add([a_task(id="t_next")])
                assert ids(store) <= {f"t_{number}" for number in range(200)} | {"t_next"}
                store.events_after(0)
        except StoreDamagedError:
            refused += 1
        shutil.rmtree(home)
    assert refused > 3
