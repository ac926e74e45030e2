"""Where the store may live, and what it does when somebody else is in the way."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import pytest

from tests.conftest import NOON, a_task
from tta_interactive.errors import (
    RequestKeyError,
    StoreBusyError,
    StoreDamagedError,
    StoreVersionError,
    UnsafePlaceError,
)
from tta_interactive.store import DAMAGED, Ending, Filter, SqliteStore, connection
from tta_interactive.store.migrate import newest
from tta_interactive.store.place import file_system, problem
from tta_interactive.task import TaskStatus
from tta_interactive.worker.start import stop_worker, wait_for_worker


def raw(home: Path) -> sqlite3.Connection:
    """Another program's connection to the same file."""
    return sqlite3.connect(home / "tasks.db", isolation_level=None, timeout=1)


_opened: list[SqliteStore] = []


def a_store(home: Path) -> SqliteStore:
    """A store that is closed after the test."""
    _opened.append(SqliteStore(home))
    return _opened[-1]


@pytest.fixture(autouse=True)
def closed_afterwards() -> Iterator[None]:
    """Nothing of one test stays open in the next."""
    yield
    while _opened:
        _opened.pop().close()


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    made = a_store(tmp_path / "s")
    made.add([a_task()])
    return made


def test_every_file_is_private_under_any_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        a_store(tmp_path / "s").add([a_task()])
    finally:
        os.umask(old)
    modes = {p.name: stat.S_IMODE(p.lstat().st_mode) for p in (tmp_path / "s").iterdir()}
    assert modes["tasks.db"] == modes["tasks.db-wal"] == modes["tasks.db-shm"] == 0o600
    assert stat.S_IMODE((tmp_path / "s").lstat().st_mode) == 0o700
    assert {name for name, mode in modes.items() if mode & 0o077} == set()


def test_commits_are_durable_and_only_the_worker_checkpoints(store: SqliteStore) -> None:
    def settings(db: sqlite3.Connection) -> list[object]:
        names = ("synchronous", "wal_autocheckpoint", "journal_mode")
        return [db.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert store._db.write(settings) == [2, 0, "wal"]  # pyright: ignore[reportPrivateUsage]


def test_sixteen_processes_can_create_the_store_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tta_interactive.store import SqliteStore\n"
        "print(SqliteStore(Path(sys.argv[1])).last_event())"
    )
    run = [sys.executable, "-c", code, str(tmp_path / "s")]
    with ThreadPoolExecutor(16) as pool:
        done = list(
            pool.map(
                lambda _: subprocess.run(run, capture_output=True, text=True, check=False),
                range(16),
            )
        )
    assert [(p.returncode, p.stdout, p.stderr) for p in done] == [(0, "0\n", "")] * 16


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_directory_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s").chmod(mode)
    with pytest.raises(UnsafePlaceError, match="chmod 700"):
        a_store(tmp_path / "s").last_event()


def test_a_directory_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir(mode=0o755)
    a_store(tmp_path / "s").last_event()
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o700


def test_a_symbolic_link_is_no_place(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "s").symlink_to(tmp_path / "real")
    with pytest.raises(UnsafePlaceError, match="symbolic link"):
        a_store(tmp_path / "s").last_event()


@pytest.mark.parametrize("how", ["symlink", "hard link", "fifo"])
def test_a_database_that_is_no_file_of_its_own_is_refused(
    store: SqliteStore, tmp_path: Path, how: str
) -> None:
    store.close()
    path = tmp_path / "s" / "tasks.db"
    if how == "hard link":
        os.link(path, tmp_path / "other")
    else:
        path.rename(tmp_path / "other")
        path.symlink_to(tmp_path / "other") if how == "symlink" else os.mkfifo(path)
    with pytest.raises(UnsafePlaceError, match="link or no regular file"):
        store.last_event()


def test_a_database_that_others_may_read_is_closed_to_them(
    store: SqliteStore, tmp_path: Path
) -> None:
    store.close()
    path = tmp_path / "s" / "tasks.db"
    path.chmod(0o644)
    store.last_event()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


