"""What all tests share: a store of their own whose worker ends with the test."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tta_interactive.blocking import BlockingEngine
from tta_interactive.sandbox import probe
from tta_interactive.store import open_store
from tta_interactive.task import SandboxLevel, Task
from tta_interactive.worker.start import stop_worker, wait_for_worker

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
# A namespace where whoever runs the tests may mount: root has the right, others get one.
MOUNT_NAMESPACE = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
REQUIRE_ALL = os.environ.get("TTA_REQUIRE_ALL") == "1"


def a_task(**facts: Any) -> Task:
    """A queued task with the usual facts."""
    usual: dict[str, Any] = {"id": "t_1", "kind": "shell", "submitted_at": NOON}
    return Task.model_validate({**usual, **facts})


def a_project(base: Path, name: str, text: str) -> Path:
    """A directory to work in, with one file."""
    path = base / "project"
    path.mkdir()
    (path / name).write_text(text)
    return path


def can_mount() -> bool:
    """Whether a small disk can be mounted for a test, where only the test sees it."""
    try:
        command = [*MOUNT_NAMESPACE, "mount", "-t", "tmpfs", "none", "/tmp"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def make_store(home: Path) -> None:
    """Make an empty store, as the first client does: a worker makes none."""
    store = open_store(home)
    store.last_event()
    store.close()


def missing_parts() -> dict[str, str]:
    """Marker -> why its tests cannot run on this machine."""
    missing: dict[str, str] = {}
    if probe() < SandboxLevel.NAMESPACES:
        missing["sandbox"] = "bubblewrap is not installed or cannot make namespaces"
    if not can_mount():
        missing["small_disk"] = "this machine makes no namespace in which a disk can be mounted"
    if shutil.which("strace") is None:
        missing["strace"] = "strace is not installed"
    if shutil.which("openssl") is None:
        missing["openssl"] = "openssl is not installed"
    if shutil.which("chromium") is None:
        missing["browser"] = "Chromium is not installed"
    elif importlib.util.find_spec("jupyterlab") is None:
        missing["browser"] = "JupyterLab is not installed"
    elif importlib.util.find_spec("playwright") is None:
        missing["browser"] = "Playwright is not installed"
    return missing


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine cannot run, in words; refuse to skip where all is required."""
    missing = missing_parts()
    for item in items:
        for marker, reason in missing.items():
            if item.get_closest_marker(marker):
                if REQUIRE_ALL:
                    raise pytest.UsageError(f"TTA_REQUIRE_ALL=1, but {reason}.")
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Async tests run on both event loops."""
    return request.param


@pytest.fixture
def home() -> Iterator[Path]:
    """A store's directory, short enough for sockets; its worker is gone afterwards."""
    base = Path(tempfile.mkdtemp(prefix="tta-", dir="/tmp"))
    path = base / "s"
    yield path
    try:
        if (path / "worker.log").exists():
            wait_for_worker(path, 0.5)  # another process may just have started one
        if path.is_dir():
            assert stop_worker(path, timeout=15), "the worker did not end"
    finally:
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def engine(home: Path) -> Iterator[BlockingEngine]:
    """A blocking engine on a store of the test's own."""
    with BlockingEngine(home) as opened:
        yield opened
