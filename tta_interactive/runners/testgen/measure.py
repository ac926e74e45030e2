"""Measure the branch coverage of the module, exactly as people do it by hand.

`coverage run --branch --source=<module> -m pytest FILE`, then coverage's own JSON report. That
is why the figures of a task are the figures that anybody gets again.
"""

from dataclasses import dataclass
from typing import Any

from tta_interactive.runners.testgen.probe import percentages
from tta_interactive.runners.testgen.scratch import Copied
from tta_interactive.runners.testgen.session import Session, pytest_arguments, write_tests
from tta_interactive.runners.testgen.split import Suite
from tta_interactive.runners.testgen.steps import Bench, bad_report
from tta_interactive.runners.testgen.useless import Arc, useful

SECONDS = 300.0


class NotPassedError(Exception):
    """Some tests that passed before did not pass together, under coverage.

    Args:
        bad: Test -> why.
    """

    def __init__(self, bad: dict[str, str]) -> None:
        super().__init__(bad)
        self.bad = bad


@dataclass(frozen=True)
class Measured:
    """What the tests reach in the module."""

    line: float
    """Percent of lines."""
    branch: float
    """Percent of branches; 100 if there are none."""
    missing: tuple[int, ...]
    """The lines that no test runs."""
    missing_branches: tuple[Arc, ...]
    """The jumps that no test takes, as (line, next line)."""
    reached: dict[str, tuple[Arc, ...]]
    """Test -> line pairs; '' is what the import runs."""

    def useful(self) -> set[str]:
        """The tests that add something."""
        tests = {test: arcs for test, arcs in self.reached.items() if test}
        return useful(tests, self.reached.get("", ()))


def measure(bench: Bench, copied: Copied, module: str, tests: Suite, name: str) -> Measured:
    """Run the tests under coverage.

    Raises:
        NotPassedError: Some of them did not pass.
        TaskFailure: Nothing could be measured.
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
    step, sheet = Session(root=copied.root, timeout=SECONDS).run(bench, place, arguments)
    bad = {test: why for test, why in sheet.outcomes.items() if why}
    if sheet.unfinished and sheet.is_authentic:
        bad[sheet.unfinished] = f"its process {step.how}"
    if bad:
        raise NotPassedError(bad)
    if not sheet.is_believable(step):
        raise bad_report("The measurement of the kept tests", step)
    # In the same directory: it is the only one where the data file can be opened.
    facts = {"data": str(data), "file": str(copied.file), "json": str(place / "coverage.json")}
    read, report = bench.run_job(place, "facts", facts, timeout=SECONDS)
    if report is None:
        raise bad_report("The measurement", read)
    if "summary" not in report:  # no test as much as imported the module
        return Measured(0.0, 0.0, (), (), {unit.name: () for unit in tests.units})
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
    jumps = tuple((int(a), int(b)) for a, b in report.get("missing_branches", ()))
    return Measured(line, branch, missing, jumps, reached)


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
