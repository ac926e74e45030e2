"""What a person sees of a task; texts are hostile, one sentence per test."""

import hashlib
import html.parser
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tta_interactive.notebook.card import finished_view
from tta_interactive.notebook.markup import card_html, table_html
from tta_interactive.notebook.view import (
    as_text,
    counts_text,
    table_text,
    tail_of,
    view_of,
    with_tail,
)
from tta_interactive.task import SandboxLevel, Task, TaskError, TaskStatus

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TASK_ID = "t_x8Kd2f9aQmBv71LkPzR3wA"

REPORT: dict[str, Any] = {
    "kept": 14,
    "generated": 17,
    "line": 92.65,
    "branch": 81.0,
    "baseline": {"line": 20.0, "branch": 0.0},
    "threshold": 90,
    "threshold_met": True,
    "output_path": "tests/test_auth.py",
}

HOSTILE = {
    "html": "<img src=x onerror=alert(1)>",
    "end of attribute": '" onmouseover="alert(1)" x=\'',
    "script": "</div></style><script>alert(1)</script>",
    "svg": "<svg onload=alert(1)>",
    "commandlinker": '<button data-commandlinker-command="x">',
    "markdown": "[x](javascript:alert(1)) ![](x)",
    "lying link": "\x1b]8;;javascript:alert(1)\x07x",
    "clipboard": "\x1b]52;c;aGk=\x07",
    "clear screen": "\x1b[2J\x1b[H",
    "bidi override": "\u202egnp.exe",
    "null": "a\x00b\x07",
    "surrogate": "\ud800",
    "megabyte": "<b>" * 350_000,
    "lines": "a\n<script>\r\n" * 50,
}


def a_task(**facts: Any) -> Task:
    usual: dict[str, Any] = {
        "id": TASK_ID,
        "kind": "tests",
        "label": "tests src/auth.py",
        "submitted_at": NOON,
    }
    return Task.model_validate({**usual, **facts})


def running(**facts: Any) -> Task:
    return a_task(status="running", started_at=NOON, attempt=1, **facts)


def completed(**facts: Any) -> Task:
    return running().moved(TaskStatus.COMPLETED, finished_at=NOON + timedelta(seconds=41), **facts)


