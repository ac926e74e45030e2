"""What a store does on a disk that is full; each function is run where it may mount one.

    unshare --mount python -m tests.e2e.small_disk FUNCTION DIRECTORY

The directory is empty; what is mounted over it is gone with the process.
"""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.conftest import NOON, a_task
from tests.e2e.processes import until
from tests.e2e.tta_command import run
from tta_interactive.blocking import BlockingEngine
from tta_interactive.cli.exits import Exit
from tta_interactive.errors import StoreFullError, UnsafePlaceError
from tta_interactive.store import Ending, Filter, SqliteStore
from tta_interactive.task import TaskStatus
from tta_interactive.worker.ballast import NAME as BALLAST
from tta_interactive.worker.start import stop_worker

LARGE = "x" * 100_000


def mount(place: Path, **options: object) -> None:
    """A small disk at `place`."""
    place.mkdir(exist_ok=True)
    said = ",".join(f"{name}={value}" for name, value in options.items())
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode=0700,{said}", "none", place], check=True)


def fill(disk: Path) -> Path:
    """Take all the space that is left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert os.statvfs(disk).f_bavail == 0
    return filler


def take_names(disk: Path) -> list[Path]:
    """Take all the inodes that are left."""
    taken = [disk / f"taken{number}" for number in range(100_000)]
    for number, path in enumerate(taken):
        try:
            path.touch()
        except OSError:
            return taken[:number]
    raise AssertionError("there is no end of inodes")


@contextmanager
def worked_on(home: Path) -> Iterator[BlockingEngine]:
    """An engine whose worker is gone afterwards."""
    try:
        with BlockingEngine(home) as engine:
            yield engine
    finally:
        assert stop_worker(home, timeout=15)


def is_intact(home: Path) -> bool:
    with closing(sqlite3.connect(home / "tasks.db")) as db:
        return db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def submit_for_ever(engine: BlockingEngine) -> None:
    """The log may have room for a few, from before the disk was full."""
    for _ in range(1000):
        engine.submit("shell", {"argv": ["true"]})


def waiting_for(go: Path) -> dict[str, object]:
    return {"script": f"while [ ! -e {go} ]; do sleep 0.05; done; echo bye"}


# ---- D4: the disk is full


def submits_are_refused_and_endings_recorded(base: Path) -> None:
    disk, go = base / "disk", base / "go"
    mount(disk, size="48m")
    with worked_on(disk / "s") as engine:
        running = engine.submit("shell", waiting_for(go))
        until(lambda: engine.status(running).status == "running", what="it runs")
        until((disk / "s" / BALLAST).exists, what="the reserve is taken")
        filler = fill(disk)
        with pytest.raises(StoreFullError, match=r"is full, so nothing was recorded\. Free some"):
            submit_for_ever(engine)
        # What can be read is read, by this process and by others.
        assert engine.status(running).status == "running"
        refused = run(disk / "s", "submit", "shell", "--", "true")
        assert (refused.returncode, refused.stdout) == (Exit.TROUBLE, ""), refused
        assert "is full" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert running in run(disk / "s", "list", "--limit", "1000", "--json").stdout
        go.touch()
        task = engine.wait(running, 30)
        assert (task.status, task.result) == ("completed", {"exit_code": 0})
        assert not (disk / "s" / BALLAST).exists()
        filler.unlink()
        # Nobody has to do anything else.
        again = engine.wait(engine.submit("shell", {"argv": ["echo", "well"]}), 30)
        assert again.status == "completed"
        assert engine.logs(again.id) == "well\n"
    assert is_intact(disk / "s")


def a_checkpoint_fails_in_words_and_succeeds_later(base: Path) -> None:
    disk = base / "disk"
    mount(disk, size="24m")
    with closing(SqliteStore(disk / "s")) as store:
        store.add([a_task()])
        with closing(SqliteStore(disk / "s", of_worker=True)) as worker:
            worker.exchange([], 0, NOON)
            for number in range(100):
                store.add([a_task(id=f"t_b{number}", params={"argv": ["x" * 20_000]})])
            filler = fill(disk)
            for _ in range(2):
                with pytest.raises(StoreFullError, match="is full"):
                    worker.checkpoint()
            assert len(store.find(Filter(limit=1000))) == 101
            filler.unlink()
            assert worker.checkpoint()
            store.add([a_task(id="t_last")])
            assert len(worker.find(Filter(limit=1000))) == 102
    assert is_intact(disk / "s")


def opening_fails_in_words_and_succeeds_later(base: Path) -> None:
    disk = base / "disk"
    mount(disk, size="8m")
    with closing(SqliteStore(disk / "s")) as store:
        store.add([a_task()])
    filler = fill(disk)
    for home in (disk / "s", disk / "new"):
        with closing(SqliteStore(home)) as store:
            for look in (store.last_event, lambda: store.add([a_task(id="t_2")])):
                with pytest.raises(StoreFullError, match="is full"):
                    look()
    for words in (["list"], ["submit", "shell", "--", "true"]):
        done = run(disk / "s", *words)
        assert done.returncode == Exit.TROUBLE, done
        assert "is full" in done.stderr
    assert "Traceback" not in run(disk / "s", "doctor").stderr
    filler.unlink()
    for home, ids in ((disk / "s", ["t_3", "t_1"]), (disk / "new", ["t_3"])):
        with closing(SqliteStore(home)) as store:
            store.add([a_task(id="t_3")])
            assert [task.id for task in store.find(Filter())] == ids
        assert is_intact(home)


# ---- D24: no inode is left


def no_inode_is_as_no_space(base: Path) -> None:
    disk = base / "disk"
    mount(disk, size="48m", nr_inodes=400)
    with worked_on(disk / "s") as engine:
        first = engine.wait(engine.submit("shell", {"argv": ["echo", "x"]}), 30)
        assert first.status == "completed"
        taken = take_names(disk)
        with pytest.raises(StoreFullError, match="is full"):
            engine.submit("shell", {"argv": ["true", LARGE]})
        # This one is kept in a row; it starts when there is a place for its attempt.
        task_id = engine.submit("shell", {"argv": ["echo", "late"]})
        until(lambda: engine.status(task_id).refused > 0, what="its start was refused")
        for path in taken:
            path.unlink()
        assert engine.wait(task_id, 30).status == "completed"
        assert engine.logs(task_id) == "late\n"
    taken = take_names(disk)
    with closing(SqliteStore(disk / "s")) as store:
        with pytest.raises(StoreFullError, match="is full"):
            store.last_event()
        taken[0].unlink()
        taken[1].unlink()
        assert store.get(task_id).status == "completed"


# ---- D23: only the logs have no room


def a_task_goes_on_without_its_log(base: Path) -> None:
    home = base / "s"
    with closing(SqliteStore(home)) as store:
        store.last_event()
    mount(home / "attempts", size="1m")
    os.environ["TTA_MIN_FREE_BYTES"] = "0"  # else the task is stopped, when its shim looks in time
    with worked_on(home) as engine:
        script = "yes | tr -d '\\n' | head -c 8000000; exit 7"
        task = engine.wait(engine.submit("shell", {"script": script}), 60)
        assert task.error is not None
        assert (task.status, task.error.message) == ("failed", "exited with 7"), task
        text = engine.logs(task.id, max_bytes=10_000_000)
        assert 100_000 < len(text) < 1_100_000
        assert text.startswith("yyyy")
        assert text.endswith("y\n[... the rest could not be kept: No space left on device ...]\n")
        (home / "attempts" / f"{task.id}.1" / "log").unlink()
        after = engine.wait(engine.submit("shell", {"argv": ["echo", "next"]}), 30)
        assert (after.status, engine.logs(after.id)) == ("completed", "next\n")


# ---- D5: read-only


def a_read_only_disk_is_said(base: Path) -> None:
    disk = base / "disk"
    mount(disk, size="8m")
    with closing(SqliteStore(disk / "s")) as store:
        store.add([a_task()])
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with closing(SqliteStore(disk / "s")) as store:
        for look in (store.last_event, lambda: store.add([a_task(id="t_2")])):
            with pytest.raises(UnsafePlaceError, match=r"cannot be written \(Read-only file"):
                look()
    for words in (["status", "t_1"], ["list"], ["submit", "shell", "--", "true"]):
        done = run(disk / "s", *words)
        assert (done.returncode, done.stdout) == (Exit.TROUBLE, ""), done
        assert "cannot be written" in done.stderr
        assert "Traceback" not in done.stderr
    doctor = run(disk / "s", "doctor")
    assert "Traceback" not in doctor.stderr
    assert "1 queued" in doctor.stdout
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    with closing(SqliteStore(disk / "s")) as store:
        (begun,) = store.exchange([], 1, NOON)
        ending = Ending(task_id=begun.id, attempt=1, status=TaskStatus.COMPLETED)
        store.exchange([ending], 0, NOON)


SCENARIOS: tuple[Callable[[Path], None], ...] = (
    submits_are_refused_and_endings_recorded,
    a_checkpoint_fails_in_words_and_succeeds_later,
    opening_fails_in_words_and_succeeds_later,
    no_inode_is_as_no_space,
    a_task_goes_on_without_its_log,
    a_read_only_disk_is_said,
)


if __name__ == "__main__":
    os.environ["TTA_IDLE_EXIT"] = "60"
    {scenario.__name__: scenario for scenario in SCENARIOS}[sys.argv[1]](Path(sys.argv[2]))
