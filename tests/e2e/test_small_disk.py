"""A full disk, no inodes, a quota, a read-only place: said in words, and over when it is over.

The scenarios stand in `small_disk.py`: they are run where a disk of their own can be mounted.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import MOUNT_NAMESPACE, a_task
from tests.e2e.small_disk import SCENARIOS
from tta_interactive.store import SqliteStore

ROOT = Path(__file__).parents[2]
# What makes root an owner like any other: it obeys the mode of its own directory.
AS_OWNER = (
    ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
)


@pytest.fixture
def base() -> Iterator[Path]:
    """An empty directory on a short path."""
    path = Path(tempfile.mkdtemp(prefix="tta-d-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.mark.small_disk
@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_on_a_small_disk(base: Path, scenario: Callable[[Path], None]) -> None:  # D4 D5 D23 D24
    program = [sys.executable, "-m", "tests.e2e.small_disk", scenario.__name__, str(base)]
    done = subprocess.run(
        [*MOUNT_NAMESPACE, *program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-5000:]


QUOTA = """
import os, sys, threading
from pathlib import Path
from tests.conftest import a_task
from tta_interactive.errors import StoreFullError
from tta_interactive.store import SqliteStore
store = SqliteStore(Path(sys.argv[1]))
store.add([a_task(id="t_2")])
print(f"probe.{os.getpid()}.{threading.get_ident()}", flush=True)
sys.stdin.readline()
try:
    store.add([a_task(id="t_3")])
except StoreFullError as error:
    print(error, flush=True)
sys.stdin.readline()
store.add([a_task(id="t_4")])
print([task.id for task in store.get_many(["t_1", "t_2", "t_3", "t_4"])], flush=True)
"""


@pytest.mark.strace
def test_a_used_up_quota_is_a_full_disk(tmp_path: Path) -> None:  # D24
    # No quota is set up: the kernel's answer to each write of the store is exchanged.
    home = tmp_path / "s"
    with closing(SqliteStore(home)) as store:
        store.add([a_task()])
    child = subprocess.Popen(
        [sys.executable, "-c", QUOTA, str(home)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        probe = child.stdout.readline().strip()
        tracer = subprocess.Popen(
            ["strace", "-f", "-p", str(child.pid), "-P", str(home / "tasks.db-wal"),
             "-P", str(home / probe), "-e", "inject=pwrite64,write:error=EDQUOT"],
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        with tracer:
            assert tracer.stderr is not None
            assert "attached" in tracer.stderr.readline()
            child.stdin.write("\n")
            child.stdin.flush()
            assert "is full, so nothing was recorded" in child.stdout.readline()
            tracer.terminate()
            tracer.stderr.read()
        child.stdin.write("\n")
        child.stdin.flush()
        assert sorted(child.stdout.readline().split("'")[1::2]) == ["t_1", "t_2", "t_4"]


READ_ONLY = """
import sys
from pathlib import Path
from tta_interactive.errors import UnsafePlaceError
from tta_interactive.store import SqliteStore
try:
    SqliteStore(Path(sys.argv[1])).last_event()
except UnsafePlaceError as error:
    print(error)
"""


@pytest.mark.parametrize("is_new", [False, True])
def test_a_read_only_directory_is_said(tmp_path: Path, is_new: bool) -> None:  # D5
    home = tmp_path / "s"
    home.mkdir(mode=0o700)
    if not is_new:
        with closing(SqliteStore(home)) as store:
            store.add([a_task()])
    home.chmod(0o500)
    program = [*AS_OWNER, sys.executable, "-c", READ_ONLY, str(home)]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    home.chmod(0o700)
    assert done.stderr == ""
    assert ("cannot be made: Permission denied" if is_new else "cannot be written") in done.stdout
    with closing(SqliteStore(home)) as store:
        assert store.last_event() == (0 if is_new else 1)
