"""Measure the branch coverage of the module, exactly as people do it by hand.

`coverage run --branch --source=<module> -m pytest FILE`, then coverage's own JSON report. That
is why the figures of a task are the figures that anybody gets again.
"""

from dataclasses import dataclass
from typing import Any

from tta_interactive.runners.testgen.probe import percentages
from tta_interactive.runners.testgen.scratch import Copied
from tta_interactive.runners.testgen.split import Suite
from tta_interactive.runners.testgen.steps import Bench, bad_report
from tta_interactive.runners.testgen.useless import Arc, useful
from tta_interactive.runners.testgen.verify import (
    pytest_arguments,
    pytest_environment,
    read_sheet,
    write_tests,
)

SECONDS = 300.0


@dataclass(frozen=True)
class Measured:
    """What the tests reach in the module."""

    line: float
    """Percent of lines."""
    branch: float
    """Percent of branches; 100 if there are none."""
    missing: tuple[int, ...]
    """The lines that no test runs."""
    reached: dict[str, tuple[Arc, ...]]
    """Test -> line pairs; '' is what the import runs."""

    def useful(self) -> set[str]:
        """The tests that add something."""
        tests = {test: arcs for test, arcs in self.reached.items() if test}
        return useful(tests, self.reached.get("", ()))


def measure(bench: Bench, copied: Copied, module: str, tests: Suite, name: str) -> Measured:
    """Run the tests under coverage.

    Raises:
        TaskFailure: They did not pass, or nothing could be measured.
    """
    file = write_tests(bench, tests, name)
    place = bench.place("coverage")
    data = place / "coverage.data"
    settings = bench.files / f"{place.name}.coveragerc"
    settings.write_text("[run]\ndynamic_context = test_function\n", encoding="utf-8")
    arguments = [
        "-P", "-m", "coverage", "run", "--branch", f"--source={module}",
        f"--data-file={data}", f"--rcfile={settings}",
        *pytest_arguments(bench, file),
    ]  # fmt: skip
    variables = pytest_environment(bench, place, root=copied.root)
    step = bench.run(place, arguments, timeout=SECONDS, environment=variables)
    sheet = read_sheet(place / "report.jsonl")
    bad = [test for test, why in sheet.outcomes.items() if why]
    if step.code != 0 or bad or not sheet.finished:
        raise bad_report("The measurement of the kept tests", step)
    # In the same directory: it is the only one where the data file can be opened.
    facts = {"data": str(data), "file": str(copied.file), "json": str(place / "coverage.json")}
    read, report = bench.run_job(place, "facts", facts, timeout=SECONDS)
    if report is None:
        raise bad_report("The measurement", read)
    if "summary" not in report:  # no test as much as imported the module
        return Measured(0.0, 0.0, (), {unit.name: () for unit in tests.units})
    return _measured(report)


def _measured(report: dict[str, Any]) -> Measured:
    line, branch = percentages(report["summary"])
    reached: dict[str, tuple[Arc, ...]] = {}
    for context, pairs in report.get("reached", {}).items():
        # `test_lexer.test_a` or `test_lexer.TestA.test_b`: the unit is the second part.
        parts = str(context).split(".")
        unit = parts[1] if len(parts) > 1 else ""
        arcs = tuple((int(a), int(b)) for a, b in pairs)
        reached[unit] = (*reached.get(unit, ()), *arcs)
    missing = tuple(int(number) for number in report.get("missing_lines", ()))
    return Measured(line, branch, missing, reached)


def ranges(lines: tuple[int, ...]) -> str:
    """`3, 7-9` for 3, 7, 8, 9."""
    parts: list[str] = []
    start = last = None
    for line in (*sorted(lines), None):
        if start is not None and last is not None and line != last + 1:
            parts.append(str(start) if start == last else f"{start}-{last}")
            start = None
        if start is None:
            start = line
        last = line
    return ", ".join(parts)
