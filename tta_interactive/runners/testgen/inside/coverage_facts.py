"""Read a coverage data file: coverage's own summary of the module, and what each test reached."""

import json
import os
from typing import Any

import coverage

from .place import write_report


def run(job: dict[str, Any]) -> None:
    """Report `summary`, `executed_lines`, `missing_lines`, `missing_branches` and, per test, what it reached."""
    measured = coverage.Coverage(data_file=job["data"], config_file=False, branch=True)
    measured.load()
    try:
        measured.json_report(outfile=job["json"])
    except coverage.CoverageException as error:
        write_report(job["report"], {"error": str(error)[:500]})
        return
    with open(job["json"], encoding="utf-8") as text:
        files = json.load(text)["files"]
    for name, facts in files.items():
        if os.path.realpath(name) == os.path.realpath(job["file"]):
            report: dict[str, Any] = {
                "summary": facts["summary"],
                "executed_lines": facts["executed_lines"],
                "missing_lines": facts["missing_lines"],
                "missing_branches": facts.get("missing_branches", []),
                "reached": _reached(measured.get_data(), name, job["file"]),
            }
            break
    else:
        report = {"error": "the module was never measured"}
    write_report(job["report"], report)


def _reached(data: Any, name: str, file: str) -> dict[str, list[list[int]]]:
    """Test -> the (from, to) line pairs that it ran; '' is what the import ran."""
    known = [
        path for path in data.measured_files() if os.path.realpath(path) == os.path.realpath(file)
    ]
    reached: dict[str, list[list[int]]] = {}
    for context in sorted(data.measured_contexts()):
        data.set_query_context(context)
        pairs: set[tuple[int, int]] = set()
        for path in known or [name]:
            pairs.update(data.arcs(path) or [])
        reached[context] = sorted([a, b] for a, b in pairs)
    data.set_query_contexts(None)
    return reached
