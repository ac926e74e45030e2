"""The coverage of a `tests` task as HTML: its course over time, and the module line by line. Pure.

The picture is drawn from numbers only and holds no text: a front end that drops it (a notebook
that is not trusted) leaves a sentence that says the same. Colours hold on white and on black.
"""

import html
from collections.abc import Sequence
from typing import Final

from tta_interactive.listing import Line, Mark
from tta_interactive.notebook.view import percent_words, span

Points = Sequence[tuple[float, float]]
WIDTH, HEIGHT = 600.0, 96.0
MOST_LINES: Final = 3000
QUIET: Final = "color:var(--jp-ui-font-color2,inherit);font-size:12px;"
TABULAR: Final = "font-variant-numeric:tabular-nums;"
MONO: Final = "font:12px/1.55 var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace);"
GRID: Final = "rgba(128,128,128,.3)"
SIGNS: Final[dict[Mark, str]] = {"covered": "+", "missed": "−", "partial": "~", "": " "}  # noqa: RUF001
TINTS: Final[dict[Mark, str]] = {
    "covered": "46,158,91",
    "missed": "217,64,74",
    "partial": "224,134,0",
}
SUMMARY: Final = f"cursor:pointer;{QUIET}margin-top:8px"


def plot_html(points: Points, wanted: float | None) -> str:
    """Coverage over time; empty if there are too few points to draw.

    Args:
        points: (seconds, percent), in order of time.
        wanted: The threshold in percent; None: there was none.
    """
    if len(points) < 2 or points[-1][0] <= 0:
        return ""
    end = points[-1][0]
    best = max(share for _, share in points)
    words = f"{percent_words(points[-1][1])} of the lines after {span(end)}"
    steps = [(_x(at, end), _y(share)) for at, share in points]
    path = f"M{steps[0][0]:.1f} {steps[0][1]:.1f}" + "".join(
        f"H{x:.1f}V{y:.1f}" for x, y in steps[1:]
    )
    area = f"{path}V{HEIGHT:.1f}H{steps[0][0]:.1f}Z"
    grid = "".join(_level(share, GRID, "") for share in (0, 50, 100))
    goal = _level(wanted, "var(--jp-ui-font-color1,currentColor)", "5 4") if wanted else ""
    colour = (
        "var(--jp-success-color1,#2e9e5b)"
        if not wanted or best >= wanted
        else ("var(--jp-warn-color1,#e08600)")
    )
    picture = (
        f'<svg role="img" aria-label="{_text(words)}" viewBox="0 -2 {WIDTH:.0f} {HEIGHT + 4:.0f}" '
        'preserveAspectRatio="none" style="display:block;width:100%;height:84px">'
        f"{grid}"
        f'<path d="{area}" fill="{colour}" fill-opacity=".14"/>'
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2" '
        'stroke-linejoin="round" vector-effect="non-scaling-stroke"/>'
        f"{goal}</svg>"
    )
    axis = f"{QUIET}{TABULAR}display:flex;flex-direction:column;justify-content:space-between;"
    legend = f" · dashed: the threshold of {percent_words(wanted)}" if wanted else ""
    return (
        f'<details class="tta-course"><summary style="{SUMMARY}">Coverage over time: {_text(words)}'
        '</summary><div style="display:flex;gap:8px;margin-top:6px">'
        f'<div aria-hidden="true" style="{axis}height:96px;margin-top:-6px;line-height:1;text-align:right">'
        "<span>100 %</span><span>50 %</span><span>0 %</span></div>"
        f'<div style="flex:1 1 auto;min-width:0">{picture}'
        f'<div aria-hidden="true" style="{QUIET}{TABULAR}display:flex;'
        f'justify-content:space-between;margin-top:3px"><span>0 s</span>'
        f"<span>{_text(span(end))}{legend}</span></div></div></div></details>"
    )


def listing_html(name: str, lines: Sequence[Line], said: str) -> str:
    """The module with its covered and missed lines, folded away until somebody asks.

    Args:
        name: Of the module.
        lines: Of its file.
        said: The missed lines in short, such as `3, 7-9`.
    """
    missed = sum(line.mark == "missed" for line in lines)
    where = f" ({_text(said)})" if said else ""
    partial = sum(line.mark == "partial" for line in lines)
    words = f"{missed} line{'' if missed == 1 else 's'} missed{where}"
    if partial:
        words += f", {partial} with a branch that is missed"
    shown = lines[:MOST_LINES]
    more = ""
    if len(lines) > len(shown):
        more = f'<div style="{QUIET}">and {len(lines) - len(shown)} more lines</div>'
    width = len(str(len(lines)))
    rows = "".join(_row(line, width) for line in shown)
    return (
        f'<details class="tta-listing"><summary style="{SUMMARY}">{_text(name)}: {words}</summary>'
        f'<div style="{QUIET}margin:4px 0">+ run by the tests · − missed · ~ a branch of it is missed</div>'  # noqa: RUF001
        '<div style="max-height:420px;overflow:auto;border:1px solid '
        f'var(--jp-border-color2,rgba(128,128,128,.35));border-radius:4px;{MONO}">'
        f'<div style="min-width:max-content">{rows}</div></div>{more}</details>'
    )


def _row(line: Line, width: int) -> str:
    tint = TINTS.get(line.mark)
    back = f"background:rgba({tint},.16);box-shadow:inset 3px 0 rgb({tint});" if tint else ""
    if line.mark == "covered":  # what is well is not loud
        back = f"background:rgba({tint},.07);box-shadow:inset 3px 0 rgba({tint},.6);"
    gutter = f"{SIGNS[line.mark]} {line.number:>{width}}"
    return (
        f'<div style="white-space:pre;padding:0 10px 0 8px;{back}">'
        f'<span style="opacity:.65">{gutter}</span>  {_text(line.text)}</div>'
    )


def _level(share: float, colour: str, dashes: str) -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<path d="M0 {_y(share):.1f}H{WIDTH:.0f}" stroke="{colour}" stroke-width="1"{dashed} '
        'fill="none" vector-effect="non-scaling-stroke"/>'
    )


def _x(at: float, end: float) -> float:
    return WIDTH * at / end


def _y(share: float) -> float:
    return HEIGHT * (1 - share / 100)


def _text(text: str) -> str:
    return html.escape(text, quote=True)
