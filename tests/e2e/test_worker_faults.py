"""What may happen to a worker's surroundings, and what the next submit finds."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.e2e.processes import is_alive, marked, of_store, until
from tta_interactive.blocking import BlockingEngine
from tta_interactive.worker.start import wait_for_worker, worker_environment, worker_pid


@pytest.fixture
def mark(request: pytest.FixtureRequest) -> str:
    """A name for the processes of this test."""
    return f"ttafault-{os.getpid()}-{abs(hash(request.node.name)) % 10**8}"


def test_after_a_logout_that_killed_everything_the_next_submit_goes_on(
    engine: BlockingEngine, home: Path, mark: str
) -> None:
    script = f"exec -a {mark} sleep 60"
    lost = engine.submit("shell", {"argv": ["bash", "-c", script]})
    again = engine.submit("shell", {"argv": ["sh", "-c", "echo done"]}, after=[lost])
    repeatable = engine.submit(
        "shell",
        {"argv": ["bash", "-c", f"[ $TTA_ATTEMPT -gt 1 ] || {script}"]},
        idempotent=True,
    )
    until(lambda: len(marked(mark)) == 2, what="both run")
    for pid in (victims := of_store(home)):  # worker, zygote, shims and tasks
        os.kill(pid, signal.SIGKILL)
    until(lambda: not any(map(is_alive, victims)), what="all of the session is dead")
    with BlockingEngine(home) as login:
        new = login.submit("shell", {"argv": ["true"]})
        assert login.wait(new, 20).status == "completed"
        task = login.wait(lost, 10)
        assert (task.status, task.error and task.error.code) == ("failed", "lost")
        assert login.wait(again, 10).status == "failed"
        task = login.wait(repeatable, 20)
        assert (task.status, task.attempt) == ("completed", 2)
    assert marked(mark) == []


@pytest.fixture
def other_python(tmp_path: Path) -> Path:
    """An interpreter of an environment that can be deleted; it has what a worker needs."""
    place = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    (site,) = place.glob("lib/python*/site-packages")
    (site / "ours.pth").write_text("\n".join(p for p in sys.path if p.endswith("-packages")))
    return place / "bin" / "python"


def test_a_task_outlives_its_deleted_environment_and_new_ones_are_told(
    home: Path, other_python: Path, tmp_path: Path
) -> None:
    with BlockingEngine(home) as engine:
        engine.counts()  # a worker serves no directory without a store
    command = [str(other_python), "-P", "-m", "tta_interactive.worker", str(home)]
    worker = subprocess.Popen(command, env=worker_environment())
    try:
        assert wait_for_worker(home, 20) == worker.pid
        with BlockingEngine(home) as engine:
            go, python = tmp_path / "go", str(other_python)
            code = f"import os, select\nprint('up')\nwhile not os.path.exists({str(go)!r}):\n"
            code += "    select.select([], [], [], 0.02)\n42"
            running = engine.submit("python", {"code": code}, python=python)
            until(lambda: engine.logs(running) == "up\n", what="it runs")
            shutil.rmtree(tmp_path / "venv")
            new = engine.wait(engine.submit("python", {"code": "1"}, python=python), 20)
            assert new.error is not None
            assert new.error.code == "interpreter"
            assert f"The interpreter {python!r} is gone." in new.error.message
            go.touch()
            task = engine.wait(running, 20)
            assert (task.status, task.result) == ("completed", 42)
            other = engine.submit("python", {"code": "2"}, python=sys.executable)
            assert engine.wait(other, 20).result == 2
            assert worker_pid(home) == worker.pid
            # Without its zygote this worker cannot start anything any more: it says why.
            (zygote,) = psutil.Process(worker.pid).children()
            assert zygote.name() == "tta-zygote"
            for waiting in zygote.children():  # its shims, which may serve again
                waiting.kill()
            zygote.kill()
            until(lambda: not is_alive(zygote.pid))
            told = engine.wait(engine.submit("shell", {"argv": ["true"]}), 20)
            assert told.error is not None
            assert told.error.code == "interpreter"
            assert "which the worker was started with, is gone" in told.error.message
    finally:
        worker.terminate()
        worker.wait(20)
