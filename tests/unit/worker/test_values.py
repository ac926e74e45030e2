"""Files of variables that are sent to tasks: whole or not there, and gone when nobody needs them."""

import hashlib
import os
from datetime import timedelta
from pathlib import Path

import pytest

from tta_interactive.blocking import BlockingEngine
from tta_interactive.worker.values import FORMS, left_value, new_value


def kept(home: Path, data: bytes) -> str:
    with new_value(home) as file:
        file.write(data)
        return file.keep()


def files(home: Path) -> set[str]:
    return {path.name for path in (home / "values").iterdir()}


def test_a_value_is_named_by_its_content_and_lies_there_once(tmp_path: Path) -> None:
    name = kept(tmp_path, b"abc")
    assert name == hashlib.blake2b(b"abc", digest_size=20).hexdigest()
    assert kept(tmp_path, b"abc") == name
    assert files(tmp_path) == {name}
    assert (tmp_path / "values" / name).stat().st_mode & 0o777 == 0o600


def test_a_value_that_was_not_finished_leaves_nothing(tmp_path: Path) -> None:
    with new_value(tmp_path) as file:
        file.write(b"half")
    assert files(tmp_path) == set()


def test_old_values_go_unless_a_task_names_them(home: Path, engine: BlockingEngine) -> None:
    needed, _ = kept(home, b"needed"), kept(home, b"unneeded")
    for path in (home / "values").iterdir():
        os.utime(path, (1, 1))
    fresh = kept(home, b"fresh")
    inputs = {"x": {"file": needed}}
    engine.submit("python", {"code": "x", "inputs": inputs}, not_before="2100-01-01T00:00Z")
    engine.collect_garbage(timedelta(0))
    assert files(home) == {needed, fresh}


@pytest.mark.parametrize("form", FORMS)
def test_what_a_task_left_is_read_as_a_strangers_file(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / f"x.{form}").write_bytes(b"12345")
    assert left_value(tmp_path, "x", 5) == (form, b"12345")
    assert left_value(tmp_path, "y", 5) is None
    with pytest.raises(ValueError, match="allowed are 4"):
        left_value(tmp_path, "x", 4)
    os.mkfifo(folder / f"z.{form}")
    with pytest.raises(OSError, match="regular"):
        left_value(tmp_path, "z", 5)


def test_a_link_in_place_of_the_directory_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.json").write_text("1")
    (tmp_path / "out").symlink_to(other)
    with pytest.raises(OSError, match="directory"):
        left_value(tmp_path, "x", 5)
