"""A module line by line with what its tests reach: only the text that was measured is shown."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tta_interactive.cli.coverage import around, numbered
from tta_interactive.listing import Line, listing, marked, ranges, timeline

MODULE = "import os\n\n\ndef f(x):\n    if x:\n        return '<b>\x1b[31m'\n    return 2\n"
RESULT: dict[str, Any] = {
    "kept": 1,
    "line": 75.0,
    "module_file": "m.py",
    "module_hash": hashlib.sha256(MODULE.encode()).hexdigest(),
    "covered": "1, 4-6",
    "partial": "5",
    "uncovered": "7",
}


def test_every_line_has_its_mark(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(MODULE)
    lines = listing(RESULT, str(tmp_path))
    assert lines is not None
    assert [line.mark for line in lines] == [
        "covered", "", "", "covered", "partial", "covered", "missed",
    ]  # fmt: skip
    assert lines[5] == Line(6, "covered", "        return '<b>'")


def test_a_module_that_has_changed_or_was_never_measured_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text(MODULE)
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    (tmp_path / "link.py").symlink_to(tmp_path / "m.py")
    for forged in (
        {"module_file": str(secret)},
        {"module_file": "link.py"},
        {"module_file": "gone.py"},
        {"module_hash": "0" * 64},
        {"module_hash": None},
    ):
        assert listing({**RESULT, **forged}, str(tmp_path)) is None
    assert listing("text", str(tmp_path)) is None
    (tmp_path / "m.py").write_text(MODULE + "# changed\n")
    assert listing(RESULT, str(tmp_path)) is None


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("3, 7-9", [(3, 3), (7, 9)]),
        ("", []),
        ("9-7, x, 0, -3, 1-99999999999, 4", [(4, 4)]),
        (None, []),
        ([3, 4], []),
    ],
)
def test_ranges_that_make_no_sense_are_left_out(said: Any, found: list[tuple[int, int]]) -> None:
    assert ranges(said) == found


def test_a_course_over_time_holds_numbers_only() -> None:
    points = [[0.5, 10.0], ["<svg>", 1], [2, 80], [1, 101], [3, -1], [float("inf"), 5][:1], [1, 50]]
    assert timeline({"timeline": points}) == [(0.5, 10.0), (1.0, 50.0), (2.0, 80.0)]
    assert timeline({"timeline": "x"}) == timeline(None) == []


def test_a_pipe_gets_signs_in_place_of_colours() -> None:
    lines = marked(MODULE, RESULT)
    assert numbered(lines)[3:] == [
        "+ 4  def f(x):",
        "~ 5      if x:",
        "+ 6          return '<b>'",
        "- 7      return 2",
    ]
    few = around(marked("a\n" * 20, {"uncovered": "3, 15"}), near=1)
    assert numbered(few) == [
        "   2  a", "-  3  a", "   4  a", "  ...", "  14  a", "- 15  a", "  16  a",
    ]  # fmt: skip
