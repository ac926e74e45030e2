"""The notebooks that we ship run from top to bottom, and are stored without outputs."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.e2e.kernel import kernel_environment, new_home, remove_home

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A store for the kernel."""
    home = new_home()
    for name, value in kernel_environment(home).items():
        if os.environ.get(name) != value:
            monkeypatch.setenv(name, value)
    yield home
    remove_home(home)


def test_there_is_a_notebook() -> None:
    assert [path.name for path in NOTEBOOKS] == ["01_first_task.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path: Path) -> None:
    cells: Any = nbformat.read(path, as_version=4).cells
    left = [cell.id for cell in cells if cell.get("outputs") or cell.get("execution_count")]
    assert left == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path: Path, home: Path) -> None:
    notebook: Any = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=180, kernel_name="python3")
    client.store_widget_state = False
    manager = client.create_kernel_manager()
    manager.kernel_spec.argv[0] = sys.executable
    client.execute(cwd=str(home.parent))
    text = "".join(str(output) for cell in notebook.cells for output in cell.get("outputs", []))
    assert "COMPLETED" in text
    assert "tests kept: 100 % of the lines" in text
    assert "on the way" in text
