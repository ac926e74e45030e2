"""A view as HTML: pure, and the only place where the notebook door makes HTML.

Every text passes `_text`; numbers are formatted here. Styles stand on the elements, for a
saved notebook, GitHub and nbconvert drop or lack style sheets; colours are JupyterLab's
variables with fallbacks that can be read on white and on black.
"""

import html
import json
from collections.abc import Sequence
from typing import Final

from tta_interactive.notebook.coverage import listing_html, plot_html
from tta_interactive.notebook.view import Report, Share, Tone, View, percent_words

__all__ = ["card_html", "table_html"]

COLOURS: Final[dict[Tone, str]] = {
    "waiting": "var(--jp-ui-font-color3,#8a8f98)",
    "busy": "var(--jp-brand-color1,#1e88e5)",
    "asking": "var(--jp-warn-color1,#e08600)",
    "good": "var(--jp-success-color1,#2e9e5b)",
    "bad": "var(--jp-error-color1,#d9404a)",
    "off": "var(--jp-ui-font-color3,#8a8f98)",
}
MARKS: Final[dict[Tone, str]] = {
    "waiting": "○",
    "busy": "◐",
    "asking": "?",
    "good": "✓",
    "bad": "✕",
    "off": "–",  # noqa: RUF001  (a dash as wide as the other marks)
}
FONT: Final = (
    "font:13px/1.5 var(--jp-ui-font-family,system-ui,-apple-system,'Segoe UI',sans-serif);"
    "color:var(--jp-ui-font-color1,inherit);"
)
FRAME: Final = (
    "box-sizing:border-box;max-width:720px;margin:2px 0;padding:10px 14px 11px;"
    "border:1px solid var(--jp-border-color2,rgba(128,128,128,.35));border-radius:8px;"
)
QUIET: Final = "color:var(--jp-ui-font-color2,inherit);"
SMALL: Final = "font-size:12px;"
MONO: Final = "font-family:var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace);"
FAINT: Final = "rgba(128,128,128,.1)"
TRACK: Final = "background:rgba(128,128,128,.22);"
CUT: Final = "overflow:hidden;text-overflow:ellipsis;white-space:nowrap;min-width:0;"
PERIOD: Final = 1.6  # seconds in which the bar of an unknown end travels once

# The live form only. Reduced motion is respected; what a static card says needs no style sheet.
LIVE_STYLE: Final = (
    "<style>"
    f".tta-live{{{FRAME}align-items:flex-start}}"
    ".tta-live .widget-html,.tta-live .widget-html-content{margin:0;line-height:inherit}"
    ".tta-live .jupyter-button{border-radius:6px;height:26px;line-height:24px;margin:0 0 0 12px;"
    "font-size:12px}"
    ".tta-live .widget-hbox{margin:0}.tta-live .widget-hbox .jupyter-button{margin:8px 8px 0 0}"
    "@keyframes tta-travel{from{left:-30%}to{left:100%}}"
    "@media(prefers-reduced-motion:reduce){.tta-travel{animation:none!important;left:35%!important}}"
    "</style>"
)
# A button without a kernel: JupyterLab runs these commands of its own when it is clicked, so it
# works on after a restart, and in a notebook that is opened the next day. It is hidden where there
# is no JupyterLab, and where the notebook is not trusted, for then this style sheet is taken out.
AGAIN_COMMANDS: Final = (
    *("notebook:insert-cell-below", "notebook:replace-selection", "notebook:run-cell"),
)
AGAIN_STYLE: Final = (
    "<style>"
    ".jp-NotebookPanel .tta-again{display:block!important;flex:0 0 auto;font:inherit;font-size:12px;"
    "line-height:26px;padding:0 10px;border:0;border-radius:6px;background:var(--jp-layout-color2,#eee);color:var(--jp-ui-font-color1,#222);"
    "cursor:pointer}"
    ".jp-NotebookPanel .tta-again:hover{background:var(--jp-layout-color3,#ddd)}"
    ".jp-NotebookPanel .tta-again:focus-visible{outline:2px solid var(--jp-brand-color1,#1e88e5);"
    "outline-offset:1px}"
    '.tta-again::before{content:"Retry"}'
    "</style>"
)