MOUNTS = """\
1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 0:1 / /home/u/net rw - nfs4 server:/x rw
3 1 0:2 / /home/u/with\\040space rw shared:1 - fuse.sshfs x rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/u", "ext4"),
        ("/home/u/net/deep/er", "nfs4"),
        ("/home/u/network", "ext4"),
        ("/home/u/with space/x", "fuse.sshfs"),
    ],
)
def test_the_file_system_of_a_path_is_that_of_its_mount(path: str, kind: str) -> None:
    assert file_system(Path(path), MOUNTS) == kind


@pytest.mark.parametrize("kind", ["nfs", "cifs", "9p", "fuse", "fuse.sshfs"])
def test_a_file_system_without_shared_locks_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("tta_interactive.store.place.file_system", lambda _: kind)
    assert f"is on a {kind!r} file system" in problem(tmp_path)


def test_another_program_s_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir(mode=0o700)
    other = raw(tmp_path / "s")
    other.execute("CREATE TABLE mine (a)")
    other.close()
    with pytest.raises(StoreDamagedError, match="another program's database"):
        a_store(tmp_path / "s").last_event()
    other = raw(tmp_path / "s")
    assert other.execute("SELECT name FROM sqlite_schema").fetchall() == [("mine",)]
    other.close()


def test_what_is_no_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir(mode=0o700)
    (tmp_path / "s" / "tasks.db").write_bytes(b"dear diary" * 500)
    with pytest.raises(StoreDamagedError, match="Move it away"):
        a_store(tmp_path / "s").last_event()
    assert (tmp_path / "s" / "tasks.db").read_bytes() == b"dear diary" * 500


def test_an_older_program_is_told_and_writes_nothing(store: SqliteStore, tmp_path: Path) -> None:
    newer = raw(tmp_path / "s")
    newer.execute(f"PRAGMA user_version = {newest() + 1}")
    with pytest.raises(StoreVersionError, match="Restart"):
        store.add([a_task(id="t_2")])
    assert newer.execute("SELECT count(*) FROM tasks").fetchone() == (1,)
    with pytest.raises(StoreVersionError, match=f"knows {newest()}"):
        a_store(tmp_path / "s").last_event()
    newer.close()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE tasks SET label = 'x'",
        "UPDATE tasks SET status = 'running', attempt = 9",
        "UPDATE tasks SET status = 'queued'",
    ],
)
def test_not_even_raw_sql_changes_a_final_task(
    store: SqliteStore, tmp_path: Path, change: str
) -> None:
    store.request_cancel("t_1", datetime.now(UTC))
    other = raw(tmp_path / "s")
    with pytest.raises(
        sqlite3.IntegrityError, match=r"a final task never changes|this move is not allowed"
    ):
        other.execute(change)
    other.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE tasks SET status = 'completed'", "this move is not allowed"),
        ("UPDATE tasks SET status = 'running'", "a start must be a new attempt"),
        ("UPDATE tasks SET attempt = -1", "never falls"),
        ("DELETE FROM tasks", "only a final task may be removed"),
    ],
)
def test_not_even_raw_sql_makes_a_move_that_is_not_allowed(
    store: SqliteStore, tmp_path: Path, change: str, words: str
) -> None:
    other = raw(tmp_path / "s")
    with pytest.raises(sqlite3.IntegrityError, match=words):
        other.execute(change)
    other.close()


def test_a_writer_that_is_stopped_is_named_and_readers_go_on(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LOCK_SECONDS", 0.3)
    code = (
        "import sqlite3, sys, time\n"
        "db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "db.execute('BEGIN IMMEDIATE'); print('held', flush=True); time.sleep(60)"
    )
    path = str(tmp_path / "s" / "tasks.db")
    holder = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(StoreBusyError, match=f"by process {holder.pid}"):
            store.add([a_task(id="t_2")])
        assert store.get("t_1").status == "queued"
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    store.add([a_task(id="t_2")])


def test_a_busy_store_is_waited_for(store: SqliteStore, tmp_path: Path) -> None:
    other = sqlite3.connect(
        tmp_path / "s" / "tasks.db", isolation_level=None, check_same_thread=False
    )
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.2, lambda: other.execute("COMMIT")).start()
    begin = time.monotonic()
    store.add([a_task(id="t_2")])
    assert 0.1 < time.monotonic() - begin < 3
    other.close()


def test_an_interrupted_write_leaves_no_transaction(store: SqliteStore) -> None:
    def work(db: sqlite3.Connection) -> None:
        db.execute("UPDATE tasks SET label = 'half'")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store._db.write(work)  # pyright: ignore[reportPrivateUsage]
    assert store.get("t_1").label == ""
    store.add([a_task(id="t_2")])


def test_ctrl_c_in_the_moment_of_the_lock_lets_go_of_it(store: SqliteStore, tmp_path: Path) -> None:
    def interrupt(frame: FrameType, event: str, function: object) -> None:
        # Just behind BEGIN, where a signal would be noticed.
        if event == "c_return" and getattr(function, "__name__", "") == "execute":
            sys.setprofile(None)
            raise KeyboardInterrupt

    try:
        sys.setprofile(interrupt)
        with pytest.raises(KeyboardInterrupt):
            store.add([a_task(id="t_2")])
    finally:
        sys.setprofile(None)
    other = raw(tmp_path / "s")
    other.execute("BEGIN IMMEDIATE")  # nobody holds the lock
    other.execute("ROLLBACK")
    other.close()
    store.add([a_task(id="t_3")])


def test_a_request_that_is_not_added_leaves_no_file(store: SqliteStore, tmp_path: Path) -> None:
    large = {"argv": ["x" * 100_000]}
    for number in range(3):
        store.add([a_task(id=f"t_{number + 2}", request_key="k", params=large)])
    with pytest.raises(RequestKeyError):
        store.add([a_task(id="t_9", request_key="k", params={"argv": ["y" * 100_000]})])
    assert [path.name for path in (tmp_path / "s" / "blobs").iterdir()] == ["t_2.body"]


def test_old_files_that_no_row_names_are_removed_and_no_others(
    store: SqliteStore, tmp_path: Path
) -> None:
    blobs, large = tmp_path / "s" / "blobs", "x" * 100_000
    store.add([a_task(id="t_2", params={"argv": [large]}), a_task(id="t_3", max_attempts=2)])
    for task in store.exchange([], 3, NOON):
        ending = Ending(
            task_id=task.id, attempt=task.attempt, status=TaskStatus.COMPLETED, result=large
        )
        zombie = Ending(
            task_id=task.id, attempt=task.attempt + 1, status=TaskStatus.COMPLETED, result=large
        )
        store.exchange([zombie, ending], 0, NOON)
    (blobs / "t_gone.body").write_text(large)  # killed before its commit
    for path in blobs.iterdir():
        os.utime(path, (1e9, 1e9))
    (blobs / "t_young.body").write_text(large)  # its row may come in a moment
    before = datetime.fromtimestamp(1e9 + 1, UTC)
    gone = ["t_1.result.2", "t_2.result.2", "t_3.result.2", "t_gone.body"]
    assert sorted(store.remove_unnamed(before)) == gone
    assert sorted(path.name for path in blobs.iterdir()) == [
        *("t_1.result.1", "t_2.body", "t_2.result.1", "t_3.result.1", "t_young.body")
    ]
    assert store.remove_unnamed(before) == []


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"\xff\xfe"])
def test_a_damaged_file_hides_no_other_task(
    store: SqliteStore, tmp_path: Path, damage: bytes
) -> None:
    store.add([a_task(id="t_2", params={"argv": ["x" * 100_000]})])
    (tmp_path / "s" / "blobs" / "t_2.body").write_bytes(damage)
    found = {task.id: task for task in store.find(Filter())}
    assert set(found) == {"t_1", "t_2"}
    assert "lost" in str(found["t_2"].metadata[DAMAGED])


def test_a_forked_child_uses_connections_of_its_own(store: SqliteStore) -> None:
    mine = store._db._writer  # pyright: ignore[reportPrivateUsage]
    child = os.fork()
    if child == 0:
        code = 1
        try:
            store.add([a_task(id="t_2")])
            code = 0 if store._db._writer is not mine else 2  # pyright: ignore[reportPrivateUsage]
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert {task.id for task in store.get_many(["t_1", "t_2"])} == {"t_1", "t_2"}
    store.add([a_task(id="t_3")])


def test_our_own_code_never_opens_the_database_s_files(tmp_path: Path) -> None:
    # Closing a descriptor of its own would drop SQLite's locks: howtocorrupt.html 2.2.
    code = """
import os, sys
from pathlib import Path
opened = []
def hook(event, arguments):
    # O_EXCL opens only what was not there before.
    if event == "open" and "tasks.db" in str(arguments[0]) and not arguments[2] & os.O_EXCL:
        opened.append(arguments)
sys.addaudithook(hook)
from tta_interactive.blocking import BlockingEngine
from tta_interactive.store import SqliteStore
from tta_interactive.store.place import problem
home = Path(sys.argv[1])
SqliteStore(home).last_event()
with BlockingEngine(home) as engine:
    engine._core.watcher.ring = lambda: None
    engine.submit("shell", {"argv": ["true"]})
    engine.list(), engine.counts(), problem(home)
print(opened)
"""
    run = [sys.executable, "-c", code, str(tmp_path / "s")]
    try:
        done = subprocess.run(run, capture_output=True, text=True, check=True)
    finally:
        wait_for_worker(tmp_path / "s", 10)  # a look at an open task starts one
        stop_worker(tmp_path / "s")
    assert done.stdout == "[]\n"
