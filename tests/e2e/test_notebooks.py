"""The notebooks that we ship run from top to bottom, and are stored without outputs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from scripts.notebooks import FOLDER, executed, page
from tests.e2e.kernel import WIDGET_VIEW, new_home, remove_home

NAMES = ["01_first_task", "02_many_tasks", "03_verified_tests", "04_workflow", "05_with_an_agent"]
# What a reader of each must be able to see, in the order of the notebook.
SHOWN = {
    "01_first_task": ["tests kept: 100 % of the lines", "passed", "FAILED", "on the way"],
    "02_many_tasks": ["3.1", "submitted as number", "COMPLETED", "cancelled"],
    "03_verified_tests": ["tests kept", "threshold  reached", "noticed", "of 5", "True"],
    "04_workflow": ["one by one", "side by side", "COMPLETED", "critical_path"],
    "05_with_an_agent": ["not allowed", "Tasks that I see: 0", "agent", "100 %", "completed"],
}


@pytest.fixture
def home() -> Iterator[Path]:
    """A store for the kernel."""
    home = new_home()
    yield home
    remove_home(home)


def test_these_are_the_notebooks() -> None:
    assert [path.stem for path in sorted(FOLDER.glob("*.ipynb"))] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_stored_without_outputs_and_leads_to_the_next(name: str) -> None:
    cells: Any = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4).cells
    assert [c.id for c in cells if c.get("outputs") or c.get("execution_count")] == []
    assert len({cell.id for cell in cells}) == len(cells)
    following = NAMES[NAMES.index(name) + 1 :][:1]
    assert all(f"`{one}`" in cells[-1].source for one in following)


@pytest.mark.slow
@pytest.mark.sandbox
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_and_its_page_shows_every_result_offline(name: str, home: Path) -> None:
    notebook = executed(FOLDER / f"{name}.ipynb", home)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not any(WIDGET_VIEW in o.get("data", {}) for o in outputs if not _is_board(o))
    html = page(notebook, name)
    text = re.sub(r"<style.*?</style>|<script.*?</script>", "", html, flags=re.DOTALL)
    at = 0
    for words in SHOWN[name]:
        found = text.find(words, at)
        assert found >= 0, f"{words!r} is not shown, or not in this place"
        at = found
    assert not re.search(r"(?:src|href)=[\"'](?:https?:)?//", html), "the page loads something"
    assert "RUNNING t_" not in text
    for output in outputs:
        shown = output.get("data", {}).get("text/plain", "") or output.get("text", "")
        assert output.output_type != "error"
        assert "Traceback" not in shown


def _is_board(output: Any) -> bool:
    return "STATUS" in output.get("data", {}).get("text/plain", "")
