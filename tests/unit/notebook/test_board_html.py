"""The board as one HTML table: hostile rows are text, and a page stays small."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import JsonValue

from tests.conftest import a_task
from tests.unit.notebook.test_card_view import HOSTILE, Tags
from tta_interactive.board.rows import facts_of, row_of
from tta_interactive.notebook.board_html import board_html, choices_in
from tta_interactive.task import TaskError, TaskStatus
from tta_interactive.text import one_line

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OUR_TAGS = {"style", "div", "table", "thead", "tbody", "tr", "th", "td", "span", "code"}


def shown(*tasks: Any, total: int = 0) -> dict[str, JsonValue]:
    """A page as a feed tells it."""
    rows: dict[str, JsonValue] = {task.id: row_of(task) for task in tasks}
    return {
        "rows": rows,
        "order": [*rows],
        "page": 0,
        "size": 25,
        "total": total or len(tasks),
        "counts": {"running": len(tasks)},
        "facts": facts_of(tasks, NOON),
    }


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_words_are_text_in_each_cell(text: str) -> None:
    error = TaskError(code=text, message=text, remedy=text)
    strange = {"kind": text, "label": text, "owner": f"mcp:{text}", "message": text}
    tasks = [
        a_task().model_copy(
            update={**strange, "id": f"{number}{text}", "status": TaskStatus(status), **more}
        )
        for number, (status, more) in enumerate(
            [
                ("queued", {}),
                ("running", {"started_at": NOON, "progress": 0.5}),
                ("failed", {"started_at": NOON, "finished_at": NOON, "error": error}),
            ]
        )
    ]
    page = board_html(shown(*tasks), NOON.timestamp(), problem=one_line(text, 600))
    seen = Tags(page)
    assert seen.found <= OUR_TAGS
    assert seen.attributes <= {"style", "class", "title", "role"}
    assert not set(page) & set("\x00\x07\x1b\u202e\ud800")


def test_a_full_page_of_long_words_is_less_than_64_kib() -> None:
    tasks = [
        a_task(
            id=f"t_{number:022}",
            label="x" * 10_000,
            status="running",
            message="y" * 10_000,
            started_at=NOON,
        )
        for number in range(25)
    ]
    assert len(board_html(shown(*tasks), NOON.timestamp())) < 64 * 1024


def test_only_what_can_be_cancelled_or_tried_again_can_be_chosen() -> None:
    done = a_task(id="t_done", status="completed")
    failed = a_task(id="t_failed", label="fit", status="failed")
    assert choices_in(shown(a_task(id="t_new"), done, failed)) == [
        ("t_new  shell  (queued)", "t_new"),
        ("t_failed  fit  (failed)", "t_failed"),
    ]


def test_the_figures_and_the_place_in_the_list_are_said() -> None:
    page = board_html(shown(a_task(), total=1200), NOON.timestamp(), problem="It is over.")
    text = Tags(page).text
    assert "1 running" in text
    assert "1 to 1 of 1,200" in text
    assert "It is over." in text
    assert "No task fits." in board_html(shown(), NOON.timestamp())
