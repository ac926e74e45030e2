"""The order of things: from the name of a module to a file on disk that passes, with figures.

find -> copy -> import once -> [cache] -> generate -> verify -> measure -> drop the useless
          ^                                  |            gaps             |
          |                                  +-------- (below threshold) --+
report <- run in the real tree <- write <----------------------------------+
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tta_interactive.kinds.base import RunContext, TaskFailure
from tta_interactive.runners.testgen import cache
from tta_interactive.runners.testgen.backend import Backend, Order
from tta_interactive.runners.testgen.backends import get_backend
from tta_interactive.runners.testgen.file_text import file_text, quoted
from tta_interactive.runners.testgen.final import Final, needs_path_lines, path_lines, run_in_place
from tta_interactive.runners.testgen.measure import Measured, measure
from tta_interactive.runners.testgen.module import Source, find_module
from tta_interactive.runners.testgen.probe import Probed, missing_package, probe
from tta_interactive.runners.testgen.report import Coverage, Durations, TestsReport
from tta_interactive.runners.testgen.scratch import Copied, copy_project
from tta_interactive.runners.testgen.split import Suite, split
from tta_interactive.runners.testgen.steps import Bench, best_level
from tta_interactive.runners.testgen.verify import RUNS, Verdict, verify
from tta_interactive.runners.testgen.write import (
    check_free,
    checked_output,
    default_output,
    remove_test_file,
    write_test_file,
)

# Fraction done at the start of each round, and at the end of the last.
ROUNDS = (0.05, 0.5, 0.7, 0.83, 0.93)
MAX_ROUNDS = len(ROUNDS) - 1
LEAST_BUDGET = 1.0  # seconds: less is not worth a new process
MAX_PLACINGS = 4
Say = Callable[[float, str], None]


@dataclass(frozen=True)
class Wish:
    """What was asked for, as the kind's params say it."""

    module_path: str
    output_path: str | None
    coverage_threshold: float
    backend: str
    budget: float
    seed: int
    overwrite: bool
    max_tests: int
    use_cache: bool


@dataclass
class _Clock:
    generate: float = 0.0
    verify: float = 0.0
    measure: float = 0.0


@dataclass
class _Tally:
    generated: int = 0
    failed: int = 0
    flaky: int = 0
    useless: int = 0
    rounds: int = 0


def run(wish: Wish, context: RunContext, backend: Backend | None = None) -> TestsReport:
    """Make, check, measure and write tests.

    Args:
        wish: What is wanted.
        context: Where to work.
        backend: Who writes the tests; default: the one that the wish names.

    Raises:
        TaskFailure: There is nothing that could honestly be called a result.
    """
    return _Run(wish, context, backend or get_backend(wish.backend)).run()


