"""What a notebook prints of a result."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from IPython.lib.pretty import pretty

from tta_interactive.notebook.shown import with_forms
from tta_interactive.task import Task

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
REPORT: dict[str, Any] = {
    "success": True,
    "kept": 14,
    "timeline": [[float(second), 50.0] for second in range(100)],
    "line": 92.65,
    "branch": 81.0,
    "output_path": "tests/test_auth.py",
}


def printed(result: Any, home: Path) -> tuple[Any, str]:
    task = Task(
        id="t_x8Kd2f9aQmBv71LkPzR3wA", kind="tests", label="", submitted_at=NOON, result=result
    )
    value = with_forms(task, home)
    return value, pretty(value)


def test_a_report_is_the_whole_dictionary_and_prints_its_figures_alone(tmp_path: Path) -> None:
    value, text = printed(REPORT, tmp_path)
    assert value == REPORT
    assert text == (
        "{'success': True, 'kept': 14, 'line': 92.65, 'branch': 81.0, "
        "'output_path': 'tests/test_auth.py', and 1 more}"
    )


def test_what_a_report_says_cannot_act_on_the_terminal(tmp_path: Path) -> None:
    _, text = printed({**REPORT, "output_path": "\x1b[2J" + "x" * 9000}, tmp_path)
    assert "\x1b" not in text
    assert len(text) < 700


@pytest.mark.parametrize("result", [{"exit_code": 0}, [1, 2], "text", None, 4.5])
def test_any_other_result_prints_as_itself(result: Any, tmp_path: Path) -> None:
    assert printed(result, tmp_path) == (result, pretty(result))
