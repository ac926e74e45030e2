"""The result of a `tests` task as a report: what was kept, what it reaches, how to run it.

The result comes from a task's process, so nothing about its shape is trusted: a field that is
missing or of another type is left out.
"""

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from tta_interactive.cli.view import NARROW, fit
from tta_interactive.duration import span
from tta_interactive.text import one_line

BAR: Final = 40
MISSED: Final = 60  # characters: `tta coverage` shows them all
LEAST_BAR: Final = 8
MOST_ODD: Final = 3


def is_report(result: JsonValue) -> bool:
    """Whether a result has what the report shows."""
    return isinstance(result, dict) and "kept" in result and "line" in result


def report_lines(
    result: Mapping[str, JsonValue], *, width: int, is_unicode: bool, took: float | None
) -> list[str]:
    """The report in lines no wider than the screen, except paths and the command."""
    marks = "▒█·|" if is_unicode else "=#-|"
    baseline = result.get("baseline")
    base = baseline if isinstance(baseline, dict) else {}
    threshold = _number(result.get("threshold"))
    lines = [*_counts(result, width)]
    for name in ("line", "branch"):
        share = _number(result.get(name))
        if share is None:
            continue
        start = _number(base.get(name)) or 0.0
        limit = threshold if name == "line" else None
        room = max(LEAST_BAR, min(BAR, width - 30))
        drawn = bar(share, start, limit, room, marks)
        if width >= NARROW:
            lines.append(f"{name:<8}{share:6.2f} %  {drawn}  from {start:.2f} %")
        else:
            lines += [f"{name} {share:.2f} %", f" from {start:.2f} %", f" {drawn}"]
    lines += _verdict(result, threshold)
    if width >= NARROW:
        lines.append(f"        {marks[0]} by import alone  {marks[1]} by the tests  | threshold")
    lines += _suspicious(result)
    lines += _modules(result, width)
    lines += _facts(result, took)
    return lines


def bar(share: float, start: float, limit: float | None, width: int, marks: str) -> str:
    """A bar of 0 to 100 %: the baseline, what was gained, what is missing, the threshold.

    Args:
        share: Percent reached.
        start: Percent that was there before.
        limit: Percent that was asked for.
        width: Characters between the brackets.
        marks: Four characters: baseline, gained, missing, threshold.
    """
    filled = round(_clamped(share) * width / 100)
    before = min(filled, round(_clamped(start) * width / 100))
    drawn = list(marks[0] * before + marks[1] * (filled - before) + marks[2] * (width - filled))
    if limit is not None and 0 < limit <= 100:
        drawn[min(width - 1, round(limit * width / 100))] = marks[3]
    return f"[{''.join(drawn)}]"


def _counts(result: Mapping[str, JsonValue], width: int) -> list[str]:
    counts = [(name, _number(result.get(name))) for name in ("failed", "flaky", "useless")]
    words = [f"{number:.0f} {name}" for name, number in counts if number is not None]
    kept, generated = _number(result.get("kept")), _number(result.get("generated"))
    first = f"tests   {kept:.0f} kept" if kept is not None else "tests"
    if generated is not None:
        first += f" of {generated:.0f}"
    if width < NARROW:
        return [first.replace("   ", " "), *(f" {word}" for word in words)]
    return [f"{first}  ({', '.join(words)} left out)" if words else first]


def _verdict(result: Mapping[str, JsonValue], threshold: float | None) -> list[str]:
    met = result.get("threshold_met")
    if not isinstance(met, bool) or threshold is None:
        return []
    return [f"goal    {threshold:.0f} % line coverage: {'reached' if met else 'NOT reached'}"]


def _suspicious(result: Mapping[str, JsonValue]) -> list[str]:
    """What looks like a bug: how many, and the first few."""
    found = result.get("suspicious")
    if not isinstance(found, list) or not found:
        return []
    lines = [f"odd     {len(found)} that may be bugs: no test holds them"]
    for one in found[:MOST_ODD]:
        if isinstance(one, dict):
            call, seen = str(one.get("call", "")), str(one.get("seen", ""))
            lines.append(f"        {one_line(call, 100)}  {one_line(seen, 100)}")
    return lines


def _modules(result: Mapping[str, JsonValue], width: int) -> list[str]:
    """Of a package: a line for each module, and what was left out."""
    lines: list[str] = []
    for one in _dicts(result.get("modules")):
        share, kept = _number(one.get("line")), _number(one.get("kept"))
        reached = f"{share:6.2f} %" if share is not None else "     - %"
        tests = f"{kept:.0f} kept" if kept is not None else f"failed: {one.get('error', '')}"
        name = one_line(str(one.get("module", "")), 80)
        lines.append(fit(f"        {reached}  {name}  {one_line(tests, 40)}", width))
    if lines:
        lines.insert(0, f"modules {len(lines)}")
    for one in _dicts(result.get("skipped")):
        path, why = str(one.get("path", "")), str(one.get("reason", ""))
        lines.append(fit(f"skipped {one_line(path, 200)}: {one_line(why, 300)}", width))
    left_out = result.get("left_out")
    if isinstance(left_out, list) and left_out:
        names = ", ".join(one_line(str(path), 200) for path in left_out)
        lines.append(fit(f"left out by max_modules, {len(left_out)}: {names}", width))
    return lines


def durations_lines(result: JsonValue) -> list[str]:
    """How long a workflow took, and how long its steps would have taken one after the other."""
    found = result.get("durations") if isinstance(result, dict) else None
    if not isinstance(found, dict):
        return []
    names = ("total", "sum_of_steps", "critical_path")
    total, one_by_one, longest = (_number(found.get(name)) for name in names)
    if total is None or one_by_one is None or longest is None:
        return []
    return [
        f"time    {span(total)}; one after the other: {span(one_by_one)}; "
        f"never less than: {span(longest)}"
    ]


def _dicts(value: JsonValue | None) -> list[dict[str, JsonValue]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _facts(result: Mapping[str, JsonValue], took: float | None) -> list[str]:
    lines: list[str] = []
    mutation = result.get("mutation")
    percent = _number(mutation.get("percent")) if isinstance(mutation, dict) else None
    if percent is not None:
        lines.append(f"mutants {percent:.1f} % noticed")
    if took is not None:
        lines.append(f"time    {span(took)}" + (" (cached)" if result.get("cached") else ""))
    missed = result.get("uncovered")
    if isinstance(missed, str) and missed:
        lines.append(f"missed  lines {one_line(missed, MISSED)}")
    for name, key in (("sandbox", "sandbox"), ("file", "output_path"), ("run", "command")):
        value = result.get(key)
        if isinstance(value, list):
            value = " ".join(str(word) for word in value)
        if isinstance(value, str) and value:
            lines.append(f"{name:<8}{one_line(value, 1000)}")
    return lines


def _number(value: JsonValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value)


def _clamped(percent: float) -> float:
    return min(100.0, max(0.0, percent))
