"""An existing test file: what raises coverage is added below it, and nothing else is touched."""

import shutil
import subprocess
import sys
from textwrap import dedent
from typing import Any

import pytest

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.extend import above_mark, beside, renamed, with_block
from tta_interactive.runners.testgen.split import compose, split

from .by_hand import by_hand, measured_by_hand
from .conftest import GOOD, Lab

MINE = '''\
"""My own tests."""
import m
from m import grade   # odd  spacing stays
initials = "a name that means something else here"

def test_good( ):
    assert grade(90)=="good" and m.LIMITS
def test_grade_raises_value_error(): assert initials
'''
FILE = "tests/test_m.py"


def extended(lab: Lab, text: str = MINE, **options: Any) -> dict[str, Any]:
    lab.write("m.py", GOOD)
    (lab.workspace / "tests").mkdir(exist_ok=True)
    (lab.workspace / FILE).write_bytes(text.encode())
    return lab.run(extend=True, **options)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lab, dict[str, Any]]:
    """A file that was extended, and the report; nobody changes it."""
    lab = Lab(tmp_path_factory.mktemp("once"))
    return lab, extended(lab)


@pytest.fixture
def after(lab: Lab, once: tuple[Lab, dict[str, Any]]) -> Lab:
    """A workspace of the test's own in which the file was extended."""
    shutil.copytree(once[0].workspace, lab.workspace, dirs_exist_ok=True)
    shutil.copytree(once[0].state, lab.state, dirs_exist_ok=True)
    return lab


def test_what_is_added_raises_the_coverage_and_the_old_text_stays(
    after: Lab, once: tuple[Lab, dict[str, Any]]
) -> None:
    lab, report = after, once[1]
    text = lab.files()[FILE].decode()
    assert text.startswith(MINE)
    assert report["extended"]
    assert report["kept"] >= 2
    assert report["baseline"]["line"] < report["line"] == 100
    by_hand(lab.workspace, "coverage", "erase")
    line, branch = measured_by_hand(lab.workspace, "m", FILE)
    assert (round(line, 2), round(branch, 2)) == (report["line"], report["branch"])
    added = text.removeprefix(MINE)
    assert added.startswith("\n\n# Added by tta-interactive for m;")
    assert "import grade" not in added  # it is there already
    assert "initials as initials_2" in added
    assert "def test_grade_raises_value_error_2(" in added
    assert 'grade(90) == "good"' not in added  # reaches nothing new


def test_nothing_is_written_for_what_the_file_reaches_already(
    once: tuple[Lab, dict[str, Any]],
) -> None:
    lab, report = once
    assert (report["generated"], report["useless"]) == (report["kept"], 0)
    added = lab.files()[FILE].decode().removeprefix(MINE)
    assert "def test_initials" in added
    assert "def test_grade" in added
    assert '"good"' not in added  # it would notice changes, and reach nothing more


def test_a_later_run_replaces_only_what_was_added(after: Lab) -> None:
    lab = after
    first = lab.files()[FILE]
    again = lab.run(extend=True)
    assert lab.files()[FILE] == first
    assert again["baseline"]["line"] < 100
    lab.write("m.py", dedent(GOOD) + "\n\ndef double(number: int) -> int:\n    return number * 2\n")
    lab.run(extend=True)
    text = lab.files()[FILE].decode()
    assert text.startswith(MINE)
    assert text.count("# Added by tta-interactive") == 1
    assert "double" in text


def test_added_tests_that_were_edited_are_left_alone(after: Lab) -> None:
    lab = after
    edited = lab.files()[FILE].replace(b"def test_", b"def test_my_")
    (lab.workspace / FILE).write_bytes(edited)
    failure = lab.failure(extend=True)
    assert failure.code == "output_exists"
    assert "edited since" in failure.message
    assert lab.files()[FILE] == edited


def test_a_file_that_covers_all_stays_byte_for_byte(lab: Lab) -> None:
    whole = f"{MINE}\n\n" + (
        "import pytest\n\ndef test_rest():\n    import m\n    assert m.initials('A B') == 'AB'\n"
        "    assert (m.grade(50), m.grade(1)) == ('fair', 'poor')\n"
        "    with pytest.raises(ValueError):\n        m.grade(-1)\n"
    )
    report = extended(lab, whole)
    assert lab.files()[FILE].decode() == whole
    assert (report["kept"], report["line"], report["success"]) == (0, 100, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def test_wrong():\n    assert 1 == 2\n", "fail (test_wrong)"),
        ("import not_there_at_all\n", "cannot be run"),
        ("def broken(:\n", "no Python text"),
        ("", "cannot be run"),
    ],
)
def test_tests_that_fail_already_are_told_and_nothing_is_written(
    lab: Lab, text: str, words: str
) -> None:
    with pytest.raises(TaskFailure) as caught:
        extended(lab, text)
    assert caught.value.code == "existing_tests_fail"
    assert words in caught.value.message
    assert "Nothing was written" in caught.value.message
    assert lab.files()[FILE].decode() == text


