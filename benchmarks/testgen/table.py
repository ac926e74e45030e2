"""The figures of a run as a table in Markdown, their medians, and whether the goals hold."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.testgen.modules import Module

Results = Mapping[tuple[str, str], Mapping[str, Any]]

HEAD = (
    "module", "lines", "tool", "s", "cpu s", "tests", "kept", "failed", "flaky", "useless",
    "line %", "branch %", "import %", "killed %", "MiB",
)  # fmt: skip
FIGURES = HEAD[3:]
MIN_POINTS = 5  # fewer say nothing of how a cost grows
# What the generator is meant to reach, in the median.
GOALS = {"line %": 80.0, "branch %": 75.0, "killed %": 70.0, "kept of written %": 95.0}


def figures(result: Mapping[str, Any]) -> dict[str, float]:
    """The figures of one result; a tool that brought nothing reaches nothing."""
    report: Mapping[str, Any] = result.get("report") or {}
    mutation: Mapping[str, Any] = report.get("mutation") or {}
    found: dict[str, float] = {
        "s": _seconds(result),
        "cpu s": result.get("cpu", 0.0),
        "tests": report.get("generated", 0),
        "kept": report.get("kept", 0),
        "failed": report.get("failed", 0),
        "flaky": report.get("flaky", 0),
        "useless": report.get("useless", 0),
        "line %": report.get("line", 0.0),
        "branch %": report.get("branch", 0.0),
        "killed %": mutation.get("percent", 0.0),
        "MiB": result.get("peak_mib", 0.0),
    }
    if report:
        found["import %"] = report["baseline"]["line"]
        if not mutation:
            del found["killed %"]
        dropped = found["failed"] + found["flaky"] + found["useless"]
        found["kept of written %"] = 100.0 * found["kept"] / max(1, found["kept"] + dropped)
    return found


def _seconds(result: Mapping[str, Any]) -> float:
    """Until the file was there: without the mutants."""
    for at, _, message in result.get("progress", ()):
        if message.startswith("Trying the tests on"):
            return at
    return result.get("seconds", 0.0)


def markdown(
    modules: Sequence[Module], tools: Sequence[str], results: Results, python: Path
) -> str:
    """One row a module and tool, and the medians."""
    rows: list[Sequence[str]] = [HEAD]
    for module in modules:
        for at, tool in enumerate(tools):
            first = ("", "") if at else (module.name, str(module_lines(python, module)))
            rows.append((*first, tool, *_cells(figures(results[module.name, tool]))))
    rows += [("**median**", "", tool, *_cells(medians(modules, tool, results))) for tool in tools]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEAD))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "|" + "|".join(_rule(at, width) for at, width in enumerate(widths)) + "|")
    return "\n".join(lines)


def medians(modules: Iterable[Module], tool: str, results: Results) -> dict[str, float]:
    """The median of each figure over the modules."""
    every = [figures(results[module.name, tool]) for module in modules]
    return {
        name: statistics.median(values)
        for name in (*FIGURES, "kept of written %")
        if (values := [found[name] for found in every if name in found])
    }


def goals(modules: Sequence[Module], tools: Sequence[str], results: Results) -> str:
    """What was aimed at and what came of it."""
    ours = medians(modules, tools[0], results)
    lines = [
        f"- {name.removesuffix(' %')}: {ours[name]:.1f} % in the median, goal {least:g} %: "
        f"{'met' if ours[name] >= least else '**missed**'}"
        for name, least in GOALS.items()
        if name in ours
    ]
    lines += [
        f"- {tool} brings nothing, here 0 %, for: {', '.join(nothing)}"
        for tool in tools
        if (nothing := [one.name for one in modules if not results[one.name, tool].get("report")])
    ]
    for other in tools[1:]:
        both = [
            module
            for module in modules
            if all(results[module.name, tool].get("report") for tool in (tools[0], other))
        ]
        lines.append(_beside(both, tools[0], other, results))
        below = _below(modules, tools[0], other, results)
        words = ", ".join(below) if below else "none"
        lines.append(f"- modules where {other} does better: {words}")
    return "\n".join(lines)


def _beside(modules: Sequence[Module], ours: str, other: str, results: Results) -> str:
    mine, their = (medians(modules, tool, results) for tool in (ours, other))
    words = ", ".join(
        f"{name.removesuffix(' %')} {mine[name]:.1f} to {their[name]:.1f}"
        for name in ("line %", "branch %", "killed %")
        if name in mine and name in their
    )
    return f"- medians over the {len(modules)} modules where both run, {ours} to {other}: {words}"


def _below(modules: Iterable[Module], ours: str, other: str, results: Results) -> list[str]:
    found: list[str] = []
    for module in modules:
        mine, their = (figures(results[module.name, tool]) for tool in (ours, other))
        behind = [
            name
            for name in ("line %", "branch %", "killed %")
            if mine.get(name, 0.0) < their.get(name, 0.0)
        ]
        if behind:
            shown = ", ".join(f"{name} {mine[name]:.1f} to {their[name]:.1f}" for name in behind)
            found.append(f"`{module.name}` ({shown})")
    return found


def growth(modules: Sequence[Module], tool: str, results: Results, python: Path) -> str:
    """How processor time grows with the size of the module, by least squares of logarithms."""
    points = [
        (math.log(module_lines(python, module)), math.log(cpu))
        for module in modules
        if (cpu := results[module.name, tool].get("cpu", 0.0)) > 0
    ]
    if len({lines for lines, _ in points}) < MIN_POINTS:
        return ""
    slope = statistics.linear_regression(*zip(*points, strict=True)).slope
    return (
        f"- {tool}: processor time, mutants included, grows with the module's lines to the power of "
        f"{slope:.2f} over {len(points)} modules (1 is linear)"
    )


def module_lines(python: Path, module: Module) -> int:
    """How many lines the module has."""
    names = module.name.split(".")
    site = next((python.parent.parent / "lib").glob("python*")) / "site-packages"
    file = site.joinpath(*names).with_suffix(".py")
    if not file.is_file():
        file = site.joinpath(*names, "__init__.py")
    return len(file.read_text(encoding="utf-8").splitlines())


def _cells(found: Mapping[str, float]) -> list[str]:
    return [
        f"{found[name]:.1f}"
        if name in found and name.endswith("%")
        else f"{found[name]:.0f}"
        if name in found
        else ""
        for name in FIGURES
    ]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.ljust(width) if at in (0, 2) else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "| " + " | ".join(cells) + " |"


def _rule(at: int, width: int) -> str:
    return ("-" * (width + 2)) if at in (0, 2) else "-" * (width + 1) + ":"
