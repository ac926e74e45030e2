"""The board in a real kernel, without a browser: what a page is told, and what it may ask."""

import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest

from tests.e2e.kernel import WIDGET_VIEW, Kernel, Reply

HAS_SUBSHELLS = tuple(map(int, version("ipykernel").split(".")[:2])) >= (7, 1)
CANARY = "<img src=x onerror=alert(1)>"


def is_rich(reply: Reply) -> bool:
    """Whether a page was offered the ES module."""
    return any("_esm" in content["data"]["state"] for content in reply.of("comm_open"))


def opened(reply: Reply, model: str, **state: Any) -> str:
    """The comm of the widget of a model with these facts."""
    for content in reply.of("comm_open"):
        found = content["data"]["state"]
        if found.get("_model_name") == model and state.items() <= found.items():
            return str(content["comm_id"])
    raise AssertionError(f"no {model} with {state}")


def told(reply: Reply, view: str) -> list[dict[str, Any]]:
    """What a place of the rich board was told."""
    contents = [c["data"].get("content") or {} for c in reply.of("comm_msg")]
    return [content["message"] for content in contents if content.get("view") == view]


def table_in(reply: Reply) -> str:
    """The table as it was painted last."""
    states = [c["data"].get("state", {}) for c in reply.of("comm_msg", "comm_open")]
    painted = [s["value"] for s in states if "tta-rows" in str(s.get("value"))]
    return painted[-1] if painted else ""


def collected(kernel: Kernel, before: Reply, enough: Callable[[Reply], object]) -> Reply:
    """What was sent, and more until it is enough."""
    sum_of: Callable[[Reply], Reply] = lambda more: Reply(messages=before.messages + more.messages)  # noqa: E731
    if enough(before):
        return before
    return sum_of(kernel.collect(lambda more: enough(sum_of(more))))


@pytest.mark.kernels
def test_the_rich_board_answers_each_place_that_shows_it(kernel: Kernel) -> None:
    for name in ("one", "two"):
        kernel.run(f"%tta_submit shell --quiet --name {name} -- sleep 60")
    shown = kernel.run("%tta_board")
    assert is_rich(shown)
    assert WIDGET_VIEW in shown.cards[0]
    assert "<table" in shown.cards[0]["text/html"]
    (board,) = [c["comm_id"] for c in shown.of("comm_open") if "_esm" in c["data"]["state"]]
    kernel.say(board, {"view": "a", "message": {"type": "view"}})
    kernel.say(board, {"view": "b", "message": {"type": "view", "search": "two"}})
    reply = kernel.collect(lambda reply: told(reply, "a") and told(reply, "b"))
    assert (len(told(reply, "a")[0]["order"]), len(told(reply, "b")[0]["order"])) == (2, 1)
    (task_id,) = told(reply, "b")[0]["order"]
    kernel.say(board, {"view": "b", "message": {"type": "cancel", "id": task_id}})

    def cancelled(reply: Reply) -> bool:
        rows = [said.get("rows", {}) for said in told(reply, "a")]
        return any(row.get(task_id, {}).get("state") == "cancelled" for row in rows)

    assert kernel.collect(cancelled)


@pytest.mark.kernels
def test_a_board_answers_while_a_cell_is_running(kernel: Kernel) -> None:
    shown = kernel.run("%tta_board\nimport time")
    (board,) = [c["comm_id"] for c in shown.of("comm_open") if "_esm" in c["data"]["state"]]
    cell = kernel.start("print('begin'); time.sleep(3); print('end')")
    kernel.printed(cell, "begin")
    kernel.say(board, {"view": "busy", "message": {"type": "view"}})
    during = kernel.finish(cell)
    assert bool(told(during, "busy")) is HAS_SUBSHELLS
    if not HAS_SUBSHELLS:
        kernel.collect(lambda reply: told(reply, "busy"))


@pytest.mark.parametrize("message", [None, [], "x", {}, {"view": 7}, {"view": "a" * 10**5}])
def test_what_no_board_says_does_it_no_harm(kernel: Kernel, message: object) -> None:
    shown = kernel.run("%tta_board")
    (board,) = [c["comm_id"] for c in shown.of("comm_open") if "_esm" in c["data"]["state"]]
    kernel.say(board, message)
    kernel.say(board, {"view": "z", "message": {"type": "view"}})
    assert kernel.collect(lambda reply: told(reply, "z"))


