"""Medians and percentiles of a timed call, and a table to show them."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass
class Figure:
    """One line of the table."""

    name: str
    unit: str
    values: list[float] = field(default_factory=list[float])
    yardstick: str = ""
    ratio: float | None = None
    target: str = ""
    met: bool | None = None

    @property
    def p50(self) -> float:
        """The median."""
        return statistics.median(self.values)

    @property
    def p99(self) -> float:
        """The value that one in a hundred exceeds; of few values the largest."""
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


def timed(call: Callable[[], object], times: int, scale: float = 1e3) -> list[float]:
    """How long each of `times` calls took; in milliseconds, or as `scale` says."""
    found: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        found.append((time.perf_counter() - start) * scale)
    return found


def table(figures: Sequence[Figure]) -> str:
    """The figures as text, columns aligned."""
    rows = [("figure", "median", "p99", "unit", "yardstick", "ratio", "target", "met")]
    for figure in figures:
        met = "" if figure.met is None else "yes" if figure.met else "NO"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        rows.append(
            (
                figure.name,
                f"{figure.p50:.3g}",
                f"{figure.p99:.3g}",
                figure.unit,
                figure.yardstick,
                ratio,
                figure.target,
                met,
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)
