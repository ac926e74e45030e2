"""Run the notebooks from top to bottom, each on a store of its own, and render them as HTML.

    python scripts/notebooks.py build/notebooks      all of them, as pages that need no network

The tests run them by the same function.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from tta_interactive.worker.start import stop_worker

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "notebooks"
BOUND = 300  # seconds for one cell


def environment(home: Path) -> dict[str, str]:
    """The variables of a kernel whose store and profile are in `home`."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    own = {"TTA_HOME": str(home / "store"), "IPYTHONDIR": str(home / "ipython")}
    return {**os.environ, **own, "PYTHONPATH": path}


def executed(path: Path, home: Path) -> Any:
    """The notebook with its outputs."""
    notebook: Any = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=BOUND, kernel_name="python3")
    # A stored widget hides the static form that a finished card leaves.
    client.store_widget_state = False
    manager = client.create_kernel_manager()
    manager.kernel_spec.argv[0] = sys.executable
    client.execute(cwd=str(home), env=environment(home))
    return notebook


def page(notebook: Any, title: str) -> str:
    """The notebook as one HTML page."""
    exporter = HTMLExporter()
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    # The page loads nothing: no scripts for formulas, widgets or diagrams.
    exporter.mathjax_url = exporter.require_js_url = exporter.jquery_url = ""
    exporter.mermaid_js_url = exporter.mermaid_layout_elk_js_url = ""
    exporter.jupyter_widgets_base_url = ""
    html, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": title}})
    return str(html)


def main(target: Path) -> None:
    """Render all notebooks into a directory."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(FOLDER.glob("*.ipynb")):
        home = Path(tempfile.mkdtemp(prefix="ttan-", dir="/tmp"))
        try:
            notebook = executed(path, home)
        finally:
            stop_worker(home / "store")
            shutil.rmtree(home, ignore_errors=True)
        (target / f"{path.stem}.html").write_text(page(notebook, path.stem), "utf-8")
        sys.stdout.write(f"{target / path.stem}.html\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