def test_a_page_that_cannot_load_the_rich_board_gets_the_table(kernel: Kernel) -> None:
    shown = kernel.run("%tta_board")
    assert is_rich(shown)
    swapped = kernel.collect(lambda reply: reply.of("update_display_data"))
    (update,) = swapped.of("update_display_data")
    assert update["data"][WIDGET_VIEW]["model_id"] == opened(swapped, "VBoxModel")
    assert not is_rich(kernel.run("%tta_board"))  # not tried in vain again
    (rich,) = [c["comm_id"] for c in shown.of("comm_open") if "_esm" in c["data"]["state"]]
    kernel.say(rich, {"view": "a", "message": {"type": "view"}})  # it was only slow
    back = kernel.collect(lambda reply: reply.of("update_display_data"))
    assert back.of("update_display_data")[0]["data"][WIDGET_VIEW]["model_id"] == rich


def test_the_table_filters_cancels_and_tries_again_without_anywidget() -> None:
    with Kernel() as kernel:
        kernel.run("import sys; sys.modules['anywidget'] = None  # as if it were not installed")
        kernel.run(f"%tta_submit shell --quiet --name '{CANARY}' -- sleep 60")
        kernel.run("t = %tta_submit shell --quiet --name plain -- sleep 60")
        shown = collected(kernel, kernel.run("%tta_board"), lambda r: "plain" in table_in(r))
        assert not is_rich(shown)
        assert not any(
            c["data"]["state"].get("description_allow_html") for c in shown.of("comm_open")
        )
        assert "&lt;img src=x" in table_in(shown)
        assert "<img" not in table_in(shown)
        search = opened(shown, "TextModel")
        kernel.set_state(search, value="plai")
        found = kernel.collect(lambda r: "1 to 1 of 1" in table_in(r))
        assert "&lt;img" not in table_in(found)
        task = opened(shown, "DropdownModel", _options_labels=["choose a task"])
        kernel.set_state(task, index=1)
        kernel.click(opened(shown, "ButtonModel", description="Cancel"))
        kernel.collect(lambda r: "–</span> cancelled" in table_in(r))  # noqa: RUF001
        kernel.set_state(task, index=1)
        kernel.click(opened(shown, "ButtonModel", description="Retry"))
        kernel.collect(lambda r: "1 to 2 of 2" in table_in(r))


def test_the_table_answers_the_question_of_the_chosen_task() -> None:
    form = "{'type': 'object', 'properties': {'n': {'type': 'integer', 'title': '<b>N'}}}"
    with Kernel() as kernel:
        kernel.run("import sys; sys.modules['anywidget'] = None")
        kernel.run(
            "%%tta_submit --quiet --name asks\nfrom tta_interactive import ask\n"
            f"[ask({CANARY!r}, form={form}), ask('Sure?', choices=['yes', 'no'])]"
        )
        kernel.run("h = %tta_status asks")
        kernel.until("h.status == 'input_required'")
        shown = collected(kernel, kernel.run("%tta_board"), lambda r: "&lt;img" in table_in(r))
        assert "<img" not in table_in(shown)
        task = opened(shown, "DropdownModel", _options_labels=["choose a task"])
        kernel.set_state(task, index=1)
        asked = kernel.collect(lambda r: "'No answer'" in str(r.of("comm_open")))
        number = opened(asked, "TextModel", description="<b>N")
        answer = opened(asked, "ButtonModel", description="Answer")
        kernel.set_state(number, value="many")
        kernel.click(answer)
        refused = kernel.collect(lambda r: "Give a whole number" in str(r.of("comm_msg")))
        assert not refused.of("comm_close")  # what was typed stays
        kernel.set_state(number, value="3")
        kernel.click(answer)
        sure = kernel.collect(lambda r: "'No answer'" in str(r.of("comm_open")))
        kernel.click(opened(sure, "ButtonModel", description="yes"))
        kernel.until("h.status == 'completed'")
        assert kernel.value("h.result(30)") == [{"n": 3}, "yes"]


def test_the_table_is_one_message_an_update_however_many_tasks_there_are() -> None:
    with Kernel() as kernel:
        kernel.run("import sys; sys.modules['anywidget'] = None")
        kernel.run(
            "from datetime import UTC, datetime, timedelta\n"
            "from tta_interactive.blocking import BlockingEngine\n"
            "from tta_interactive.request import TaskRequest\n"
            "later = datetime.now(UTC) + timedelta(days=1)\n"
            "one = TaskRequest(kind='shell', params={'argv': ['true']}, not_before=later)\n"
            "_ = BlockingEngine().submit_many([one] * 1000)"
        )
        begun = time.monotonic()
        shown = collected(kernel, kernel.run("%tta_board"), lambda r: "of 1,000" in table_in(r))
        assert len(shown.of("comm_open")) <= 50
        assert len(table_in(shown)) < 64 * 1024
        assert len(shown.of("comm_msg")) <= 15 + 5 * (time.monotonic() - begun)