def test_skipped_and_expected_failures_of_the_file_are_its_own_affair(lab: Lab) -> None:
    report = extended(
        lab,
        "import pytest\nimport m\n\n\n@pytest.mark.skip\ndef test_a():\n    pass\n\n\n"
        "@pytest.mark.xfail\ndef test_b():\n    assert not m.grade(90)\n",
    )
    assert report["line"] == 100


def test_line_ends_of_the_file_are_kept(lab: Lab) -> None:
    extended(lab, MINE.replace("\n", "\r\n"))
    data = lab.files()[FILE]
    assert data.startswith(MINE.replace("\n", "\r\n").encode())
    assert data.count(b"\n") == data.count(b"\r\n")
    before = data
    lab.run(extend=True)
    assert lab.files()[FILE] == before


def test_without_a_file_extend_makes_one(lab: Lab) -> None:
    lab.write("m.py", GOOD)
    report = lab.run(extend=True)
    assert not report["extended"]
    assert lab.files()[FILE].startswith(b'"""Tests of `m`, generated by')


def test_a_file_that_cannot_pass_with_more_in_it_is_as_it_was(lab: Lab) -> None:
    lab.write(
        "conftest.py", "def pytest_collection_modifyitems(items):\n    assert len(items) < 3\n"
    )
    with pytest.raises(TaskFailure) as caught:
        extended(lab)
    assert caught.value.code == "not_verified"
    assert lab.files()[FILE].decode() == MINE


def test_a_foreign_file_that_was_to_be_replaced_is_back_when_nothing_passes(lab: Lab) -> None:
    lab.write("m.py", GOOD)
    lab.write("conftest.py", "raise RuntimeError('closed')\n")
    lab.write(FILE, MINE)
    assert lab.failure(overwrite=True).code == "not_verified"
    assert lab.files()[FILE].decode() == MINE


def test_the_extended_file_runs_under_python_itself(lab: Lab) -> None:
    extended(lab, MINE.removesuffix("\n"))  # no line end at its end
    file = lab.workspace / FILE
    assert file.read_text().startswith(MINE.removesuffix("\n") + "\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", FILE], cwd=lab.workspace, check=False
    )
    assert done.returncode == 0


def test_names_are_changed_and_nothing_that_only_looks_like_them() -> None:
    source = (
        "def test_a(make):\n"
        "    thing = make(make=1, name='make')\n"
        "    assert thing.make == make and 'make' in f'{thing!r} make'\n"
    )
    assert renamed(source, {"make": "make_2", "test_a": "test_a_2"}) == (
        "def test_a_2(make_2):\n"
        "    thing = make_2(make=1, name='make')\n"
        "    assert thing.make == make_2 and 'make' in f'{thing!r} make'\n"
    )


def test_helpers_that_clash_get_another_name_everywhere() -> None:
    tests = split("LIMIT = 1\n\ndef test_a():\n    assert LIMIT == 1\n")
    fresh, _ = beside(tests, "LIMIT = 5\ndef test_a(): pass\n")
    assert compose(fresh) == "LIMIT_2 = 1\n\n\ndef test_a_2():\n    assert LIMIT_2 == 1\n"


def test_fixtures_of_the_added_tests_leave_the_tests_above_alone() -> None:
    made = "@pytest.fixture(autouse=True)\ndef table_as_imported():\n    yield\n"
    tests = split(f"import pytest\n\n{made}\ndef test_b():\n    assert m.table\n")
    fresh, _ = beside(tests, "def table_as_imported(): pass\n")
    assert compose(fresh) == (
        "import pytest\n\n\n@pytest.fixture\ndef table_as_imported_2():\n    yield\n\n\n"
        '@pytest.mark.usefixtures("table_as_imported_2")\ndef test_b():\n    assert m.table\n'
    )


def test_the_mark_is_ours_only_with_the_right_module_and_hash() -> None:
    above = above_mark("x = 1\n", "m")
    whole = with_block(above, "y = 2\n", "m")
    assert above_mark(whole, "m") == above
    assert above_mark(whole, "n").text == whole
    assert above_mark(whole + "z = 3\n", "m").is_edited


STATEFUL = """
    SHELF, COUNT = {"tea": 3}, 0

    def put(name: str, pieces: int) -> int:
        global COUNT
        SHELF[name] = pieces
        COUNT += 1
        return COUNT

    def stock() -> str:
        if len(SHELF) > 1:
            return "full"
        return "nearly empty"

    def turns() -> str:
        if COUNT:
            return "busy"
        return "quiet"
"""
LEAVING = """
import m


def test_put():
    assert m.put("jam", 2) == 1
    assert len(m.SHELF) == 2


def test_what_was_put_is_still_there():
    assert m.SHELF["jam"] == 2
"""


def test_tests_that_leave_the_module_changed_can_be_extended(lab: Lab) -> None:
    lab.write("m.py", STATEFUL)
    (lab.workspace / "tests").mkdir()
    (lab.workspace / FILE).write_text(LEAVING)
    report = lab.run(extend=True, budget=2)
    text = lab.files()[FILE].decode()
    assert text.startswith(LEAVING)
    assert (report["failed"], report["line"]) == (0, 100)
    added = text.removeprefix(LEAVING)
    assert '"nearly empty"' in added
    assert '"quiet"' in added
    by_hand(lab.workspace, "pytest", "-q", FILE)
