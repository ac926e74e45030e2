"""A damaged database is set aside by the worker; what can be saved is saved (P21, D10)."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.e2e.processes import marked, start_no_worker, until
from tta_interactive.blocking import BlockingEngine
from tta_interactive.errors import StoreDamagedError, TTAError
from tta_interactive.worker.start import stop_worker

TASKS = 60
PAGE = 4096


def pages(home: Path) -> int:
    return (home / "tasks.db").stat().st_size // PAGE


def damage(home: Path, numbers: Iterable[int]) -> None:
    """Overwrite half of some pages, as a failing disk does; the first page stays ours."""
    with (home / "tasks.db").open("r+b") as file:
        for number in numbers:
            file.seek(number * PAGE + (100 if number == 0 else 0))
            file.write(b"\xff" * (PAGE // 2))


def use_all(engine: BlockingEngine) -> None:
    """Read and write whatever there is."""
    engine.list(limit=1000)
    engine.counts()
    engine.submit("shell", {"argv": ["true"]})


def set_aside(home: Path) -> list[Path]:
    return list(home.glob("damaged-*/tasks.jsonl"))


def works_again(home: Path) -> bool:
    with BlockingEngine(home) as engine:
        try:
            task = engine.wait(engine.submit("shell", {"argv": ["echo", "new"]}), 10)
        except TTAError:
            return False
        return engine.logs(task.id) == "new\n"


@pytest.fixture
def filled(home: Path) -> str:
    """The id of a task that ran, in a store with more of them that nobody has open."""
    with BlockingEngine(home) as engine:
        ran = engine.wait(engine.submit("shell", {"argv": ["echo", "old"]}), 20).id
        assert stop_worker(home)
        start_no_worker(engine)
        for number in range(TASKS):
            engine.submit("shell", {"argv": ["true"]}, label=f"n{number}")
    return ran


@pytest.mark.parametrize("what", ["schema", "root", "last half"])
def test_a_damaged_database_is_set_aside_and_work_goes_on(
    home: Path, filled: str, what: str
) -> None:
    last = range(pages(home) // 2, pages(home))
    damage(home, {"schema": [0], "root": [1], "last half": last}[what])
    with BlockingEngine(home) as engine, pytest.raises(StoreDamagedError, match="set aside"):
        use_all(engine)
    until(lambda: bool(set_aside(home)), 20, "the worker set it aside")
    until(lambda: works_again(home), 30, "there is a new store")
    (export,) = set_aside(home)
    assert (export.parent / "tasks.db").exists()
    for line in export.read_text().splitlines():
        assert json.loads(line)["kind"] == "shell"
    assert (home / "attempts" / f"{filled}.1" / "log").read_text() == "old\n"
    assert not (home / "damage-seen").exists()


def test_what_can_be_read_of_a_damaged_database_is_saved(home: Path, filled: str) -> None:
    damage(home, [pages(home) - 1])
    (home / "damage-seen").touch()  # whoever met it
    with BlockingEngine(home) as engine:
        engine._core.watcher.start_worker()  # pyright: ignore[reportPrivateUsage]
        until(lambda: bool(set_aside(home)), 20, "the worker set it aside")
    (export,) = set_aside(home)
    saved = {json.loads(line)["id"] for line in export.read_text().splitlines()}
    assert filled in saved
    assert len(saved) > TASKS // 2


def test_a_running_worker_sets_it_aside_and_ends_what_nobody_knows_of(home: Path) -> None:
    mark = f"ttadamage-{os.getpid()}"
    with BlockingEngine(home) as engine:
        engine.submit("shell", {"argv": ["bash", "-c", f"exec -a {mark} sleep 60"]})
        until(lambda: bool(marked(mark)), what="it runs")
        # A page of the log would hide the damage: the mark is what the worker goes by.
        damage(home, range(1, pages(home)))
        (home / "damage-seen").touch()
        until(lambda: bool(set_aside(home)), 30, "the worker set it aside")
        until(lambda: marked(mark) == [], 20, "its process was ended")
    until(lambda: works_again(home), 30, "there is a new store")


def test_a_store_that_is_well_is_not_set_aside(home: Path, filled: str) -> None:
    (home / "damage-seen").touch()
    with BlockingEngine(home) as engine:
        assert engine.wait(engine.submit("shell", {"argv": ["true"]}), 20).status == "completed"
        assert engine.status(filled).status == "completed"
    assert set_aside(home) == []
    assert not (home / "damage-seen").exists()
