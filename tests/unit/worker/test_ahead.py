"""What the two files of a pool process prove, and what they do not."""

import os
import shutil
from pathlib import Path

import pytest

from tta_interactive.worker import ahead


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """As of a process: `pool/ID` beside the database."""
    (tmp_path / "tasks.db").touch()
    made = tmp_path / "pool" / "t_pool"
    made.mkdir(parents=True)
    return made


def gave(directory: Path, *calls: int) -> None:
    os.close(ahead.open_begun(directory))
    given = ahead.GivenFile(directory)
    for call in calls:
        given.note(call, f"t_{call}", 1)
    given.close()


def test_what_was_given_and_not_begun_is_known(directory: Path) -> None:
    gave(directory, 2, 3, 12)
    (directory / ahead.BEGUN).write_text("2\n1")
    assert ahead.never_begun(directory) == {("t_3", 1), ("t_12", 1)}


def test_a_line_that_was_not_written_whole_proves_nothing(directory: Path) -> None:
    gave(directory, 2)
    with (directory / ahead.GIVEN).open("a") as file:
        file.write("3 t_3 1")
    assert ahead.never_begun(directory) == {("t_2", 1)}


@pytest.mark.parametrize("missing", [ahead.GIVEN, ahead.BEGUN])
def test_without_both_files_nothing_is_proven(directory: Path, missing: str) -> None:
    gave(directory, 2)
    (directory / missing).unlink()
    assert ahead.never_begun(directory) == set()


def test_after_a_power_cut_nothing_is_proven(directory: Path) -> None:
    gave(directory, 2)
    path = directory / ahead.GIVEN
    path.write_text("another-start" + path.read_text())
    assert ahead.never_begun(directory) == set()


@pytest.mark.parametrize("what", ["the directory", "the database"])
def test_a_copy_proves_nothing(directory: Path, what: str) -> None:
    gave(directory, 2)
    assert ahead.never_begun(directory) == {("t_2", 1)}
    kept = directory if what == "the directory" else directory.parents[1] / "tasks.db"
    kept.rename(kept.with_name("old"))
    (shutil.copytree if kept is directory else shutil.copy)(kept.with_name("old"), kept)
    assert ahead.never_begun(directory) == set()


@pytest.mark.parametrize("text", ["", "\n", "no lines", "x\n1 2\n", "\x00\n\x00\n"])
def test_a_broken_file_proves_nothing(directory: Path, text: str) -> None:
    gave(directory, 2)
    (directory / ahead.GIVEN).write_text(text)
    assert ahead.never_begun(directory) == set()
    (directory / ahead.GIVEN).write_text(f"{ahead.life_of(directory)}\n{text}\n")
    assert ahead.never_begun(directory) == set()
