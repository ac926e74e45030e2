"""The card in a real kernel, without a browser: what is sent to the page, and when."""

import time

import pytest

from tests.e2e.kernel import (
    HAS_SUBSHELLS,
    WIDGET_VIEW,
    Kernel,
    Reply,
    button_in,
    is_final_update,
    order_of_a_click_in_a_busy_cell,
    usage_error,
)


@pytest.mark.kernels
def test_a_card_has_text_html_and_a_widget_and_ends_as_static_html(kernel: Kernel) -> None:
    shown = kernel.run("t = %tta_submit shell -- sh -c 'sleep 0.5; echo 3 passed'")
    (bundle,) = shown.cards
    assert set(bundle) == {"text/plain", "text/html", WIDGET_VIEW}
    end = kernel.collect(lambda reply: len(reply.of("comm_close")) == 8)
    assert is_final_update(end)
    last = end.of("update_display_data")[-1]["data"]
    assert set(last) == {"text/plain", "text/html"}
    assert "3 passed</div>" in last["text/html"]
    assert not any(c["data"]["state"].get("description_allow_html") for c in shown.of("comm_open"))
    opened = {content["comm_id"] for content in shown.of("comm_open")}
    assert {content["comm_id"] for content in end.of("comm_close")} == opened


@pytest.mark.kernels
def test_a_card_is_painted_while_a_cell_is_busy(kernel: Kernel) -> None:
    kernel.run("import time")
    kernel.run(
        "%%tta_submit\nimport time, tta_interactive as tta\n"
        "for n in range(20):\n    tta.progress(n / 20, f'step {n}'); time.sleep(0.1)"
    )
    reply = kernel.run("time.sleep(4)")
    painted = [c["data"]["state"]["value"] for c in reply.of("comm_msg") if "state" in c["data"]]
    assert len({text for text in painted if "step " in text}) >= 4
    assert is_final_update(reply)


@pytest.mark.kernels
def test_a_flood_of_progress_is_at_most_five_updates_a_second_and_the_end_is_last(
    kernel: Kernel,
) -> None:
    shown = kernel.run(
        "%%tta_submit\nimport time, tta_interactive as tta\nend = time.time() + 2\n"
        "while time.time() < end: tta.progress(0.5, str(time.time()))"
    )
    begun = time.monotonic()
    reply = kernel.collect(lambda reply: len(reply.of("comm_close")) == 8)
    seconds = time.monotonic() - begun
    assert len(reply.of("comm_msg")) <= 5 * seconds + 2
    kinds = [kind for kind, _ in reply.messages]
    assert "comm_msg" not in kinds[kinds.index("update_display_data") :]
    assert shown.status == "ok"


@pytest.mark.kernels
def test_cancel_is_clicked_while_a_cell_is_running(kernel: Kernel) -> None:
    shown = kernel.run("t = %tta_submit shell -- sleep 30")
    order = order_of_a_click_in_a_busy_cell(kernel, button_in(shown))
    if HAS_SUBSHELLS:
        assert order == ["CANCELLED", "end"]
    else:  # the click waits for the cell
        assert order == ["end"]
        assert is_final_update(kernel.collect(is_final_update))


def test_a_click_cancels_its_own_task_whatever_the_page_says(kernel: Kernel) -> None:
    kernel.run("other = %tta_submit shell --quiet -- sleep 30")
    kernel.until("other.status == 'running'")
    shown = kernel.run("t = %tta_submit shell -- sleep 30")
    kernel.click(button_in(shown), id=kernel.value("other.id"), task_id=kernel.value("other.id"))
    assert kernel.run("%tta_wait t --no-raise").text.startswith("CANCELLED")
    assert kernel.value("other.status") == "running"


def test_a_handle_is_silent_in_its_own_cell_and_shows_a_card_later(kernel: Kernel) -> None:
    assert len(kernel.run("%tta_submit shell -- sleep 30").cards) == 1
    assert len(kernel.run("t = %tta_submit shell -- sleep 30\nt").cards) == 1
    assert len(kernel.run("t").cards) == 1


def test_thirty_cards_are_fed_by_one_thread_and_each_shows_its_end(kernel: Kernel) -> None:
    shown = kernel.run(
        "for n in range(30): get_ipython().run_line_magic('tta_submit', 'shell -- sleep 30')"
    )
    names = kernel.value("[t.name for t in __import__('threading').enumerate()]")
    assert names.count("tta-pump") == 1
    assert sum(name.startswith("tta-") for name in names) <= 2
    wanted = {content["transient"]["display_id"] for content in shown.of("display_data")}
    assert len(wanted) == 30

    def ended(reply: Reply) -> set[str]:
        return {
            content["transient"]["display_id"]
            for content in reply.of("update_display_data")
            if content["data"]["text/plain"].startswith("CANCELLED")
        }

    cancelled = kernel.run("%tta_cancel --all")
    kernel.collect(lambda reply: ended(reply) >= wanted, since=cancelled)