class Tags(html.parser.HTMLParser):
    """The tags and attributes that a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[str] = set()
        self.commands: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes |= {name for name, _ in attrs}
        values = {name.removeprefix("data-commandlinker-"): value or "" for name, value in attrs}
        if "command" in values:
            self.commands.append((values["command"], values["args"]))

    def handle_data(self, data: str) -> None:
        self.text += data


OUR_TAGS = {"div", "span", "style", "button", "table", "thead", "tbody", "tr", "th", "td"}
OUR_ATTRIBUTES = {
    "style",
    "class",
    "title",
    "role",
    "aria-hidden",
    "aria-valuemin",
    "aria-valuemax",
    "aria-valuenow",
    "aria-label",
    "type",
    "data-commandlinker-command",
    "data-commandlinker-args",
}


def test_a_line_says_status_name_and_time() -> None:
    view = view_of(running(progress=0.42, message="reading"), NOON + timedelta(seconds=12))
    assert (
        as_text(view)
        == "RUNNING t_x8Kd2f9a  tests: src/auth.py  42 %  12 s  about 17 s left  reading"
    )


def test_the_time_that_is_left_follows_from_what_is_done() -> None:
    at = NOON + timedelta(seconds=10)
    assert view_of(running(progress=0.25), at).remaining == "about 30 s left"
    assert (
        "10 s · about 30 s left"
        in Tags(card_html(view_of(running(progress=0.25), at), live=True)).text
    )
    assert view_of(running(progress=0.25), NOON).remaining == ""  # too early to guess
    assert view_of(running(), at).remaining == ""
    assert view_of(running(progress=1.0), at).remaining == ""
    assert view_of(running(progress=1e-9), at).remaining == ""
    assert view_of(completed(progress=0.5), at).remaining == ""


def test_the_last_lines_of_the_output_stand_on_the_card() -> None:
    log = "one\ntwo\n\nthree\n 10%|#\r 20%|##\r\nfour\n<script>\x1b[2J" + "x" * 900
    tail = tail_of(log)
    assert tail[:3] == ("three", " 20%|##", "four")
    assert tail[3].startswith("<script>\\x1b[2Jxxx")
    assert len(tail[3]) == 160
    live = card_html(with_tail(view_of(running(), NOON), log), live=True)
    assert "&lt;script&gt;" in live
    assert "<script" not in live


def test_the_output_stays_on_the_card_where_nothing_else_says_how_the_task_ended() -> None:
    error = TaskError(code="error", message="It broke.")
    asked = {
        "no result": completed(kind="shell", result={"exit_code": 0}),
        "a result": completed(kind="python", result=42),
        "a report": completed(result=REPORT),
        "an error": a_task(status="failed", error=error, started_at=NOON, finished_at=NOON),
    }
    shown = {
        name: "3 passed" in card_html(with_tail(view_of(task, NOON), "3 passed\n"), live=False)
        for name, task in asked.items()
    }
    assert shown == {"no result": True, "a result": False, "a report": False, "an error": False}


def test_a_report_says_what_was_kept_and_reached_and_where() -> None:
    line = as_text(view_of(completed(result=REPORT), NOON))
    assert line == (
        "COMPLETED t_x8Kd2f9a  tests: src/auth.py  41 s  14 tests kept of 17  "
        "line 92.6 %  branch 81 %  tests/test_auth.py"
    )


def test_a_missed_threshold_is_said() -> None:
    report = {**REPORT, "threshold_met": False}
    assert "below the threshold of 90 %" in as_text(view_of(completed(result=report), NOON))


@pytest.mark.parametrize(
    "result",
    [
        {"kept": "<b>", "line": None},
        {"kept": [1, 2], "line": "x", "baseline": 7, "output_path": {"a": 1}},
        {"kept": 1e400, "line": float("inf"), "branch": -5, "threshold": 1000},
        {"kept": True, "line": True},
        {"kept": 10**400, "line": 10**400},
        [1],
        "text",
        0,
    ],
)
def test_a_result_of_any_shape_is_shown_or_left_out(result: Any) -> None:
    view = view_of(completed().model_copy(update={"result": result}), NOON)
    assert as_text(view)
    assert Tags(card_html(view, live=False)).found <= OUR_TAGS


def test_a_failure_says_what_is_wrong_and_what_to_do() -> None:
    error = TaskError(code="timeout", message="It took 5 s.", remedy="Give it more time.")
    task = running().moved(TaskStatus.FAILED, finished_at=NOON, error=error)
    assert as_text(view_of(task, NOON)).endswith("timeout: It took 5 s.  Give it more time.")
    assert "Give it more time." in Tags(card_html(view_of(task, NOON), live=False)).text


def test_a_failure_without_a_remedy_points_to_the_logs() -> None:
    error = TaskError(code="error", message="exited with 2")
    task = running().moved(TaskStatus.FAILED, finished_at=NOON, error=error)
    view = view_of(task, NOON)
    assert view.remedy == "%tta_logs t_x8Kd2f9a shows what it wrote."
    assert view.again == "%tta_retry t_x8Kd2f9a"


def test_an_agent_is_named_as_the_owner() -> None:
    assert view_of(a_task(owner="mcp:claude"), NOON).owner == "agent claude"
    assert view_of(a_task(owner="cli"), NOON).owner == "terminal"


def test_a_task_that_was_asked_to_end_is_not_called_cancelled() -> None:
    view = view_of(running(cancel_requested_at=NOON), NOON)
    assert as_text(view).startswith("RUNNING, CANCELLING t_x8Kd2f9a")
    assert "CANCELLING" in Tags(card_html(view, live=True)).text


def test_the_sandbox_that_was_got_is_shown_and_not_the_one_that_a_result_claims() -> None:
    view = view_of(running(sandbox_got=SandboxLevel.NAMESPACES, max_attempts=3), NOON)
    assert view.facts == ("attempt 1 of 3", "sandbox namespaces")
    claims = completed(result={"sandbox": "namespaces"}, sandbox_got=SandboxLevel.LIMITS)
    assert view_of(claims, NOON).facts == ("sandbox limits",)


def test_coverage_is_never_rounded_up_to_all() -> None:
    report = {**REPORT, "line": 99.99}
    assert "line 99.9 %" in as_text(view_of(completed(result=report), NOON))


def test_counts_name_the_statuses_in_capitals() -> None:
    counts = {"queued": 1, "running": 2, "failed": 0, "completed": 14}
    assert counts_text(counts) == "1 QUEUED, 2 RUNNING, 14 COMPLETED"
    assert counts_text({}) == "No tasks."


def hostile_tasks(text: str) -> list[Task]:
    error = TaskError(code=text, message=text, remedy=text, detail=text)
    strange = a_task().model_copy(
        update={"kind": text, "label": text, "owner": f"mcp:{text}", "message": text, "id": text}
    )
    report = {**REPORT, "output_path": text, "kept": text}
    return [
        strange,
        strange.model_copy(update={"status": TaskStatus.RUNNING, "started_at": NOON}),
        strange.model_copy(update={"status": TaskStatus.FAILED, "error": error}),
        strange.model_copy(update={"status": TaskStatus.COMPLETED, "result": text}),
        strange.model_copy(update={"status": TaskStatus.COMPLETED, "result": report}),
    ]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_shown_as_text_in_every_form(text: str) -> None:
    views = [view_of(task, NOON) for task in hostile_tasks(text)]
    pages = [card_html(view, live=live) for view in views for live in (True, False)]
    for page in [*pages, table_html(views)]:
        seen = Tags(page)
        assert seen.found <= OUR_TAGS
        assert seen.attributes <= OUR_ATTRIBUTES
        assert len(page) < 64 * 1024
        assert not set(page) & set("\x00\x07\x1b\u202e\ud800")
    for line in [*map(as_text, views), *table_text(views).splitlines()]:
        assert not set(line) & set("\x00\x07\x1b\u202e\ud800\r\n")
        assert len(line) < 4096


RETRY = (
    "apputils:run-all-enabled",
    '{"commands": ["notebook:insert-cell-below", "notebook:replace-selection", "notebook:run-cell"],'
    ' "args": {"text": "%tta_retry t_x8Kd2f9a"}}',
)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_the_one_command_of_a_page_is_the_retry_of_a_task_that_did_not_go_well(text: str) -> None:
    for task in hostile_tasks(text):
        assert Tags(card_html(view_of(task, NOON), live=False)).commands == []  # the id is hostile
        named = task.model_copy(update={"id": TASK_ID})
        offered = [RETRY] if task.status is TaskStatus.FAILED else []
        for live in (True, False):
            assert Tags(card_html(view_of(named, NOON), live=live)).commands == offered


def test_the_words_of_a_hostile_label_can_still_be_read() -> None:
    page = card_html(view_of(a_task(label=HOSTILE["html"]), NOON), live=False)
    assert HOSTILE["html"] in Tags(page).text


def test_no_table_is_a_sentence() -> None:
    assert table_text([]) == "No tasks."
    assert "No tasks." in table_html([])


def test_a_bar_of_unknown_end_travels_on_when_it_is_painted_anew() -> None:
    page = card_html(view_of(running(), NOON), live=True, phase=2.0)
    assert "infinite -0.40s" in page


def test_the_course_of_the_coverage_is_a_picture_of_numbers() -> None:
    points = [[0.5, 20.0], [2.0, 70.5], [9.0, 92.65]]
    view = view_of(completed(result={**REPORT, "timeline": points}), NOON)
    made = card_html(view, live=False)
    assert 'd="M33.3 76.8H133.3V28.3H600.0V7.1"' in made
    assert "92.6 % of the lines after 9.0 s" in made
    alone = view_of(completed(result={**REPORT, "timeline": points[:1]}), NOON)
    assert "<svg" not in card_html(alone, live=False)
    # Without the picture a sentence is left: no text stands in it.
    picture = made.partition("<svg")[2].partition("</svg>")[0]
    assert "<text" not in picture


def test_the_module_is_shown_line_by_line_and_its_text_is_escaped(tmp_path: Path) -> None:
    hostile = "x = '</pre><script>alert(1)</script>'\ny = '\u202e'\n"
    (tmp_path / "m.py").write_text(hostile, encoding="utf-8")
    facts = {
        "module": "<img src=x onerror=alert(1)>",
        "module_file": "m.py",
        "module_hash": hashlib.sha256(hostile.encode()).hexdigest(),
        "covered": "1",
        "uncovered": "2",
    }
    task = completed(result={**REPORT, **facts})
    made = card_html(
        finished_view(task.model_copy(update={"workspace": str(tmp_path)})), live=False
    )
    assert "1 line missed (2)" in made
    assert "&lt;script&gt;alert(1)" in made
    assert "\\u202e" in made
    assert "<script" not in made
    assert "<img" not in made
