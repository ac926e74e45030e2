"""The question of a task in a real kernel: on its card, which answers while a cell runs, and typed."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.kernel import (
    BOUND,
    HAS_SUBSHELLS,
    Kernel,
    Reply,
    is_final_update,
    order_of_a_click_in_a_busy_cell,
    usage_error,
)
from tta_interactive.blocking import BlockingEngine

HOSTILE = "Sure? <img src=x onerror=alert(1)>\\x1b[2J\\u202e"
FORM = (
    "{'type': 'object', 'required': ['branch'], 'properties': {"
    "'branch': {'type': 'string', 'title': '<b>Branch'}, 'push': {'type': 'boolean'}, "
    "'level': {'type': 'string', 'enum': ['low', 'high']}, 'n': {'type': 'integer'}}}"
)


def submit(kernel: Kernel, call: str) -> Reply:
    """Show the card of a task that asks, up to the question's last button."""
    shown = kernel.run(f"%%tta_submit --name asks\nfrom tta_interactive import ask\n{call}")
    # The question may be painted while the cell still runs.
    return kernel.collect(lambda reply: "No answer" in opened(reply), since=shown)


def opened(reply: Reply) -> dict[str, str]:
    """Widgets that were opened: description -> comm."""
    found: dict[str, str] = {}
    for content in reply.of("comm_open"):
        state: dict[str, Any] = content["data"]["state"]
        if state.get("_model_name", "").endswith(("ButtonModel", "TextModel", "CheckboxModel")) or (
            state.get("_model_name") == "DropdownModel"
        ):
            assert not state.get("description_allow_html")
            found[state["description"]] = str(content["comm_id"])
    return found


def result(kernel: Kernel) -> Any:
    kernel.run("done = %tta_wait asks --quiet --no-raise")
    return kernel.value("done")


@pytest.mark.kernels
def test_a_choice_is_clicked_while_a_cell_is_running(kernel: Kernel) -> None:
    shown = submit(kernel, f"ask('{HOSTILE}', choices=['yes', 'no'])")
    buttons = opened(shown)
    assert {"yes", "no"} <= set(buttons)
    painted = [c["data"]["state"]["value"] for c in shown.of("comm_msg")
               if "value" in c["data"].get("state", {})]  # fmt: skip
    assert "Sure? &lt;img src=x onerror=alert(1)&gt;\\x1b[2J\\u202e" in painted[-1]
    assert "INPUT REQUIRED" in painted[-1]
    assert "<img" not in painted[-1]
    order = order_of_a_click_in_a_busy_cell(kernel, buttons["yes"])
    if HAS_SUBSHELLS:
        assert order == ["COMPLETED", "end"]
    else:  # the click waits for the cell
        assert is_final_update(kernel.collect(is_final_update))
    assert result(kernel) == "yes"


@pytest.mark.kernels
def test_a_text_is_typed_into_the_card_and_the_field_goes_with_the_question(kernel: Kernel) -> None:
    shown = submit(kernel, "ask('Name?', default='Ada')")
    buttons = opened(shown)
    kernel.set_state(buttons[""], value="Grace <b>")
    kernel.click(buttons["Answer"])
    asking = set(buttons.values()) - {buttons.get("Cancel")}
    kernel.collect(lambda r: {c["comm_id"] for c in r.of("comm_close")} >= asking)
    assert result(kernel) == "Grace <b>"


def test_a_form_is_filled_in_on_the_card_and_only_a_wrong_value_has_to_be_mended(
    kernel: Kernel,
) -> None:
    shown = submit(kernel, f"ask('Release?', form={FORM})")
    fields = opened(shown)
    assert {"<b>Branch", "push", "level", "n", "Answer", "No answer"} <= set(fields)
    kernel.set_state(fields["<b>Branch"], value="main")
    kernel.set_state(fields["n"], value="many")
    kernel.click(fields["Answer"])
    refused = kernel.collect(lambda reply: "Give a whole number" in str(reply.of("comm_msg")))
    assert not refused.of("comm_close")  # what was filled in stays
    assert "No answer" not in opened(refused)
    kernel.set_state(fields["push"], value=True)
    kernel.set_state(fields["n"], value="3")
    kernel.click(fields["Answer"])
    kernel.collect(is_final_update)
    assert result(kernel) == {"branch": "main", "push": True, "level": "low", "n": 3}


def test_a_click_for_an_older_question_does_not_answer_a_newer_one(kernel: Kernel) -> None:
    shown = submit(kernel, "[ask('1?', choices=['a']), ask('2?', choices=['a'])]")
    answered = kernel.run("%tta_answer asks a")
    kernel.collect(lambda reply: "No answer" in opened(reply), since=answered)
    kernel.click(opened(shown)["a"])  # of a page that did not hear of it
    kernel.run("from tta_interactive.default import engine")
    still = kernel.run("print(engine().status('asks').open_question.text)").text
    assert still.endswith("2?")  # after the kernel's own words on a button that is gone
    kernel.run("%tta_answer asks --decline")
    assert result(kernel) == ["a", None]


