"""What a person reads about a task: never raw, never wider than the screen."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tta_interactive.cli.report import bar, is_report, report_lines
from tta_interactive.cli.view import (
    card,
    cells,
    detail_lines,
    fit,
    result_lines,
    summary,
    table,
)
from tta_interactive.duration import seconds, span
from tta_interactive.task import Task, TaskError

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=75)
EVIL = "a\x1b]52;c;aGk=\x07\x1b[2J\u202eb\nc"
REPORT: dict[str, Any] = {
    "kept": 26,
    "generated": 40,
    "failed": 0,
    "flaky": 1,
    "useless": 13,
    "line": 95.7,
    "branch": 98.3,
    "baseline": {"line": 13.7, "branch": 0.0},
    "threshold": 80,
    "threshold_met": True,
    "output_path": "tests/test_lexer.py",
    "command": "python -m pytest tests/test_lexer.py",
}


def a_task(**facts: Any) -> Task:
    usual = {"id": "t_0123456789abcdefghijkl", "kind": "shell", "submitted_at": NOON}
    return Task.model_validate({**usual, **facts})


def a_hostile_task(status: str) -> Task:
    over: dict[str, Any] = {"finished_at": LATER} if status == "failed" else {}
    return a_task(
        status=status,
        label=EVIL,
        message=EVIL,
        owner=f"mcp:{EVIL}",
        workspace=f"/{EVIL}",
        started_at=NOON,
        progress=0.5,
        error=TaskError(code=EVIL, message=EVIL, remedy=EVIL, detail=EVIL),
        **over,
    )


@pytest.mark.parametrize("status", ["queued", "running", "failed"])
@pytest.mark.parametrize("width", [12, 20, 80, 200])
def test_no_field_of_a_task_reaches_the_terminal_raw(status: str, width: int) -> None:
    task = a_hostile_task(status)
    lines = [
        summary(task, width, LATER),
        *table([task], width, LATER),
        *card(task, width, LATER),
        *detail_lines(task),
        *result_lines({EVIL: [EVIL]}),
        *result_lines(EVIL),
    ]
    shown = "\n".join(lines)
    assert not [c for c in shown if (ord(c) < 32 and c != "\n") or c in "\x7f\x9b\u202e"]


@pytest.mark.parametrize("width", [20, 40, 80])
def test_tables_and_summaries_keep_to_the_width(width: int) -> None:
    tasks = [
        a_task(label="世界" * 100),
        a_task(status="running", started_at=NOON, message="m" * 99),
    ]
    lines = [summary(tasks[0], width, LATER), *table(tasks, width, LATER)]
    assert max(map(cells, lines)) <= width


def test_a_task_is_readable_on_twenty_columns() -> None:
    task = a_task(status="running", started_at=NOON, label="pytest -q")
    assert table([task], 20, LATER) == ["t_01234567 running", "  1 m 15 s pytest -q"]


def test_wide_characters_count_as_two_columns() -> None:
    assert cells("世界a") == 5
    assert fit("世界世界世界", 9) == "世界世..."
    assert fit("e\u0301" * 3, 3) == "e\u0301" * 3


def test_a_cancel_that_is_under_way_is_named() -> None:
    task = a_task(status="running", started_at=NOON, cancel_requested_at=NOON)
    assert "running, cancelling" in summary(task, 200, LATER)


def test_a_failure_shows_what_and_what_to_do() -> None:
    task = a_task(
        status="failed",
        finished_at=NOON,
        error=TaskError(code="timeout", message="It took too long.", remedy="Give it more."),
    )
    shown = "\n".join(card(task, 80, LATER))
    assert "failed: timeout" in shown
    assert "It took too long." in shown
    assert "Give it more." in shown


@pytest.mark.parametrize(
    ("text", "value"),
    [("30", 30), ("1.5s", 1.5), ("10m", 600), ("2h", 7200), ("30d", 2592000), ("1w", 604800)],
)
def test_spans_of_time_are_read_as_people_write_them(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "-1", "1e3", "nan", "inf", "3 parsecs", "٣", "3651d"])
def test_what_is_no_span_of_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no span of time|too long"):
        seconds(text)


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.04, "0.0 s"), (9.96, "10 s"), (59.6, "1 m 00 s"), (3600, "1 h 00 m"), (90000, "1 d 1 h")],
)
def test_spans_of_time_are_shown_with_two_units_at_most(value: float, words: str) -> None:
    assert span(value) == words


def test_a_bar_tells_baseline_gain_and_threshold_apart() -> None:
    assert bar(75, 25, 50, 8, "=#-|") == "[==##|#--]"
    assert bar(0, 0, 100, 8, "=#-|") == "[-------|]"
    assert bar(1e9, -5, None, 4, "=#-|") == "[####]"


def test_the_tests_report_shows_counts_bars_threshold_file_and_command() -> None:
    assert report_lines(REPORT, width=80, is_unicode=False, took=12.34) == [
        "tests   26 kept of 40  (0 failed, 1 flaky, 13 useless left out)",
        "line     95.70 %  [=====###########################|#####--]  from 13.70 %",
        "branch   98.30 %  [#######################################-]  from 0.00 %",
        "goal    80 % line coverage: reached",
        "        = by import alone  # by the tests  | threshold",
        "time    12 s",
        "file    tests/test_lexer.py",
        "run     python -m pytest tests/test_lexer.py",
    ]


def test_the_tests_report_is_readable_on_twenty_columns() -> None:
    lines = report_lines(REPORT, width=20, is_unicode=False, took=None)
    assert lines[:7] == [
        "tests 26 kept of 40",
        " 0 failed",
        " 1 flaky",
        " 13 useless",
        "line 95.70 %",
        " from 13.70 %",
        " [=#####|#]",
    ]


@pytest.mark.parametrize("junk", [None, [], "x", 1e400, {}, {"line": {}}, True, -1])
def test_a_report_of_any_shape_is_survived(junk: Any) -> None:
    broken = dict.fromkeys(REPORT, junk)
    report_lines(broken, width=80, is_unicode=True, took=None)
    is_report(junk)


def test_a_threshold_that_was_missed_is_said_plainly() -> None:
    lines = report_lines({**REPORT, "threshold_met": False}, width=80, is_unicode=True, took=None)
    assert "goal    80 % line coverage: NOT reached" in lines


def test_what_looks_like_a_bug_is_counted_and_the_first_are_shown_on_one_line_each() -> None:
    odd = [
        {"call": f"f({n})\x1b[2J", "seen": "KeyError:\n'a'", "kind": "x", "line": n}
        for n in range(9)
    ]
    lines = report_lines({**REPORT, "suspicious": odd}, width=80, is_unicode=False, took=None)
    at = lines.index("odd     9 that may be bugs: no test holds them")
    assert lines[at + 1].startswith("        f(0)")
    assert lines[at + 3].startswith("        f(2)")
    assert not any("f(3)" in line or "\x1b" in line or "\n" in line for line in lines)
