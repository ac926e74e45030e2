"""The card in a real JupyterLab: it moves and can be cancelled while a cell is busy."""

from collections.abc import Iterator

import pytest

pytest.importorskip("playwright", reason="Playwright is not installed")

from tests.browser.lab import Lab, until
from tta_interactive.blocking import BlockingEngine

pytestmark = pytest.mark.browser

CANARY = "<img src=x onerror=\"document.title='owned'\">"
CARD = ".jp-OutputArea .tta-card"
SLOW = (
    "%%tta_submit --name slow\n"
    "import time, tta_interactive as tta\n"
    "for n in range(300):\n"
    "    tta.progress(n / 300, f'step {n}')\n"
    "    time.sleep(0.1)"
)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab() as lab:
        yield lab


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


def test_hostile_words_are_text_in_the_live_and_in_the_reopened_notebook(lab: Lab) -> None:
    cells = [
        f"%load_ext tta_interactive\ncanary = {CANARY!r}",
        't = %tta_submit shell --name $canary -- sh -c \'echo "<script>document.title=1</script>"; '
        "sleep 1'",
        "%tta_wait t\n%tta_logs t\n%tta_list",
    ]
    notebook = lab.open("hostile.ipynb", cells)
    for cell in range(len(cells)):
        notebook.run(cell)
    until(lambda: "COMPLETED" in notebook.output(1).inner_text(), "the card is static")
    notebook.save()
    again = lab.open("hostile.ipynb")
    for opened in (notebook, again):
        for cell in (1, 2):
            output = opened.output(cell)
            assert CANARY in output.inner_text()
            assert output.locator(".jp-OutputArea-output").locator("img, script").count() == 0
        assert "owned" not in opened.page.title()
        opened.page.close()


def test_a_board_is_live_and_obeys_while_a_cell_is_busy(lab: Lab) -> None:
    cells = ["%load_ext tta_interactive", "%tta_board", "import time; time.sleep(12); print('end')"]
    notebook = lab.open("board.ipynb", cells)
    notebook.run(0)
    notebook.run(1)
    board = notebook.page.locator(".tta-board")
    board.wait_for()
    notebook.start(2)
    with BlockingEngine(lab.home / "store", owner="cli") as engine:
        slow = engine.submit("shell", {"argv": ["sleep", "60"]}, label=f"board {CANARY}")
        row = board.locator("tbody tr").filter(has_text=f"board {CANARY}")
        until(lambda: row.count() == 1 and "running" in row.inner_text(), "the row is running")
        row.get_by_role("button", name="Cancel").click()
        until(lambda: "cancelled" in row.inner_text(), "the row is cancelled")
        assert engine.status(slow).status == "cancelled"
    assert not notebook.is_done(2)
    assert board.locator("img, script").count() == 0
    notebook.page.close()