def test_the_end_of_the_output_is_live_on_the_card(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell -- sh -c 'echo first; echo \"<b>second\"; sleep 30'")
    reply = kernel.collect(lambda reply: "first" in html_in(reply))
    assert "&lt;b&gt;second" in html_in(reply)
    assert "<b>second" not in html_in(reply)


def test_a_failed_task_is_tried_again_as_a_new_one_with_a_card(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell --quiet -- sh -c 'sleep 0.2; exit 3'\n%tta_wait t --no-raise")
    (card,) = kernel.run("%tta_status t").cards
    assert "again: %tta_retry " + kernel.value("t.id")[:10] in card["text/html"]
    (again,) = kernel.run("new = %tta_retry t").cards
    assert WIDGET_VIEW in again
    assert kernel.value("new.id != t.id and new.task.metadata['retry_of'] == t.id") is True
    assert "is queued" in usage_error(kernel.run("%tta_submit shell --quiet --name late --after "
                                                 "{new} -- true\n%tta_retry late"))  # fmt: skip


@pytest.mark.kernels
def test_a_card_takes_the_old_ones_place_after_a_restart(kernel: Kernel) -> None:
    before = kernel.run("t = %tta_submit shell -- sleep 30")
    task_id = kernel.value("t.id")
    kernel.restart()
    after = kernel.run(f"%tta_status {task_id[:8]}")
    assert [card[WIDGET_VIEW]["model_id"] for card in after.cards] == [
        card[WIDGET_VIEW]["model_id"] for card in before.cards
    ]
    kernel.click(button_in(after))
    assert is_final_update(kernel.collect(is_final_update))


def test_a_page_that_was_loaded_again_sees_the_end_in_the_widget(kernel: Kernel) -> None:
    shown = kernel.run("t = %tta_submit shell -- sleep 30")
    kernel.run("import ipywidgets; states = ipywidgets.Widget.get_manager_state()")
    kernel.click(button_in(shown))  # a second page has asked for all widgets meanwhile
    end = kernel.collect(lambda reply: "CANCELLED" in html_in(reply))
    assert end.of("comm_close") == []


def test_hostile_words_of_a_task_reach_the_page_only_as_text(kernel: Kernel) -> None:
    kernel.run("canary = '<img src=x onerror=alert(1)>\\x1b]52;c;aGk=\\x07\\u202e'")
    shown = kernel.run(
        "t = %tta_submit shell --name $canary -- sh -c 'printf \"<script>\\033[2J\"'"
    )
    end = kernel.run("%tta_wait t\n%tta_logs t\n%tta_list --limit 1\n%tta_status t")
    updates = [content["data"] for content in end.of("update_display_data")]
    assert all("&lt;img" in bundle["text/html"] for bundle in [*shown.cards, *end.cards])
    for bundle in [*shown.cards, *end.cards, *updates]:
        assert "text/markdown" not in bundle
        assert "<img" not in bundle["text/html"]
        assert not set(str(bundle.values())) & set("\x1b\x07\u202e")
    assert not set(end.text) & set("\x1b\x07\u202e")


def html_in(reply: Reply) -> str:
    """What a card was painted with last."""
    painted = [c["data"]["state"] for c in reply.of("comm_msg") if "state" in c["data"]]
    return next((state["value"] for state in reversed(painted) if "value" in state), "")


@pytest.mark.parametrize(
    ("mode", "forms"),
    [("html", {"text/plain", "text/html"}), ("text", None)],
)
def test_front_ends_without_widgets_get_html_or_text(mode: str, forms: set[str] | None) -> None:
    with Kernel(TTA_DISPLAY=mode) as kernel:
        reply = kernel.run("t = %tta_submit shell -- sleep 0.5")
        assert [set(card) for card in reply.cards] == ([forms] if forms else [])
        assert forms is not None or reply.text.startswith("QUEUED t_")
        if forms is not None:
            kernel.collect(is_final_update)
        assert kernel.value("'ipywidgets' in __import__('sys').modules") is False


def test_a_kernel_without_ipywidgets_gets_html() -> None:
    with Kernel() as kernel:
        kernel.run("import sys; sys.modules['ipywidgets'] = None  # as if it were not installed")
        (card,) = kernel.run("t = %tta_submit shell -- true").cards
        assert set(card) == {"text/plain", "text/html"}


def test_an_unknown_display_mode_is_refused_by_its_values() -> None:
    with Kernel(TTA_DISPLAY="fancy") as kernel:
        assert "auto, widget, html, text" in usage_error(kernel.run("%tta_submit shell -- true"))
        kernel.run("import os; os.environ['TTA_DISPLAY'] = 'auto'")
        assert kernel.run("%tta_status").text == "No tasks."
