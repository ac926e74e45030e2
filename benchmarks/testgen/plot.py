"""`python -m benchmarks.testgen.plot FIGURES OUTPUT...`: a dot for each module, tool and figure.

Runs in an environment that has matplotlib. The background is transparent and every colour reads
on white and on black.
"""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot

PANELS = ("line %", "branch %", "killed %")
TITLES = {"line %": "lines", "branch %": "branches", "killed %": "mutants killed"}
GREY = "#808080"
COLOURS = ("#d55e00", "#0072b2")  # told apart by colour-blind readers; both read on dark
MARKS = ("o", "D")


def draw(rows: list[dict[str, Any]], tools: list[str], outputs: list[str]) -> None:
    """Draw one panel a figure, the modules below each other, best on top."""
    mpl.rcParams.update(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "testgen",
            "text.color": GREY,
            "axes.labelcolor": GREY,
            "axes.edgecolor": GREY,
            "xtick.color": GREY,
            "ytick.color": GREY,
            "font.size": 9,
        }
    )
    rows = sorted(rows, key=lambda row: row[tools[0]]["line %"])
    panels = [name for name in PANELS if name in rows[0][tools[0]]]
    figure, axes = pyplot.subplots(
        1, len(panels), figsize=(11, 0.26 * len(rows) + 1.2), sharey=True, squeeze=False
    )
    places = range(len(rows))
    for axis, panel in zip(axes[0], panels, strict=True):
        for at, row in zip(places, rows, strict=True):
            ends = [row[tool].get(panel, 0.0) for tool in tools]
            axis.plot([min(ends), max(ends)], [at, at], color=GREY, linewidth=0.8, alpha=0.5)
        # Ours last: it lies on top.
        for tool, colour, mark in reversed(list(zip(tools, COLOURS, MARKS, strict=False))):
            values = [row[tool].get(panel, 0.0) for row in rows]
            axis.scatter(values, places, s=26, color=colour, marker=mark, label=tool, zorder=3)
        if panel == "line %":
            values = [row[tools[0]].get("import %", 0.0) for row in rows]
            axis.scatter(values, places, s=30, color=GREY, marker="|", label="the import alone")
        axis.set_title(f"{TITLES[panel]}, %", color=GREY)
        axis.set_xlim(-2, 102)
        axis.set_yticks(list(places), [row["module"] for row in rows])
        axis.grid(axis="x", color=GREY, alpha=0.25)
        axis.tick_params(length=0)
        for side in ("top", "right", "left"):
            axis.spines[side].set_visible(False)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper left", ncols=3, frameon=False, labelcolor=GREY)
    figure.tight_layout(rect=(0, 0, 1, 0.97))
    for output in outputs:
        metadata = {"Date": None} if output.endswith(".svg") else None
        figure.savefig(output, transparent=True, dpi=110, metadata=metadata)


if __name__ == "__main__":
    said = json.loads(Path(sys.argv[1]).read_bytes())
    draw(said["rows"], said["tools"], sys.argv[2:])
