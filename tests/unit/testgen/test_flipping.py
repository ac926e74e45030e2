"""A name that changes between what it was and a link, all the time, leads nowhere else."""

import ctypes
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.unit.testgen.conftest import Lab
from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.module import find_module
from tta_interactive.runners.testgen.write import write_test_file

TURNS = 300
BOUND = 30.0
LONGEST_PAUSE = 0.0003
AT_CWD = -100
RENAME_EXCHANGE = 2
OURS, SECRET = "def ours(): return 1\n", "def secret(): return 'hunter2'\n"
LIBC = ctypes.CDLL(None, use_errno=True)


@contextmanager
def flipping(name: Path, link_to: Path) -> Iterator[Callable[[], bool]]:
    """Exchanges `name` with a link, again and again; there is no moment without the name.

    What it gives says whether to go on.
    """
    link = name.with_name("link")
    link.symlink_to(link_to)
    draw = random.Random(1)
    over, turns = threading.Event(), [0]
    both = (AT_CWD, os.fsencode(name), AT_CWD, os.fsencode(link), RENAME_EXCHANGE)

    def flip() -> None:
        while not over.is_set():
            assert LIBC.renameat2(*both) == 0, os.strerror(ctypes.get_errno())
            turns[0] += 1
            time.sleep(draw.random() * LONGEST_PAUSE)  # else it keeps step with what it disturbs

    thread = threading.Thread(target=flip)
    thread.start()
    end = time.monotonic() + BOUND
    try:
        yield lambda: turns[0] < TURNS and time.monotonic() < end
    finally:
        over.set()
        thread.join()
    assert turns[0] >= TURNS


def test_a_module_that_flips_is_never_read_from_outside(lab: Lab, tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text(SECRET)
    lab.write("m.py", OURS)
    tried = read = 0
    with flipping(lab.workspace / "m.py", outside) as going:
        while going():
            tried += 1
            with suppress(TaskFailure):
                assert find_module("m.py", lab.workspace).text == OURS
                read += 1
    assert 0 < read < tried  # both were met


def test_an_output_folder_that_flips_never_leads_outside(lab: Lab, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    folder = lab.workspace / "tests"
    folder.mkdir()
    tried = written = 0
    with flipping(folder, outside) as going:
        while going():
            tried += 1
            with suppress(TaskFailure):
                output = Path(f"tests/test_{tried}.py")
                write_test_file("x = 1\n", output, lab.workspace, "m", overwrite=False)
                written += 1
    assert 0 < written < tried
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("overwrite", [True, False])
def test_an_output_file_that_flips_is_never_written_through(
    lab: Lab, tmp_path: Path, overwrite: bool
) -> None:
    bashrc = tmp_path / "bashrc"
    bashrc.write_text("mine")
    lab.write("tests/test_m.py", "theirs")
    with flipping(lab.workspace / "tests" / "test_m.py", bashrc) as going:
        while going():
            with suppress(TaskFailure):
                output = Path("tests/test_m.py")
                write_test_file("x = 1\n", output, lab.workspace, "m", overwrite=overwrite)
    assert bashrc.read_text() == "mine"
