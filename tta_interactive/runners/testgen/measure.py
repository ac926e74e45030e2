"""Measure the branch coverage of the module, exactly as people do it by hand.

`coverage run --branch --include=<file> -m pytest FILE`, then coverage's own JSON report. That
is why the figures of a task are the figures that anybody gets again. The file is named and not
the module: to find a module, coverage imports the package around it and throws it away again,
and numpy cannot be loaded twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tta_interactive.runners.testgen.probe import pattern_of, percent
from tta_interactive.runners.testgen.scratch import Copied
from tta_interactive.runners.testgen.session import Session, pytest_arguments, write_tests
from tta_interactive.runners.testgen.split import Suite
from tta_interactive.runners.testgen.steps import Bench, bad_report
from tta_interactive.runners.testgen.useless import Arc, useful

SECONDS = 300.0
DATA_FILE = "coverage.data"


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

    covered: tuple[int, ...] = ()
    """The lines that they run, the import included."""
    missing: tuple[int, ...] = ()
    """The lines that no test runs."""
    missing_branches: tuple[Arc, ...] = ()
    """The jumps that no test takes, as (line, next line)."""
    branches: int = 0
    """All jumps of the module."""
    reached: dict[str, tuple[Arc, ...]] = field(default_factory=dict[str, tuple[Arc, ...]])
    """Test -> line pairs; '' is what the import runs."""

    @property
    def line(self) -> float:
        """Percent of lines."""
        return percent(len(self.covered), len(self.covered) + len(self.missing))

    @property
    def branch(self) -> float:
        """Percent of branches; 100 if there are none."""
        return percent(self.branches - len(self.missing_branches), self.branches)

    @property
    def partial(self) -> tuple[int, ...]:
        """Lines that run, but not into every line that can follow."""
        return tuple(sorted({line for line, _ in self.missing_branches} & set(self.covered)))

    def useful(self, known: "Measured | None" = None) -> set[str]:
        """The tests that add something, also to what is known to be reached without them."""
        tests = {test: arcs for test, arcs in self.reached.items() if test}
        before = self.reached.get("", ())
        more = (arc for arcs in known.reached.values() for arc in arcs) if known else ()
        return useful(tests, {*before, *more})

    def joined(self, known: "Measured") -> "Measured":
        """What both reach together; what each test reaches is only told of these."""
        covered = {*self.covered, *known.covered}
        return Measured(
            tuple(sorted(covered)),
            tuple(sorted({*self.missing, *known.missing} - covered)),
            tuple(sorted({*self.missing_branches} & {*known.missing_branches})),
            max(self.branches, known.branches),
            self.reached,
        )


def measure(
    bench: Bench,
    copied: Copied,
    tests: Suite,
    name: str,
    hash_seed: int | None = None,
) -> Measured:
    """Run the tests under coverage.

    Args:
        hash_seed: Of Python; None: one that no run before had.

    Raises:
        NotPassedError: Some of them did not pass.
        TaskFailure: Nothing could be measured.
    """
    file = write_tests(bench, tests, name)
    place = bench.place("coverage")
    arguments = under_coverage(bench, place, copied.file, pytest_arguments(bench, file))
    session = Session(root=copied.root, timeout=SECONDS, hash_seed=hash_seed)
    step, sheet = session.run(bench, place, ["-P", *arguments])
    bad = {test: why for test, why in sheet.outcomes.items() if why}
    if sheet.unfinished and sheet.is_authentic:
        bad[sheet.unfinished] = f"its process {step.how}"
    if bad:
        raise NotPassedError(bad)
    if not sheet.is_believable(step):
        raise bad_report("The measurement of the kept tests", step)
    return measured_in(bench, place, copied.file, file.stem)


def under_coverage(bench: Bench, place: Path, file: Path, arguments: Sequence[str]) -> list[str]:
    """The arguments of Python that run a module (`-m pytest ...`) and measure a file."""
    settings = bench.files / f"{place.name}.coveragerc"
    settings.write_text("[run]\ndynamic_context = test_function\n", encoding="utf-8")
    return [
        "-m", "coverage", "run", "--branch", f"--include={pattern_of(file)}",
        f"--data-file={place / DATA_FILE}", f"--rcfile={settings}", *arguments,
    ]  # fmt: skip


def measured_in(
    bench: Bench, place: Path, file: Path, stem: str, readable: Sequence[Path] = ()
) -> Measured:
    """Read what was measured in a place.

    Args:
        file: The module, where it was imported from.
        stem: The name of the test file, without `.py`.
        readable: What the sandbox must see of the real tree.

    Raises:
        TaskFailure: There is nothing to be read.
    """
    # In the same directory: it is the only one where the data file can be opened.
    facts = {
        "data": str(place / DATA_FILE),
        "file": str(file),
        "json": str(place / "coverage.json"),
    }
    step, report = bench.run_job(place, "facts", facts, timeout=SECONDS, readable=readable)
    if report is None:
        raise bad_report("The measurement", step)
    return _measured(report, stem)


def _measured(report: dict[str, Any], stem: str) -> Measured:
    """Empty if no test as much as imported the module: then the report holds an error."""
    reached: dict[str, tuple[Arc, ...]] = {}
    for context, pairs in report.get("reached", {}).items():
        # `test_lexer.test_a` or `tests.test_lexer.TestA.test_b`: the unit follows the file.
        parts = str(context).split(".")
        unit = parts[parts.index(stem) + 1] if stem in parts[:-1] else ""
        arcs = tuple((int(a), int(b)) for a, b in pairs)
        reached[unit] = (*reached.get(unit, ()), *arcs)
    return Measured(
        covered=_numbers(report.get("executed_lines", ())),
        missing=_numbers(report.get("missing_lines", ())),
        missing_branches=tuple((int(a), int(b)) for a, b in report.get("missing_branches", ())),
        branches=int(report.get("summary", {}).get("num_branches", 0)),
        reached=reached,
    )


def _numbers(lines: Iterable[Any]) -> tuple[int, ...]:
    return tuple(int(number) for number in lines)


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
