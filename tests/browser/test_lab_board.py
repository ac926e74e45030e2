"""The board in a real JupyterLab, and hostile words in every form that a notebook shows."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="Playwright is not installed")

from playwright.sync_api import Locator

from tests.browser.lab import Lab, Notebook, until
from tta_interactive.request import TaskRequest

pytestmark = pytest.mark.browser

CANARY = "<img src=x onerror=\"document.title='owned'\">"
LOAD = "%load_ext tta_interactive"


def test_a_board_is_live_and_obeys_while_a_cell_is_busy(lab: Lab) -> None:
    cells = [LOAD, "%tta_board", "import time; time.sleep(12); print('end')"]
    notebook = lab.open("board.ipynb", cells)
    notebook.run(0)
    notebook.run(1)
    board = notebook.page.locator(".tta-board")
    board.wait_for()
    notebook.start(2)
    with lab.engine() as engine:
        slow = engine.submit("shell", {"argv": ["sleep", "60"]}, label="board")
        row = board.locator("tbody tr").filter(has_text="board")
        until(lambda: row.count() == 1 and "running" in row.inner_text(), "the row is running")
        row.get_by_role("button", name="Cancel").click()
        until(lambda: "cancelled" in row.inner_text(), "the row is cancelled")
        assert engine.status(slow).status == "cancelled"
    assert not notebook.is_done(2)


def test_of_a_thousand_tasks_one_page_travels_and_then_what_changed(lab: Lab) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    one = TaskRequest(kind="shell", params={"argv": ["true"]}, not_before=later)
    notebook = lab.open("thousand.ipynb", [LOAD, "%tta_board"])
    with lab.engine() as engine:
        engine.submit_many([one] * 1000)
        sent: list[int] = []
        notebook.on_frame(sent)
        notebook.run(0)
        notebook.run(1)
        board = notebook.page.locator(".tta-board")
        until(lambda: "1 to 50 of " in board.inner_text(), "the board shows a page")
        assert board.locator("tbody").count() == 50
        assert sum(sent) < 400_000  # the module itself is among it, and the static form
        sent.clear()
        engine.submit("shell", {"argv": ["sleep", "60"]}, label="news")
        until(lambda: "news" in board.locator("tbody").first.inner_text(), "the new row is first")
        until(lambda: "running" in board.locator("tbody").first.inner_text(), "it is running")
        assert sum(sent) < 20_000


def test_a_server_without_anywidget_shows_the_table(lab: Lab) -> None:
    lab.disable("anywidget")
    notebook = lab.open("table.ipynb", [LOAD, "%tta_board"])
    with lab.engine() as engine:
        engine.submit("shell", {"argv": ["sleep", "60"]}, label=f"slow {CANARY}")
        notebook.run(0)
        notebook.run(1)
        output = notebook.output(1)
        until(lambda: f"slow {CANARY}" in output.inner_text(), "the table shows the task")
        choice = output.locator("select").last
        choice.select_option(index=1)
        output.get_by_role("button", name="Cancel").click()
        until(lambda: "cancelled" in output.locator("tbody tr").first.inner_text(), "it ends")
        assert output.locator(".tta-rows").locator("img, script").count() == 0
        assert "javascript error" not in output.inner_text().lower()
        assert notebook.page.title() != "owned"


def test_a_board_in_a_dark_notebook_is_dark(lab: Lab) -> None:
    notebook = lab.open("dark.ipynb", [LOAD, "%tta_board"])
    notebook.js("await app.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})")
    notebook.run(0)
    notebook.run(1)
    board = notebook.page.locator(".tta-board")
    board.wait_for()
    scheme = "one => getComputedStyle(one).colorScheme"
    until(lambda: board.evaluate(scheme) == "dark", "the board is dark")
    notebook.js("await app.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'})")
    until(lambda: board.evaluate(scheme) == "light", "the board is light again")


def is_harmless(notebook: Notebook, output: Locator) -> None:
    assert output.locator("img, script, svg[onload]").count() == 0
    assert output.locator("[onerror]").count() == 0
    ours = "[data-commandlinker-command='apputils:run-all-enabled'].tta-again"
    assert output.locator(f"[data-commandlinker-command]:not({ours})").count() == 0
    assert notebook.page.title() != "owned"


def test_hostile_words_are_text_in_every_field_of_every_form(lab: Lab) -> None:
    place = lab.root / "<img src=x onerror=alert(1)>"
    place.mkdir()
    hostile = f"canary = {CANARY!r} + '<button data-commandlinker-command=x>' + chr(0x202e)"
    cells = [
        f"{LOAD}\n{hostile}",
        "%%tta_submit --name $canary\n"
        "import sys, time, tta_interactive as tta\n"
        f"tta.progress(.5, {CANARY!r})\nprint({CANARY!r}, flush=True)\ntime.sleep(3)\n{CANARY!r}",
        'bad = %tta_submit python --name $canary \'code=print("<script>1</script>"); '
        'raise ValueError("<svg onload=x>")\'',
        "%tta_board",
        "%tta_wait --all --no-raise\n%tta_logs bad\n%tta_list\n%tta_status --last --detail",
    ]
    notebook = lab.open("hostile.ipynb", cells)
    with lab.engine(f"mcp:{CANARY}") as agent:
        agent.submit("shell", {"argv": ["false"]}, label=CANARY, workspace=str(place))
    notebook.run(0)
    notebook.run(1)
    live = notebook.output(1)
    until(lambda: live.inner_text().count("onerror=") >= 3, "name, message and log are there")
    is_harmless(notebook, live)
    for cell in (2, 3, 4):
        notebook.run(cell)
    until(lambda: "COMPLETED" in live.inner_text(), "the card is static")
    assert "<script>1</script>" in notebook.output(4).inner_text()
    board = notebook.output(3).locator(".tta-board")
    until(lambda: "<svg onload=x>" in board.inner_text(), "the board shows the error")
    assert f"agent {CANARY[:30]}" in board.inner_text()
    board.get_by_role("button", name=CANARY[:20]).first.click()
    until(lambda: board.locator("tr.more pre").count(), "a row is open")
    notebook.save()
    seen = [notebook.output(cell) for cell in (1, 2, 3, 4)]
    for output in seen:
        is_harmless(notebook, output)
    notebook.page.close()
    lab.stop_kernels()
    again = lab.open("hostile.ipynb")
    for cell in (1, 2, 4):
        output = again.output(cell)
        assert CANARY in output.inner_text()
        is_harmless(again, output)
    assert Path(place).is_dir()