def card_html(view: View, *, live: bool, phase: float = 0.0) -> str:
    """A card.

    Args:
        view: What it shows.
        live: Inside a widget, which draws the frame; else the frame is drawn here.
        phase: Seconds on the clock: a bar that is painted anew travels on and does not jump.
    """
    colour = _colour(view)
    rows = [_head(view, colour)]
    if not view.is_final:
        rows.append(_progress(view, colour, phase))
    if view.message:
        rows.append(f'<div style="{QUIET}{CUT}margin-top:4px">{_text(view.message)}</div>')
    if view.question:
        rows.append(
            f'<div style="margin-top:6px;font-weight:600;overflow-wrap:anywhere">'
            f"{_text(view.question)}</div>"
        )
    rows += [
        f'<div style="{QUIET}{SMALL}overflow-wrap:anywhere">{_text(line)}</div>'
        for line in view.answers
    ]
    if view.report is not None:
        rows.append(_report(view.report, colour))
    if view.error:
        rows.append(f'<div style="margin-top:6px;overflow-wrap:anywhere">{_text(view.error)}</div>')
    if view.remedy:
        rows.append(f'<div style="{QUIET}overflow-wrap:anywhere">{_text(view.remedy)}</div>')
    if view.outcome:
        rows.append(
            f'<div style="{MONO}{SMALL}margin-top:6px;overflow-wrap:anywhere">'
            f"{_text(view.outcome)}</div>"
        )
    if view.tail:
        rows.append(_tail(view.tail))
    rows.append(_small_print(view))
    frame = "" if live else FRAME
    style = LIVE_STYLE if live else ""
    return f'{style}<div class="tta-card" style="{FONT}{frame}">{"".join(rows)}</div>'


