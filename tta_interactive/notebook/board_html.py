"""The board as one HTML table, for front ends without anywidget: pure.

What is shown comes from a feed, so every text was made visible and bounded; here it is escaped.
"""

import html
from collections.abc import Mapping
from typing import Final, cast

from pydantic import JsonValue

from tta_interactive.duration import span
from tta_interactive.notebook.markup import COLOURS, FONT, MARKS, MONO, QUIET, TRACK
from tta_interactive.notebook.view import TONES
from tta_interactive.task import TaskStatus

Facts = Mapping[str, JsonValue]
FIGURES: Final = (
    ("waited, median", "waited_p50"),
    ("waited, p95", "waited_p95"),
    ("ran, median", "ran_p50"),
    ("ran, p95", "ran_p95"),
)
STYLE: Final = (
    "<style>"
    f".tta-rows{{{FONT}}}"
    ".tta-rows table{border-collapse:collapse;width:100%;margin:0;font:inherit;color:inherit}"
    ".tta-rows :is(th,td){text-align:left;vertical-align:baseline;padding:4px 14px 4px 0;"
    "background:none;border-bottom:1px solid var(--jp-border-color2,rgba(128,128,128,.25))}"
    f".tta-rows th{{font-weight:600;{QUIET}}}"
    ".tta-rows td.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}"
    ".tta-rows th.n{text-align:right}"
    f".tta-rows .q{{{QUIET}font-size:12px;overflow-wrap:anywhere}}"
    f".tta-rows code{{{MONO}font-size:12px;background:none;padding:0;color:inherit}}"
    f".tta-rows .bar{{display:inline-block;width:60px;height:6px;border-radius:3px;{TRACK}"
    "margin-right:6px;overflow:hidden;vertical-align:middle}"
    ".tta-rows .bar div{height:100%;background:var(--jp-brand-color1,#1e88e5)}"
    ".tta-rows .o{white-space:nowrap;max-width:130px;overflow:hidden;text-overflow:ellipsis}"
    ".tta-rows .t{overflow-wrap:anywhere;min-width:150px}"
    ".tta-rows .p{color:var(--jp-error-color1,#d9404a);margin-top:6px}"
    f".tta-rows .a{{color:{COLOURS['asking']};overflow-wrap:anywhere}}"
    "</style>"
)


def board_html(shown: Facts, now: float, problem: str = "") -> str:
    """What a feed told, as a table.

    Args:
        shown: A `page` of a feed, with its patches.
        now: Seconds since 1970.
        problem: What went wrong with the last click.
    """
    rows = _facts(shown.get("rows"))
    order = cast("list[str]", shown.get("order") or [])
    body = "".join(_row(_facts(rows[one]), now) for one in order)
    if not body:
        body = '<tr><td colspan="7" class="q">No task fits.</td></tr>'
    head = "".join(
        f'<th class="{kind}">{name}</th>'
        for name, kind in (
            ("State", ""),
            ("Task", ""),
            ("From", ""),
            ("Progress", ""),
            ("Waited", "n"),
            ("Ran", "n"),
            ("Id", ""),
        )
    )
    trouble = f'<div class="p" role="status">{_text(problem)}</div>' if problem else ""
    return (
        f'{STYLE}<div class="tta-rows">{_figures(shown)}<div style="overflow-x:auto"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        f"{_where(shown, len(order))}{trouble}</div>"
    )


def choices_in(shown: Facts) -> list[tuple[str, str]]:
    """(words, id) of the tasks on the page that can be cancelled or tried again."""
    rows = _facts(shown.get("rows"))
    found: list[tuple[str, str]] = []
    for one in cast("list[str]", shown.get("order") or []):
        row = _facts(rows[one])
        if row["state"] != TaskStatus.COMPLETED:
            name = str(row["label"] or row["kind"])
            found.append((f"{row['short']}  {name[:60]}  ({row['state']})", one))
    return found


def _row(row: Facts, now: float) -> str:
    status = TaskStatus(str(row["state"]))
    tone = TONES[status]
    word = "cancelling" if row["cancelling"] else status.value
    begun = row["started"] or row["finished"] or now
    ran = "" if row["started"] is None else span(_number(row["finished"] or now, row["started"]))
    return (
        '<tr><td style="white-space:nowrap;font-weight:600">'
        f'<span style="color:{COLOURS[tone]}">{MARKS[tone]}</span> {_text(word)}</td>'
        f'<td class="t">{_text(row["label"] or row["kind"])}'
        f'<div class="q">{_text(row["kind"])}</div></td>'
        f'<td class="q o" title="{_text(row["owner"])}">{_text(row["owner"])}</td>'
        f"<td>{_progress(row)}</td>"
        f'<td class="n">{span(_number(begun, row["submitted"]))}</td><td class="n">{ran}</td>'
        f"<td><code>{_text(row['short'])}</code></td></tr>"
    )


def _progress(row: Facts) -> str:
    done = row["progress"]
    bar = ""
    if isinstance(done, int | float):
        bar = (
            f'<div style="white-space:nowrap"><span class="bar"><div style="width:{done * 100:.1f}%">'
            f"</div></span>{int(done * 100)} %</div>"
        )
    asks = _facts(row["asks"])
    if asks:
        return f'{bar}<div class="a">{_text(asks["text"])}</div>'
    words = row["message"] or row["error"]
    return f'{bar}<div class="q">{_text(words)}</div>' if words else bar


def _figures(shown: Facts) -> str:
    counts, facts = _facts(shown.get("counts")), _facts(shown.get("facts"))
    words = [f"{counts[status]:,} {status}" for status in TaskStatus if counts.get(status)]
    for name, key in FIGURES:
        if isinstance(value := facts.get(key), int | float):
            words.append(f"{name} {span(value)}")
    if isinstance(share := facts.get("success"), int | float):
        words.append(f"success {int(share * 100)} %")
    if facts.get("cached"):
        words.append(f"{facts['cached']} from the cache")
    if isinstance(cost := facts.get("cost"), int | float) and cost:
        words.append(f"cost ${cost:.2f}")
    return f'<div class="q" style="margin-bottom:4px">{_text(" · ".join(words))}</div>'


def _where(shown: Facts, rows: int) -> str:
    if not rows:
        return ""
    first = _number(shown["page"], 0) * _number(shown["size"], 0)
    words = f"{first + 1:,.0f} to {first + rows:,.0f} of {_number(shown['total'], 0):,.0f}"
    return f'<div class="q" style="margin-top:4px">{words}</div>'


def _facts(value: JsonValue) -> Facts:
    return value if isinstance(value, dict) else {}


def _number(value: JsonValue, less: JsonValue) -> float:
    """`value - less`, both of which the feed made numbers."""
    return float(cast("float", value)) - float(cast("float", less))


def _text(value: JsonValue) -> str:
    return html.escape(str(value), quote=True)
