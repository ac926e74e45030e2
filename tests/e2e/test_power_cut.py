"""A power cut at any moment: what was acknowledged is there, and nothing that was not asked for.

(D3) No machine is switched off. The system calls of a real process are traced, and from them
is made what a disk may hold: see `power.py`.
"""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import a_task
from tests.e2e.power import CALLS, Disk, Kept
from tests.e2e.power_submitter import TASKS, text_of
from tta_interactive.store import DAMAGED, Filter, SqliteStore

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.strace


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(where the process worked, its trace)."""
    base = tmp_path_factory.mktemp("power")
    log = base / "trace"
    strace = ["strace", "-qq", "-y", "-xx", "-s", "1000000", "-e", f"trace={CALLS}", "-o", str(log)]
    program = [sys.executable, "-m", "tests.e2e.power_submitter", str(base / "state" / "s")]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(
        [*strace, *program], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True
    )
    return base, log


@pytest.fixture
def images() -> Iterator[Path]:
    """Where images are opened: in memory, where that is, for there are hundreds."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="tta-power-", dir=memory) as place:
        yield Path(place)


@pytest.mark.slow
@pytest.mark.parametrize("kept", ["nothing", "some", "all"])
def test_a_power_cut_loses_nothing_acknowledged_and_invents_nothing(
    trace: tuple[Path, Path], images: Path, kept: Kept
) -> None:
    base, log = trace
    disk, chance = Disk(base), random.Random(20261123)
    cuts = 0
    with log.open(encoding="ascii") as lines:
        for number, _ in enumerate(disk.follow(lines)):
            disk.image(images / str(number), kept, chance)
            check(images / str(number) / "state" / "s", disk.said)
            shutil.rmtree(images / str(number))
            cuts += 1
    assert disk.said.count("added") == TASKS, "the trace is not whole"
    assert cuts > 3 * TASKS


def check(home: Path, said: str) -> None:
    """The store opens, is intact, keeps what was acknowledged, and goes on working."""
    words = [line.split() for line in said.splitlines()]
    added = {word[1] for word in words if word[0] == "added"}
    ended = {word[1]: int(word[2]) for word in words if word[0] == "ended"}
    with closing(SqliteStore(home)) as store:
        tasks = {task.id: task for task in store.find(Filter(limit=1000))}
        assert added <= tasks.keys() <= {f"t_{number}" for number in range(TASKS)}
        assert len(tasks) - len(added) <= 1, "more than the one that was on its way"
        for task_id in tasks:
            task = store.get(task_id)
            assert DAMAGED not in task.metadata
            assert task.params == {"argv": [text_of(int(task_id[2:]))]}
            if task_id in ended:
                assert (task.status, task.result) == ("completed", text_of(ended[task_id]))
        store.add([a_task(id="t_next")])
    with closing(sqlite3.connect(home / "tasks.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