class _Run:
    def __init__(self, wish: Wish, context: RunContext, backend: Backend) -> None:
        self._wish, self._context, self._backend = wish, context, backend
        self._workspace = Path(context.workspace).resolve()
        self._progress = context.progress
        self._clock, self._tally = _Clock(), _Tally()
        self._started = time.monotonic()

    def run(self) -> TestsReport:
        wish = self._wish
        _check_tools()
        backend = self._backend
        self._progress(0.0, "Looking for the module")
        source = find_module(wish.module_path, self._workspace)
        said = wish.output_path or default_output(source.short_name)
        output = checked_output(said, self._workspace)
        check_free(output, self._workspace, source.name, overwrite=wish.overwrite)
        self._progress(0.02, f"Copying the project of {source.name}")
        context = self._context
        level = best_level(context.sandbox)
        bench = Bench(sys.executable, level, context.scratch, store=context.state)
        copied = copy_project(source, bench.project, without=(context.state, context.scratch))
        key = cache.cache_key(
            source,
            copied,
            self._options(output),
            f"{backend.name} {backend.version}",
            str(bench.level),
        )
        known = cache.load(self._context.state, key) if wish.use_cache else None
        if known is not None:
            return self._restored(source, output, *known)
        self._progress(0.04, f"Importing {source.name} in the sandbox")
        probed = probe(bench, source, copied)
        tests, measured = self._generate(bench, backend, source, copied, output, probed)
        report, text = self._place(bench, source, copied, output, tests, measured, probed)
        cache.save(self._context.state, key, report, text)
        self._progress(1.0, f"Kept {report.kept} tests: {report.line:.1f} % of the lines")
        return report

    def _options(self, output: Path) -> dict[str, Any]:
        wish = self._wish
        return {
            "output": str(output),
            "threshold": wish.coverage_threshold,
            "budget": wish.budget,
            "seed": wish.seed,
            "max_tests": wish.max_tests,
            "asked": wish.module_path,
        }

    def _restored(
        self, source: Source, output: Path, report: TestsReport, text: str
    ) -> TestsReport:
        write_test_file(text, output, self._workspace, source.name, overwrite=self._wish.overwrite)
        self._progress(1.0, "The same question was answered before: the file is back in place")
        return report

    def _generate(
        self,
        bench: Bench,
        backend: Backend,
        source: Source,
        copied: Copied,
        output: Path,
        probed: Probed,
    ) -> tuple[Suite, Measured]:
        """The tests that are worth keeping, and what they reach."""
        wish = self._wish
        kept: Suite | None = None
        measured: Measured | None = None
        barren = 0
        while self._tally.rounds < MAX_ROUNDS:
            left = wish.budget - self._clock.generate
            most = wish.max_tests - (len(kept.units) if kept else 0)
            if self._tally.rounds and (left < LEAST_BUDGET or most < 1):
                break
            order = Order(
                source,
                copied,
                wish.seed,
                left,
                most,
                frozenset(measured.missing) if measured else frozenset(),
                self._tally.rounds,
            )
            before = measured
            kept, measured = self._one_round(bench, backend, order, output, kept, measured)
            self._tally.rounds += 1
            if measured is not None and measured.line >= wish.coverage_threshold:
                break
            gained = measured is not None and (before is None or measured.line > before.line)
            barren = 0 if gained else barren + 1
            if barren > 1:
                break  # asking again brings nothing
        if kept is None or measured is None:
            raise self._nothing(probed)
        return kept, measured

    def _one_round(
        self,
        bench: Bench,
        backend: Backend,
        order: Order,
        output: Path,
        kept: Suite | None,
        measured: Measured | None,
    ) -> tuple[Suite | None, Measured | None]:
        say = self._in_round(order.round)
        with _Timed(self._clock, "generate"):
            text = backend.generate(bench, order, _generating(say))
        new = _parts(text)
        self._tally.generated += len(new.units)
        if not new.units:
            return kept, measured
        verdict = self._verify(bench, order.copied, new, output, say)
        good = new.only(verdict.kept)
        if not good.units:
            return kept, measured
        both = kept.joined(good) if kept else good
        say(0.9, f"Measuring the coverage of {len(both.units)} tests")
        with _Timed(self._clock, "measure"):
            return self._measured(bench, order, both, output)

    def _verify(self, bench: Bench, copied: Copied, new: Suite, output: Path, say: Say) -> Verdict:
        count = len(new.units)

        def ran(runs: int) -> None:
            done = 0.6 + 0.3 * runs / RUNS
            say(done, f"Checking {count} tests: run {runs} of {RUNS} is done")

        say(0.6, f"Checking {count} tests: each {RUNS} times, in fresh processes")
        with _Timed(self._clock, "verify"):
            verdict = verify(bench, copied.root, new, output.name, ran)
        self._tally.failed += len(verdict.failed)
        self._tally.flaky += len(verdict.flaky)
        return verdict

    def _measured(
        self, bench: Bench, order: Order, tests: Suite, output: Path
    ) -> tuple[Suite | None, Measured | None]:
        measured = measure(bench, order.copied, order.source.name, tests, output.name)
        useful = tests.only(measured.useful())
        dropped = len(tests.units) - len(useful.units)
        if not dropped:
            return tests, measured
        self._tally.useless += dropped
        if not useful.units:
            return None, None
        return useful, measure(bench, order.copied, order.source.name, useful, output.name)

    def _in_round(self, number: int) -> Say:
        """Reports a fraction of one round as a fraction of the whole."""
        start, end = ROUNDS[number], ROUNDS[number + 1]
        return lambda part, words: self._progress(start + part * (end - start), words)

    def _place(
        self,
        bench: Bench,
        source: Source,
        copied: Copied,
        output: Path,
        tests: Suite,
        measured: Measured,
        probed: Probed,
    ) -> tuple[TestsReport, str]:
        """Write the file and run it where it lives; what does not hold there goes."""
        wish, before = self._wish, ""
        if needs_path_lines(source, self._workspace):
            before = path_lines(source, output, self._workspace)
        final: Final | None = None
        for _ in range(MAX_PLACINGS):
            text = file_text(
                source, tests, measured, f"backend {wish.backend}, seed {wish.seed}", before
            )
            write_test_file(text, output, self._workspace, source.name, overwrite=wish.overwrite)
            self._progress(0.95, f"Running {output} in the real tree with plain pytest")
            with _Timed(self._clock, "verify"):
                final = run_in_place(bench, source, output, self._workspace)
            if final.passed and not final.imports_other:
                report = self._report(bench, source, copied, output, tests, measured, probed)
                return report, text
            if final.imports_other and not before and source.in_workspace:
                before = path_lines(source, output, self._workspace)
                continue
            rest = tests.only(unit.name for unit in tests.units if unit.name not in final.bad)
            if not final.bad or not rest.units:
                break
            self._tally.failed += len(tests.units) - len(rest.units)
            tests = rest
            with _Timed(self._clock, "measure"):
                measured = measure(bench, copied, source.name, tests, output.name)
        remove_test_file(output, self._workspace, source.name)
        raise TaskFailure(
            "not_verified",
            "The tests pass in a copy of the project but not in the project itself under plain "
            "pytest. The file was taken away again.",
            "Look at the detail: the project's pytest settings or conftest.py may be the cause.",
            final.output if final else "",
        )

    def _report(
        self,
        bench: Bench,
        source: Source,
        copied: Copied,
        output: Path,
        tests: Suite,
        measured: Measured,
        probed: Probed,
    ) -> TestsReport:
        wish, tally, clock = self._wish, self._tally, self._clock
        met = measured.line >= wish.coverage_threshold
        return TestsReport(
            success=met,
            module_path=wish.module_path,
            module=source.name,
            output_path=str(output),
            generated=tally.generated,
            kept=len(tests.units),
            failed=tally.failed,
            flaky=tally.flaky,
            useless=tally.useless,
            line=measured.line,
            branch=measured.branch,
            baseline=Coverage(line=probed.line, branch=probed.branch),
            uncovered=measured.missing,
            threshold=wish.coverage_threshold,
            threshold_met=met,
            durations=Durations(
                generate=round(clock.generate, 2),
                verify=round(clock.verify, 2),
                measure=round(clock.measure, 2),
                total=round(time.monotonic() - self._started, 2),
            ),
            command=f"python -m pytest {quoted(output)}",
            coverage_command=(
                f"python -m coverage run --branch --source={source.name} -m pytest {quoted(output)}"
            ),
            backend=wish.backend,
            seed=wish.seed,
            rounds=tally.rounds,
            sandbox=bench.level.word,
            is_whole_project=copied.is_whole,
        )

    def _nothing(self, probed: Probed) -> TaskFailure:
        tally = self._tally
        if not tally.generated:
            why = "the generator found no call of it that can be repeated"
        else:
            why = (
                f"of {tally.generated} tests {tally.failed} failed, {tally.flaky} were flaky and "
                f"{tally.useless} reached nothing that the import ({probed.line:.1f} % of the lines) "
                "does not reach"
            )
        return TaskFailure(
            "not_verified",
            f"No test of {self._wish.module_path!r} could be kept: {why}.",
            "A larger budget or another seed may help; code that needs files, a network or the "
            "clock needs tests written by hand.",
        )


class _Timed:
    """Adds the time inside of it to one hand of the clock."""

    def __init__(self, clock: _Clock, hand: str) -> None:
        self._clock, self._hand = clock, hand

    def __enter__(self) -> None:
        self._from = time.monotonic()

    def __exit__(self, *_: object) -> None:
        spent = time.monotonic() - self._from
        setattr(self._clock, self._hand, getattr(self._clock, self._hand) + spent)


def _generating(say: Say) -> Callable[[float], None]:
    """Reports each new percent of the lines that a search has reached."""
    shown = -1

    def progress(reached: float) -> None:
        nonlocal shown
        percent = int(100 * reached)
        if percent > shown:
            shown = percent
            say(0.6 * reached, f"Generating tests: {percent} % of the lines in functions so far")

    return progress


def _check_tools() -> None:
    for name in ("pytest", "coverage"):
        if find_spec(name) is None:
            raise missing_package(name)


def _parts(text: str) -> Suite:
    """The backend's file taken apart; text that is no Python holds no tests."""
    if not text:
        return Suite((), (), ())
    try:
        return split(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Suite((), (), ())
