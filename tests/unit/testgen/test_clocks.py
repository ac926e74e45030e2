"""Tests of code that reads the time set the clock, and none waits."""

import datetime
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.testgen.devices import DEVICES
from tests.unit.testgen.test_devices import generated
from tta_interactive.runners.testgen.inside.generate.clocks import SUPPORT

CODE = DEVICES["clocks that are read, and waiting"]


UNMOVED = """
    import time

    TOOK = []

    def double(number: int) -> int:
        begun = time.monotonic()
        twice = number * 2
        TOOK.append(time.monotonic() - begun)
        return twice
"""


# True today, and of the moment to which tests set the clock; but not for ever.
LIKE_NOW = """
    import datetime
    import time

    def is_soon() -> bool:
        return time.time() < 1_990_000_000

    def is_near() -> bool:
        return datetime.datetime.now().year < 2033
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    place = tmp_path_factory.mktemp("clocks")
    report = generated(place, CODE, seconds=1.5)
    assert report["missing"] == []
    (place / "test_m.py").write_text(report["source"], encoding="utf-8")
    return place, report["source"]


def the_tests_with(text: str, words: str) -> list[str]:
    return [part for part in re.split(r"\n\n\n(?=def test)", text) if words in part]


def test_what_depends_on_the_time_is_recorded_with_a_clock_that_is_set(
    made: tuple[Path, str],
) -> None:
    (stamp,) = the_tests_with(made[1], "stamp()")
    assert "'2024-02-29 12'" in stamp
    assert "monkeypatch.setattr('m.datetime', StoppedDatetime)" in stamp
    assert "monkeypatch.setattr(time, 'time', " in stamp
    long = the_tests_with(made[1], "== 'long'")
    assert long
    assert all("monkeypatch.setattr(time, 'time', itertools.count(" in one for one in long)


def test_a_test_that_gives_the_same_at_any_time_sets_no_clock(tmp_path: Path) -> None:
    report = generated(tmp_path, UNMOVED, seconds=0.3)
    assert report["missing"] == []
    assert "double(" in report["source"]
    assert "monkeypatch" not in report["source"]


def test_a_clock_stays_where_the_answer_is_that_of_now_by_chance(tmp_path: Path) -> None:
    report = generated(tmp_path, LIKE_NOW, seconds=0.3)
    assert report["missing"] == []
    for function in ("is_soon", "is_near"):
        (test,) = the_tests_with(report["source"], f"{function}()")
        assert "monkeypatch.setattr(" in test


def test_no_test_waits(made: tuple[Path, str]) -> None:
    waiting = [
        one for one in the_tests_with(made[1], "retry(") if not re.search(r"retry\((0|-\d+)\)", one)
    ]
    assert waiting
    assert all("monkeypatch.setattr(time, 'sleep', lambda seconds: None)" in one for one in waiting)


def test_they_pass_under_plain_pytest(made: tuple[Path, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_m.py"],
        cwd=made[0],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_stopped_datetime_makes_and_knows_real_ones() -> None:
    space: dict[str, Any] = {"datetime": datetime}
    for source in SUPPORT.values():
        exec(source, space)
    stopped = space["StoppedDatetime"]
    assert stopped.now(datetime.UTC) == datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC)
    assert (
        type(stopped(2024, 1, 2)) is type(stopped.fromisoformat("2024-01-02")) is datetime.datetime
    )
    assert type(stopped.strptime("2024", "%Y")) is datetime.datetime
    assert isinstance(datetime.datetime.now(datetime.UTC), stopped)
    assert not isinstance(datetime.date(2024, 1, 1), stopped)
