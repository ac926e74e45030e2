"""The figures of a whole run, written into `docs/`: text, a table and a plot."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.testgen.environment import CACHE, ROOT, plot_python
from benchmarks.testgen.modules import Module
from benchmarks.testgen.table import Results, figures

PAGE = ROOT / "docs" / "testgen.md"
PLOT = ROOT / "docs" / "testgen"
START, END = "<!-- measured: start -->\n", "<!-- measured: end -->"


def write_page(text: str) -> None:
    """Put the text between the two marks of the page."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{START}{text}\n{END}{after}", encoding="utf-8")


def draw(modules: Sequence[Module], tools: Sequence[str], results: Results) -> None:
    """Draw the plot, as PNG and as SVG."""
    rows = [
        {"module": module.name} | {tool: figures(results[module.name, tool]) for tool in tools}
        for module in modules
    ]
    said = CACHE / "plot.json"
    said.write_text(json.dumps({"tools": list(tools), "rows": rows}), encoding="utf-8")
    outputs = [str(Path(f"{PLOT}.{kind}")) for kind in ("png", "svg")]
    command = [str(plot_python()), "-m", "benchmarks.testgen.plot", str(said), *outputs]
    subprocess.run(command, check=True, cwd=ROOT)