def test_the_magic_answers_and_says_what_fits(kernel: Kernel) -> None:
    kernel.run("from tta_interactive.default import engine")
    submit(kernel, f"ask('Release?', form={FORM})")
    assert "%tta_answer t_" in usage_error(kernel.run("%tta_answer asks"))
    assert "needs a value for 'branch'" in usage_error(kernel.run("%tta_answer asks push=yes"))
    shown = kernel.run("%tta_status asks").cards[0]["text/plain"]
    assert "Release?" in shown
    assert "n (whole number)" in shown
    kernel.run("number = 7")
    assert kernel.run("%tta_answer asks branch=main n=$number").text.startswith("RUNNING")
    assert result(kernel) == {"branch": "main", "n": 7}
    assert "is completed" in usage_error(kernel.run("%tta_answer asks again"))


def test_a_handle_answers_too_and_a_card_without_widgets_says_how() -> None:
    with Kernel(TTA_DISPLAY="html") as kernel:
        kernel.run("%%tta_submit --name asks\nfrom tta_interactive import ask\nask('Go?')")
        kernel.run("t = %tta_submit shell --quiet -- true")
        kernel.until("str(__import__('tta_interactive').status('asks').status) == 'input_required'")
        (card,) = kernel.run("%tta_status asks").cards
        assert "Go?" in card["text/html"]
        assert "%tta_answer t_" in card["text/html"]
        kernel.run("h = %tta_status asks")
        kernel.run("h.answer('sure')")
        assert kernel.value("h.result(30)") == "sure"


@pytest.fixture(scope="module")
def typed() -> Iterator[Kernel]:
    with Kernel() as kernel:
        yield kernel


@pytest.fixture
def typing(typed: Kernel) -> Kernel:
    """A kernel with no subshell: its page cannot click while a cell runs, but type."""
    typed.run("%tta_cancel --all")
    return typed


def asked_for(typing: Kernel) -> str:
    """The words with which the kernel asks the page for a line."""
    return str(typing.client.get_stdin_msg(timeout=BOUND)["content"]["prompt"])


def test_whoever_waits_is_asked_and_a_wrong_answer_is_asked_for_again(typing: Kernel) -> None:
    submit(typing, "ask('Deploy to\x1b[2J?', choices=['yes', 'no'])")
    cell = typing.start("answered = %tta_wait asks")
    assert asked_for(typing) == "answer (yes | no): "
    typing.client.input("perhaps")
    assert asked_for(typing) == "answer (yes | no): "
    typing.client.input("YES")
    said = typing.finish(cell)
    assert "asks: Deploy to\\x1b[2J?" in said.text
    assert "'perhaps' is no answer to this question. Give one of: 'yes', 'no'." in said.text
    assert len(said.cards) == 1  # it can be answered there, too
    assert typing.value("answered") == "yes"


def test_whoever_waits_fills_in_a_form_field_by_field(typing: Kernel) -> None:
    submit(typing, f"ask('Release?', form={FORM})")
    cell = typing.start("%tta_wait asks")
    for field, typed in (("branch", "main"), ("push", "yes"), ("level", ""), ("n", "3")):
        assert asked_for(typing) == f"{field}: "
        typing.client.input(typed)
    typing.finish(cell)
    assert result(typing) == {"branch": "main", "push": True, "n": 3}


def test_a_question_that_is_answered_elsewhere_is_not_waited_for(typing: Kernel) -> None:
    submit(typing, "ask('Go?', choices=['yes', 'no'])")
    cell = typing.start("answered = %tta_wait asks\nprint('after')")
    assert asked_for(typing) == "answer (yes | no): "
    with BlockingEngine(typing.home / "store", owner="cli") as engine:
        engine.answer("asks", "no")
    said = typing.finish(cell)
    assert "It is not asked any more" in said.text
    assert said.text.endswith("after")
    assert typing.value("answered") == "no"


def test_a_time_out_and_the_stop_button_leave_a_question(typing: Kernel) -> None:
    submit(typing, "ask('Go?')")
    cell = typing.start("%tta_wait asks --timeout 1")
    assert asked_for(typing) == "answer: "
    assert "is still INPUT_REQUIRED after 1 s of waiting" in typing.finish(cell).text
    cell = typing.start("%tta_wait asks")
    assert asked_for(typing) == "answer: "
    typing.interrupt()
    assert "Stopped waiting; t_" in typing.finish(cell).text
    typing.run("%tta_answer asks well")
    assert result(typing) == "well"


def test_a_notebook_that_is_run_without_a_reader_says_how_to_answer_and_asks_nobody(
    typing: Kernel,
) -> None:
    submit(typing, "ask('Go?', choices=['yes', 'no'])")
    cell = typing.client.execute("%tta_wait asks --timeout 0.5", allow_stdin=False)
    said = typing.finish(cell)
    assert "It waits for an answer. On its card, or in a terminal: tta answer t_" in said.text
    assert "is still INPUT_REQUIRED" in said.text
    assert typing.run("%tta_answer asks no").status == "ok"
