"""Notebooks that are run and converted without a browser."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter

from tests.e2e.kernel import WIDGET_VIEW, kernel_environment, new_home, remove_home

CANARY = "<img src=x onerror=alert(1)>"


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    home = new_home()
    for name, value in kernel_environment(home).items():
        if os.environ.get(name) != value:
            monkeypatch.setenv(name, value)
    yield home
    remove_home(home)


def run(home: Path, *cells: str) -> Any:
    """The notebook after all cells were run."""
    notebook: Any = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(text) for text in ("%load_ext tta_interactive", *cells)]
    )
    client = NotebookClient(
        notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(home)}}
    )
    client.store_widget_state = False
    manager = client.create_kernel_manager()
    manager.kernel_spec.argv[0] = sys.executable
    client.execute()
    return notebook


def test_a_saved_notebook_holds_a_finished_card_as_html_without_a_widget(home: Path) -> None:
    notebook = run(
        home,
        f"name = {CANARY!r}\nt = %tta_submit shell --name $name -- sleep 0.3",
        "%tta_wait t",
        "import time; time.sleep(1)",
    )
    (card,) = [
        output for output in notebook.cells[1].outputs if output.output_type == "display_data"
    ]
    assert WIDGET_VIEW not in card.data
    assert card.data["text/plain"].startswith("COMPLETED")
    assert CANARY not in card.data["text/html"]


def test_a_converted_notebook_shows_the_card_offline_and_the_canary_as_text(home: Path) -> None:
    notebook = run(
        home,
        f"name = {CANARY!r}\nt = %tta_submit shell --name $name -- true",
        "%tta_wait t",
        "%tta_list",
        "import time; time.sleep(1)",
    )
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert "COMPLETED" in page
    assert CANARY not in page
    assert "&lt;img src=x onerror" in page


def test_a_front_end_that_takes_only_plain_text_shows_every_result(home: Path) -> None:
    notebook = run(
        home,
        f"name = {CANARY!r}\nt = %tta_submit shell --name $name -- sleep 0.3",
        "%tta_wait t",
        "%tta_status t",
        "%tta_list",
        "%tta_board",
        "bad = %tta_submit python --name broken 'code=1/0'\n%tta_wait bad --no-raise",
        "%tta_status bad",
        "import time; time.sleep(1)",
    )
    # What is left when all other forms are stripped; a wait that takes long shows a card too.
    submitted, status, table, board, failed = (
        next(
            output.data["text/plain"]
            for output in notebook.cells[number].outputs
            if output.output_type == "display_data"
        )
        for number in (1, 3, 4, 5, 7)
    )
    assert all(text.startswith("COMPLETED") for text in (submitted, status))
    assert all(text.startswith("STATUS") for text in (table, board))
    assert all(CANARY in text for text in (submitted, status, table, board))
    assert failed.startswith("FAILED")
    assert "ZeroDivisionError" in failed
    assert "%tta_logs" in failed


def test_a_failed_task_stops_a_notebook_that_is_run_by_a_program(home: Path) -> None:
    with pytest.raises(CellExecutionError, match="TaskFailed"):
        run(home, "%tta_submit shell -- false", "%tta_wait", "raise SystemError('not reached')")
