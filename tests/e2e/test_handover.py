"""A worker of an older release makes room for a newer one, and no task notices."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import make_store
from tests.e2e.processes import is_alive, marked, of_store, shim_of, until
from tta_interactive.blocking import BlockingEngine
from tta_interactive.version import __version__
from tta_interactive.worker.handover import is_older
from tta_interactive.worker.lease import served_version
from tta_interactive.worker.start import wait_for_worker, worker_environment, worker_pid

ROOT = Path(__file__).parents[2]
Release = Callable[[str], Path]


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """Another release of this package: a copy that has another version."""

    def make(version: str) -> Path:
        place = tmp_path / version
        unwanted = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "tta_interactive", place / "tta_interactive", ignore=unwanted)
        (place / "tta_interactive" / "version.py").write_text(f'__version__ = "{version}"\n')
        return place

    return make


@pytest.fixture
def serve(home: Path, release: Release) -> Iterator[Callable[[str], int]]:
    """Has the store served by another release; the worker's pid."""
    started: list[subprocess.Popen[bytes]] = []

    def start(version: str) -> int:
        make_store(home)
        environment = {**worker_environment(), "PYTHONPATH": str(release(version))}
        command = [sys.executable, "-P", "-m", "tta_interactive.worker", str(home)]
        with (home / "worker.log").open("wb") as log:
            started.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        assert wait_for_worker(home, 20) == started[-1].pid
        until((home / "bell.sock").exists, what="it serves")
        return started[-1].pid

    yield start
    for process in started:
        process.terminate()
        process.wait(20)


def submitted_by(version: str, home: Path, tmp_path: Path, *words: str) -> str:
    environment = {"PATH": os.environ["PATH"], "TTA_HOME": str(home)}
    environment["PYTHONPATH"] = str(tmp_path / version)
    command = [sys.executable, "-P", "-m", "tta_interactive", "submit", *words]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_newer_client_gets_a_newer_worker_and_what_runs_goes_on(
    home: Path, tmp_path: Path, serve: Callable[[str], int]
) -> None:
    old = serve("0.0.9")
    assert served_version(home) == "0.0.9"
    mark, go = f"ttahand-{os.getpid()}", tmp_path / "go"
    script = f"while [ ! -e {go} ]; do ( exec -a {mark} sleep 0.05 ); done; echo done"
    running = submitted_by("0.0.9", home, tmp_path, "shell", "--", "bash", "-c", script)
    until(lambda: bool(marked(str(go))), what="it runs under the old worker")
    shim = shim_of(marked(str(go))[0])
    assert worker_pid(home) == old
    with BlockingEngine(home) as engine:
        new_task = engine.submit("shell", {"argv": ["true"]})
        assert engine.wait(new_task, 20).status == "completed"
        until(lambda: worker_pid(home) not in (None, old), 20, "another worker serves")
        until(lambda: served_version(home) == __version__, what="it has said its release")
        assert is_alive(shim)
        go.touch()
        task = engine.wait(running, 20)
        assert (task.status, task.attempt) == ("completed", 1)
        assert engine.logs(running) == "done\n"
        moves = [e.status for e in engine._core.store.events_after(0)  # pyright: ignore[reportPrivateUsage]
                 if e.kind == "moved" and e.task_id == running]  # fmt: skip
        assert moves == ["queued", "running", "completed"]
        assert len([pid for pid in of_store(home) if _is_worker(pid, home)]) == 1


def test_a_call_in_the_old_worker_s_pool_ends_first(
    home: Path, tmp_path: Path, serve: Callable[[str], int]
) -> None:
    old = serve("0.0.9")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    (tmp_path / "reads.py").write_text("def wait(path):\n    return open(path).read()\n")
    environment = {"PATH": os.environ["PATH"], "TTA_HOME": str(home)}
    environment["PYTHONPATH"] = str(tmp_path / "0.0.9")
    words = ["reads:wait", str(fifo)]
    command = [sys.executable, "-P", "-m", "tta_interactive", "submit", *words]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, check=True, capture_output=True, text=True
    )
    call = done.stdout.strip()
    with BlockingEngine(home) as engine:
        until(lambda: engine._core.store.get(call).status == "running")  # pyright: ignore[reportPrivateUsage]
        waiting = engine.submit("shell", {"argv": ["true"]})
        until(lambda: "takes over" in (home / "worker.log").read_text(), 20)
        assert worker_pid(home) == old
        fifo.write_text("42")
        assert engine.wait(call, 20).result == "42"
        assert engine.wait(waiting, 20).status == "completed"
        until(lambda: served_version(home) == __version__, 20)


def test_a_task_outlives_an_upgrade_in_the_place_of_its_release(
    home: Path, tmp_path: Path, serve: Callable[[str], int]
) -> None:
    old, go = serve("0.0.9"), tmp_path / "go"
    script = f"while [ ! -e {go} ]; do sleep 0.05; done; echo done"
    running = submitted_by("0.0.9", home, tmp_path, "shell", "--", "bash", "-c", script)
    until(lambda: bool(marked(str(go))), what="it runs under the old release")
    package = tmp_path / "0.0.9" / "tta_interactive"
    shutil.rmtree(package)
    with BlockingEngine(home) as engine:
        between = engine.submit("shell", {"argv": ["true"]})  # the old release's files are gone
        shutil.copytree(ROOT / "tta_interactive", package)
        after = submitted_by("0.0.9", home, tmp_path, "shell", "--", "true")
        ends = [engine.wait(task, 20) for task in (between, after)]
        assert worker_pid(home) not in (None, old)
        go.touch()
        ends.append(engine.wait(running, 20))
        assert [(task.status, task.attempt) for task in ends] == [("completed", 1)] * 3
        assert engine.logs(running) == "done\n"


@pytest.mark.parametrize("version", [__version__, "99.1"])
def test_a_worker_that_is_not_older_stays(
    home: Path, serve: Callable[[str], int], version: str
) -> None:
    worker = serve(version)
    with BlockingEngine(home) as engine:
        assert engine.wait(engine.submit("shell", {"argv": ["true"]}), 20).is_final
        assert worker_pid(home) == worker
        assert "takes over" not in (home / "worker.log").read_text()


@pytest.mark.parametrize(
    ("first", "second", "older"),
    [
        ("0.1.0", "0.1.1", True),
        ("0.9.0", "0.10.0", True),
        ("0.2.0a1", "0.2.0", True),
        ("0.2.0", "0.2.0a1", False),
        ("0.2.0", "0.2.0", False),
        ("0.2.0+local", "0.2.0", False),
        ("1", "0.9", False),
        ("", "0.9", False),
        ("nonsense", "0.9", False),
    ],
)
def test_versions_are_compared_as_numbers(first: str, second: str, older: bool) -> None:
    assert is_older(first, second) is older


def _is_worker(pid: int, home: Path) -> bool:
    line = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return b"tta_interactive.worker" in line and os.fsencode(home) in line
