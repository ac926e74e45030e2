"""The card in a real JupyterLab: it moves and can be cancelled while a cell is busy."""

import pytest

pytest.importorskip("playwright", reason="Playwright is not installed")

from tests.browser.lab import Lab, Notebook, until

pytestmark = pytest.mark.browser

CARD = ".jp-OutputArea .tta-card"
SLOW = (
    "%%tta_submit --name slow\n"
    "import time, tta_interactive as tta\n"
    "for n in range(300):\n"
    "    tta.progress(n / 300, f'step {n}')\n"
    "    time.sleep(0.1)"
)


def test_a_card_moves_and_is_cancelled_while_a_cell_is_busy(lab: Lab) -> None:
    cells = ["%load_ext tta_interactive", SLOW, "import time; time.sleep(8); print('end')"]
    notebook = lab.open("busy.ipynb", cells)
    notebook.run(0)
    notebook.run(1)
    notebook.watch(CARD)
    notebook.start(2)
    until(lambda: len({t for t in notebook.seen() if "step" in t}) >= 5, "five steps are seen")
    assert not notebook.is_done(2)
    notebook.page.get_by_role("button", name="Cancel").click()
    until(lambda: "CANCELLED" in notebook.seen()[-1], "the card says CANCELLED")
    assert not notebook.is_done(2)
    (card,) = [o for o in notebook.outputs(1) if o["output_type"] == "display_data"]
    assert set(card["data"]) == {"text/plain", "text/html"}
    assert notebook.page.locator(".tta-live").count() == 0
    notebook.page.close()


def test_the_final_state_comes_after_a_flood_of_ten_thousand_updates(lab: Lab) -> None:
    flood = (
        "%%tta_submit --name flood\nimport tta_interactive as tta\n"
        "for n in range(10_000): tta.progress(n / 10_000, f'step {n}')\nprint('over')"
    )
    cells = ["%load_ext tta_interactive", flood, "import time; time.sleep(4)"]
    notebook = lab.open("flood.ipynb", cells)
    notebook.run(0)
    notebook.watch(CARD)
    notebook.start(1)
    notebook.start(2)
    until(lambda: notebook.seen() and "COMPLETED" in notebook.seen()[-1], "it is COMPLETED")
    assert len(notebook.seen()) < 200  # not every update is painted
    (card,) = [o for o in notebook.outputs(1) if o["output_type"] == "display_data"]
    assert set(card["data"]) == {"text/plain", "text/html"}


def test_cards_and_boards_go_on_after_the_page_was_loaded_again(lab: Lab) -> None:
    notebook = lab.open("reload.ipynb", ["%load_ext tta_interactive", SLOW, "%tta_board"])
    for cell in range(3):
        notebook.run(cell)
    until(lambda: "slow" in notebook.output(2).inner_text(), "the board shows the task")
    notebook.save()
    notebook.reload()
    notebook.watch(CARD)
    until(lambda: len({t for t in notebook.seen() if "step" in t}) >= 3, "the card goes on")
    row = notebook.output(2).locator("tbody tr").filter(has_text="slow").first
    row.get_by_role("button", name="Cancel").click()
    until(lambda: "cancelled" in row.inner_text(), "the board says cancelled")
    until(lambda: "CANCELLED" in notebook.output(1).inner_text(), "the card says CANCELLED")
    assert notebook.problems == []


def test_after_a_restart_the_task_goes_on_and_a_new_card_obeys(lab: Lab) -> None:
    cells = ["%load_ext tta_interactive", SLOW, "%tta_board", "%tta_status slow"]
    notebook = lab.open("restart.ipynb", cells)
    for cell in range(3):
        notebook.run(cell)
    board = notebook.output(2).locator(".tta-board")
    until(lambda: "slow" in board.inner_text(), "the board shows the task")
    notebook.restart()
    until(lambda: "The kernel is gone" in board.inner_text(), "the board says so")
    assert board.get_by_role("button").first.is_disabled()
    notebook.run(0)
    notebook.run(3)
    new = notebook.output(3)
    until(lambda: "step" in new.inner_text(), "the new card moves")
    new.get_by_role("button", name="Cancel").click()
    until(lambda: "CANCELLED" in new.inner_text(), "the new card says CANCELLED")
    assert notebook.problems == []


def test_a_notebook_that_is_opened_the_next_day_shows_what_became_of_its_tasks(lab: Lab) -> None:
    cells = [
        "%load_ext tta_interactive",
        "%tta_submit shell --name good -- true",
        "%tta_submit shell --name bad -- false",
    ]
    notebook = lab.open("tomorrow.ipynb", cells)
    for cell in range(3):
        notebook.run(cell)
    until(lambda: "COMPLETED" in notebook.output(1).inner_text(), "one has completed")
    until(lambda: "FAILED" in notebook.output(2).inner_text(), "one has failed")
    notebook.save()
    notebook.page.close()
    lab.stop_kernels()
    again = lab.open("tomorrow.ipynb")
    assert "good" in again.output(1).inner_text()
    assert "COMPLETED" in again.output(1).inner_text()
    assert "%tta_retry" in again.output(2).inner_text()
    assert "Error displaying" not in again.page.locator(".jp-Notebook").inner_text()