def table_html(views: Sequence[View]) -> str:
    """Tasks as one table."""
    if not views:
        return f'<div style="{FONT}{QUIET}">No tasks.</div>'
    head = "".join(
        f'<th style="text-align:left;font-weight:600;{QUIET}padding:4px 14px 4px 0">{name}</th>'
        for name in ("Status", "Task", "Kind", "Time", "From", "Id")
    )
    rows = "".join(_row(view) for view in views)
    return (
        f'<table class="tta-table" style="{FONT}border-collapse:collapse;margin:2px 0">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _colour(view: View) -> str:
    return COLOURS["off" if view.is_cancelling else view.tone]


def _text(text: str) -> str:
    return html.escape(text, quote=True)


def _chip(view: View, colour: str) -> str:
    """The status: a mark, a word and a colour, so that none of them is needed to read it."""
    word = "CANCELLING" if view.is_cancelling else view.word.replace("_", " ")
    return (
        '<span role="status" style="white-space:nowrap;font-weight:600;font-size:11px;'
        'letter-spacing:.05em">'
        f'<span aria-hidden="true" style="color:{colour};font-size:13px;display:inline-block;'
        'width:14px;margin-right:4px;text-align:center">'
        f"{MARKS[view.tone]}</span>{_text(word)}</span>"
    )


def _head(view: View, colour: str) -> str:
    label = _text(view.label or view.kind)
    kind = f'<span style="{QUIET}">{_text(view.kind)}</span> ' if view.label else ""
    left = f" · {_text(view.remaining)}" if view.remaining else ""
    return (
        '<div style="display:flex;gap:12px;align-items:baseline">'
        f"{_chip(view, colour)}"
        f'<span style="{CUT}flex:1 1 auto" title="{label}">{kind}'
        f'<span style="font-weight:600">{label}</span></span>'
        f'<span style="{QUIET}white-space:nowrap;font-variant-numeric:tabular-nums">'
        f"{_text(view.elapsed)}{left}</span>{_again(view)}</div>"
    )


def _again(view: View) -> str:
    """The button; its word is in the style sheet, so that nothing is left of it where it goes."""
    if not view.again:
        return ""
    # The same arguments go to each command (a list is not told apart, JupyterLab 4.6.6).
    order = json.dumps({"commands": AGAIN_COMMANDS, "args": {"text": view.again}})
    return (
        f'{AGAIN_STYLE}<button type="button" class="tta-again" style="display:none" '
        f'aria-label="Retry" title="{_text(view.again)}, in a new cell below" '
        'data-commandlinker-command="apputils:run-all-enabled" '
        f'data-commandlinker-args="{_text(order)}"></button>'
    )


def _progress(view: View, colour: str, phase: float) -> str:
    track = f"position:relative;overflow:hidden;height:6px;border-radius:3px;flex:1 1 auto;{TRACK}"
    if view.fraction is None:
        moving = ""
        if view.tone == "busy":
            moving = (
                '<div class="tta-travel" style="position:absolute;top:0;bottom:0;width:30%;'
                f"border-radius:3px;background:{colour};left:35%;"
                f'animation:tta-travel {PERIOD}s linear infinite -{phase % PERIOD:.2f}s"></div>'
            )
        bar = f'<div role="progressbar" style="{track}">{moving}</div>'
        return f'<div style="display:flex;margin-top:8px">{bar}</div>'
    share = view.fraction * 100
    return (
        '<div style="display:flex;gap:10px;align-items:center;margin-top:6px">'
        f'<div role="progressbar" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{share:.0f}" style="{track}">'
        f'<div style="width:{share:.1f}%;height:100%;border-radius:3px;background:{colour}"></div>'
        "</div>"
        f'<span style="{QUIET}{SMALL}min-width:36px;text-align:right;'
        f'font-variant-numeric:tabular-nums">{percent_words(share)}</span></div>'
    )


def _tail(lines: Sequence[str]) -> str:
    """The end of the output; long lines are cut, so that the card keeps its height."""
    shown = "".join(f'<div style="{CUT}white-space:pre">{_text(line)}</div>' for line in lines)
    return (
        f'<div class="tta-tail" aria-label="end of the output" style="{MONO}{SMALL}{QUIET}'
        f'margin-top:6px;padding:4px 8px;border-radius:4px;background:{FAINT}">{shown}</div>'
    )


def _report(report: Report, colour: str) -> str:
    shares = "".join(_share(share, colour) for share in report.shares)
    path = ""
    if report.path:
        path = (
            f'<div style="{MONO}{SMALL}margin-top:6px;overflow-wrap:anywhere">'
            f"{_text(report.path)}</div>"
        )
    remark = f'<span style="{QUIET}"> · {_text(report.remark)}</span>' if report.remark else ""
    wanted = next((share.wanted for share in report.shares if share.wanted), None)
    course = plot_html(report.timeline, wanted)
    module = listing_html(report.module, report.listing, report.missed) if report.listing else ""
    return (
        f'<div style="margin-top:6px">{_text(report.counts)}{remark}</div>'
        f'<div style="display:flex;flex-wrap:wrap;gap:4px 24px;margin-top:4px">{shares}</div>{path}{course}{module}'
    )


def _share(share: Share, colour: str) -> str:
    """A small bar: pale what importing alone covers, full what the tests reach, a tick the goal."""
    tick = ""
    if share.wanted is not None and share.percent < share.wanted:
        colour = COLOURS["asking"]
    if share.wanted is not None and 0 < share.wanted <= 100:
        tick = (
            f'<div title="threshold {percent_words(share.wanted)}" style="position:absolute;'
            f"top:-2px;bottom:-2px;width:2px;left:calc({share.wanted:.1f}% - 1px);"
            'background:var(--jp-ui-font-color1,currentColor);opacity:.75"></div>'
        )
    return (
        '<div style="display:flex;gap:8px;align-items:center;flex:1 1 240px;max-width:330px">'
        f'<span style="{QUIET}{SMALL}min-width:44px">{_text(share.name)}</span>'
        f'<div style="position:relative;flex:1 1 auto;height:6px;border-radius:3px;{TRACK}" '
        f'title="{percent_words(share.start)} by importing alone">'
        f'<div style="position:absolute;inset:0 auto 0 0;width:{share.percent:.1f}%;'
        f'border-radius:3px;background:{colour}"></div>'
        f'<div style="position:absolute;inset:0 auto 0 0;width:{share.start:.1f}%;'
        'border-radius:3px 0 0 3px;background:rgba(255,255,255,.45)"></div>'
        f"{tick}</div>"
        f'<span style="{SMALL}min-width:48px;text-align:right;font-variant-numeric:tabular-nums">'
        f"{percent_words(share.percent)}</span></div>"
    )


def _small_print(view: View) -> str:
    facts = [f'<span style="{MONO}" title="{_text(view.id)}">{_text(view.short)}</span>']
    facts += [_text(fact) for fact in (view.owner, *view.facts)]
    if view.again:
        facts.append(f"again: {_text(view.again)}")
    return f'<div style="{QUIET}{SMALL}margin-top:6px">{" · ".join(facts)}</div>'


def _row(view: View) -> str:
    colour = _colour(view)
    label = _text(view.label or view.kind)
    live = "" if view.is_final else view.message
    if view.fraction is not None and not view.is_final:
        live = f"{percent_words(view.fraction * 100)} {live}"
    more = live or view.error
    note = ""
    if more:
        note = f'<div style="{QUIET}{SMALL}{CUT}max-width:420px">{_text(more)}</div>'
    cell = 'style="text-align:left;vertical-align:top;padding:4px 14px 4px 0;'
    return (
        f'<tr><td {cell}">{_chip(view, colour)}</td>'
        f'<td {cell}"><div style="{CUT}max-width:420px" title="{label}">{label}</div>{note}</td>'
        f'<td {cell}">{_text(view.kind)}</td>'
        f'<td {cell}white-space:nowrap;font-variant-numeric:tabular-nums">{_text(view.elapsed)}</td>'
        f'<td {cell}white-space:nowrap">{_text(view.owner)}</td>'
        f'<td {cell}{MONO}{SMALL}" title="{_text(view.id)}">{_text(view.short)}</td></tr>'
    )
