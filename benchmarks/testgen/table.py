"""The figures of a run as a table in Markdown."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.testgen.modules import Module

HEAD = (
    "module", "tool", "s", "tests", "kept", "failed", "flaky", "useless",
    "line %", "branch %", "import %", "MiB",
)  # fmt: skip


def figures(result: Mapping[str, Any]) -> dict[str, float]:
    """The figures of one result; a tool that brought nothing has the import's coverage at most."""
    report: Mapping[str, Any] = result.get("report") or {}
    found: dict[str, float] = {
        "s": result.get("seconds", 0.0),
        "tests": report.get("generated", 0),
        "kept": report.get("kept", 0),
        "failed": report.get("failed", 0),
        "flaky": report.get("flaky", 0),
        "useless": report.get("useless", 0),
        "line %": report.get("line", 0.0),
        "branch %": report.get("branch", 0.0),
        "MiB": result.get("peak_mib", 0.0),
    }
    if report:
        found["import %"] = report["baseline"]["line"]
    return found


def markdown(
    modules: Sequence[Module],
    tools: Sequence[str],
    results: Mapping[tuple[str, str], Mapping[str, Any]],
) -> str:
    """One row a module and tool, and the medians."""
    rows: list[Sequence[str]] = [HEAD]
    for module in modules:
        for tool in tools:
            found = figures(results[module.name, tool])
            rows.append((module.name, tool, *_cells(found)))
    rows += [("**median**", tool, *_cells(medians(modules, tool, results))) for tool in tools]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEAD))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "|" + "|".join(_rule(at, width) for at, width in enumerate(widths)) + "|")
    return "\n".join(lines)


def medians(
    modules: Iterable[Module],
    tool: str,
    results: Mapping[tuple[str, str], Mapping[str, Any]],
) -> dict[str, float]:
    """The median of each figure over the modules."""
    every = [figures(results[module.name, tool]) for module in modules]
    return {
        name: statistics.median(values)
        for name in HEAD[2:]
        if (values := [found[name] for found in every if name in found])
    }


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
        for name in HEAD[2:]
    ]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.ljust(width) if at < 2 else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "| " + " | ".join(cells) + " |"


def _rule(at: int, width: int) -> str:
    return ("-" * (width + 2)) if at < 2 else "-" * (width + 1) + ":"