def test_a_task_that_failed_is_tried_again_by_the_button_of_its_card(lab: Lab) -> None:
    cells = [
        "%load_ext tta_interactive",
        # Two seconds: ipywidgets complains of a box that goes while its children are being drawn.
        "%tta_submit shell --name again -- sh -c 'sleep 2; exit 3'",
        "import time; time.sleep(8); print('end')",
    ]
    notebook = lab.open("again.ipynb", cells)
    notebook.run(0)
    notebook.run(1)
    until(lambda: "FAILED" in notebook.output(1).inner_text(), "it has failed")
    notebook.start(2)
    retry(notebook, cells=4)
    assert not notebook.is_done(3)  # it is put there while a cell runs, and is run after that
    until(lambda: "FAILED" in notebook.output(2).inner_text(), "a new one has failed")
    notebook.save()
    notebook.restart()
    notebook.run(0)
    retry(notebook, cells=5)  # the button needs no kernel of its own
    until(lambda: "FAILED" in notebook.output(2).inner_text(), "a third has failed")
    notebook.page.close()
    lab.stop_kernels()
    again = lab.open("again.ipynb")
    again.run(0)
    retry(again, cells=5)
    until(lambda: "FAILED" in again.output(2).inner_text(), "a fourth has failed")
    with lab.engine() as engine:
        tasks = [task for task in engine.list(limit=100) if task.label == "again"]
    assert len(tasks) == 4
    assert again.problems == notebook.problems == []


def retry(notebook: Notebook, cells: int) -> None:
    """Click on Retry of the card in cell 1, which is not the active one."""
    button = notebook.output(1).get_by_role("button", name="Retry")
    button.wait_for()
    notebook.js("nb.activeCellIndex = 2")
    button.click()
    until(lambda: notebook.js("return nb.model.cells.length") == cells, "there is a cell more")
    source = "return nb.model.cells.get(2).sharedModel.source"
    until(lambda: notebook.js(source).startswith("%tta_retry t_"), "it holds the line")


def test_a_notebook_that_is_not_trusted_has_no_button_to_run_something(lab: Lab) -> None:
    cells = ["%load_ext tta_interactive", "%tta_submit shell --name bad -- false"]
    notebook = lab.open("mine.ipynb", cells)
    notebook.run(0)
    notebook.run(1)
    until(lambda: "FAILED" in notebook.output(1).inner_text(), "it has failed")
    notebook.save()
    saved = (lab.root / "mine.ipynb").read_text()
    (lab.root / "theirs.ipynb").write_text(saved.replace("bad", "bed"))
    theirs = lab.open("theirs.ipynb")
    until(lambda: "%tta_retry t_" in theirs.output(1).inner_text(), "the card says how")
    assert theirs.output(1).get_by_role("button").count() == 0


ASKS = (
    "%%tta_submit --name asks\nfrom tta_interactive import ask\n"
    "[ask('Deploy?', choices=['yes', 'no']), ask('Where to?')]"
)


def test_whoever_waits_answers_on_the_card_while_the_cell_waits(lab: Lab) -> None:
    cells = ["%load_ext tta_interactive", ASKS, "found = %tta_wait asks\nprint(found)"]
    notebook = lab.open("asks.ipynb", cells)
    notebook.run(0)
    notebook.run(1)
    until(lambda: "Deploy?" in notebook.output(1).inner_text(), "the card asks")
    notebook.start(2)
    waiting = notebook.output(2)
    waiting.get_by_role("button", name="yes", exact=True).click()
    until(lambda: "Where to?" in waiting.inner_text(), "the next question is there")
    waiting.get_by_role("textbox").fill("the moon")
    waiting.get_by_role("button", name="Answer", exact=True).click()
    until(lambda: notebook.is_done(2), "the wait is over")
    assert "['yes', 'the moon']" in waiting.inner_text()
    assert waiting.locator("input").count() == 0  # and nothing else was asked for


def test_two_notebooks_share_their_tasks(lab: Lab) -> None:
    one = lab.open("one.ipynb", ["%load_ext tta_interactive", SLOW])
    other = lab.open("other.ipynb", ["%load_ext tta_interactive", "%tta_cancel slow"])
    one.run(0)
    one.run(1)
    until(lambda: "step" in one.output(1).inner_text(), "the card moves")
    other.run(0)
    other.run(1)
    until(lambda: "CANCELLED" in one.output(1).inner_text(), "the first notebook shows it")
