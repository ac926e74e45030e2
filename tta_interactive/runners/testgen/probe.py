"""Import the module once, alone in a sandbox, before anything else is tried."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.module import Source
from tta_interactive.runners.testgen.scratch import Copied
from tta_interactive.runners.testgen.steps import Bench, Step, bad_report, missing_package

IMPORT_SECONDS = 20.0


@dataclass(frozen=True)
class Probed:
    """What the import alone tells."""

    line: float
    """Percent of the module's lines that the import alone runs."""
    branch: float


def probe(bench: Bench, source: Source, copied: Copied, timeout: float = IMPORT_SECONDS) -> Probed:
    """Import the module.

    Raises:
        TaskFailure: It cannot be imported as a test would, or has nothing to test.
    """
    place = bench.place("import")
    facts = {
        "module": source.name,
        "file": str(copied.file),
        "include": pattern_of(copied.file),
        "root": str(copied.root),
        "data": str(place / "coverage"),
        "baseline": str(place / "baseline.json"),
    }
    step, report = bench.run_job(place, "probe", facts, timeout=timeout)
    # What a process says while it is being ended is not why it ended.
    if report is None or step.ended != "exited" or report.get("stage") != "imported":
        raise _ended(source, step, importing=report is not None)
    if "error" in report:
        raise _failed(source, report)
    if not report.get("own"):
        borrowed = ", ".join(str(name) for name in report.get("borrowed", ()))
        raise TaskFailure(
            "nothing_to_test",
            f"The module {source.name!r} defines no function and no class of its own"
            + (f": it takes its names from {borrowed}." if borrowed else "."),
            "Name the module that defines them.",
        )
    return Probed(*percentages(report.get("baseline", {})))


def percentages(summary: dict[str, Any]) -> tuple[float, float]:
    """(line, branch) in percent, from a summary of coverage's JSON report."""

    return (
        percent(int(summary.get("covered_lines", 0)), int(summary.get("num_statements", 0))),
        percent(int(summary.get("covered_branches", 0)), int(summary.get("num_branches", 0))),
    )


def percent(part: int, of: int) -> float:
    """A share in percent, with two digits; of nothing it is 100."""
    return round(100.0 * part / of, 2) if of else 100.0


def pattern_of(file: Path) -> str:
    """The file for coverage's `--include`, a list of patterns with commas between."""
    return re.sub(r"[][*?{},]", "?", str(file))


def _ended(source: Source, step: Step, *, importing: bool) -> TaskFailure:
    if not importing:
        if "No module named 'coverage'" in step.output:
            return missing_package("coverage")
        return bad_report("The import", step)
    if step.ended == "timeout":
        what = f"does not end to be imported: it {step.how}"
        remedy = "Move what runs for long at import into a function."
    elif step.ended == "flood":
        what = f"{step.how} while it was imported"
        remedy = "Remove what prints at import."
    else:
        what = f"ends the process while it is imported (its process {step.how})"
        remedy = "Move what ends the process, such as os._exit(), into a function."
    return TaskFailure(
        "import_failed", f"The module {source.name!r} {what}.", remedy, step.output[-4000:]
    )


def _failed(source: Source, report: dict[str, Any]) -> TaskFailure:
    message = str(report.get("message", ""))[:500]
    detail = str(report.get("trace", ""))[-4000:]
    if report["error"] == "other":
        return TaskFailure(
            "import_failed",
            f"`import {source.name}` does not import {str(source.file)!r} but {message!r}.",
            "Rename the module, or remove what hides it.",
        )
    if report["error"] == "refused":
        return TaskFailure(
            "import_failed",
            f"The module {source.name!r} does at import what a test must not do: {message}.",
            "Move it into a function.",
            detail,
        )
    remedy = "Mend the import, then try again."
    if report.get("type") == "ModuleNotFoundError":
        remedy = "Install what is missing into the task's interpreter."
    return TaskFailure(
        "import_failed",
        f"The module {source.name!r} cannot be imported: {message}.",
        remedy,
        detail,
    )
