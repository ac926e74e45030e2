"""The order of things: from the name of a module to a file on disk that passes, with figures.

find -> copy -> import once -> [cache] -> generate -> verify -> measure -> drop the useless
          ^                                  |            gaps             |
          |                                  +-------- (below threshold) --+
report <- run in the real tree <- write <----------------------------------+
"""

import hashlib
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from tta_interactive.kinds.base import RunContext
from tta_interactive.runners.testgen import cache
from tta_interactive.runners.testgen.backend import Backend
from tta_interactive.runners.testgen.backends import get_backend
from tta_interactive.runners.testgen.consent import with_consent
from tta_interactive.runners.testgen.existing import (
    Existing,
    measure_existing,
    read_existing,
)
from tta_interactive.runners.testgen.file_text import quoted
from tta_interactive.runners.testgen.interpreter import other_interpreter, our_interpreter
from tta_interactive.runners.testgen.job import Job, Ledger, Wish
from tta_interactive.runners.testgen.measure import ranges
from tta_interactive.runners.testgen.module import find_module
from tta_interactive.runners.testgen.mutants import check_installed
from tta_interactive.runners.testgen.mutation import mutation_score
from tta_interactive.runners.testgen.placing import Placed, place
from tta_interactive.runners.testgen.probe import pattern_of, probe
from tta_interactive.runners.testgen.report import Coverage, Mutation, TestsReport
from tta_interactive.runners.testgen.rounds import tests_for
from tta_interactive.runners.testgen.scratch import copy_project
from tta_interactive.runners.testgen.steps import Bench, best_level
from tta_interactive.runners.testgen.tidy import layout_settings
from tta_interactive.runners.testgen.write import (
    checked_output,
    default_output,
    write_test_file,
)

__all__ = ["Wish", "run"]


def run(wish: Wish, context: RunContext, backend: Backend | None = None) -> TestsReport:
    """Make, check, measure and write tests.

    Args:
        wish: What is wanted.
        context: Where to work.
        backend: Who writes the tests; default: the one that the wish names.

    Raises:
        TaskFailure: There is nothing that could honestly be called a result.
    """
    backend = backend or get_backend(wish.backend)
    say, ledger = context.progress, Ledger()
    workspace = Path(context.workspace).resolve()
    if wish.mutants:
        check_installed()
    say(0.0, "Looking for the module")
    level = best_level(context.sandbox)
    bench = Bench(sys.executable, level, context.scratch, store=context.state)
    interpreter = (
        other_interpreter(wish.python, workspace, bench) if wish.python else our_interpreter()
    )
    source = find_module(wish.module_path, workspace, interpreter)
    output = checked_output(wish.output_path or default_output(source.short_name), workspace)
    existing = None
    if wish.extend:
        existing = read_existing(output, workspace, source, overwrite=wish.overwrite)
    if existing is None:
        wish = with_consent(wish, output, workspace, source.name)
    say(0.02, f"Copying the project of {source.name}")
    copied = copy_project(source, bench.project, without=(context.state, context.scratch))
    made_by = f"{backend.name} {backend.version}"
    key = cache.cache_key(
        source,
        copied,
        _options(wish, output),
        made_by,
        str(level),
        interpreter,
        layout_settings(output, workspace),
    )
    is_cached = wish.use_cache and existing is None
    if is_cached and (known := cache.load(context.state, key)):
        report, text = known
        write_test_file(text, output, workspace, source.name, overwrite=wish.overwrite)
        say(1.0, "The same question was answered before: the file is back in place")
        return report
    say(0.04, f"Importing {source.name} in the sandbox")
    probed = probe(bench, source, copied)
    ledger.reached(probed.line)
    job = Job(
        wish, workspace, backend, bench, source, copied, output, probed, interpreter, ledger, say
    )
    if existing is not None:
        job = _extending(job, existing)
    placed = place(job, *tests_for(job))
    report = _report(job, placed, _mutation(job, placed))
    if existing is None:
        cache.save(context.state, key, report, placed.text)
    say(1.0, f"Kept {report.kept} tests: {report.line:.1f} % of the lines")
    return report


def _extending(job: Job, existing: Existing) -> Job:
    """The same run, with the tests that are there already measured.

    Raises:
        TaskFailure: They do not pass.
    """
    job.say(0.045, f"Measuring the tests that {job.output} holds already")
    with job.ledger.timed("measure"):
        way, known = measure_existing(job.bench, job.source, job.output, job.workspace, existing)
    return replace(job, existing=way, known=known)


def _options(wish: Wish, output: Path) -> dict[str, Any]:
    return {
        "output": str(output),
        "threshold": wish.coverage_threshold,
        "budget": wish.budget,
        "seed": wish.seed,
        "max_tests": wish.max_tests,
        "mutants": wish.mutants,
        "asked": wish.module_path,
        "python": wish.python,
    }


def _relative(file: Path, workspace: Path) -> Path:
    return file.relative_to(workspace) if file.is_relative_to(workspace) else file


def _included(job: Job) -> str:
    pattern = pattern_of(_relative(job.source.file, job.workspace))
    return shlex.quote(f"--include={pattern}")


def _mutation(job: Job, placed: Placed) -> Mutation | None:
    wish = job.wish
    if not wish.mutants or not placed.tests.units:
        return None
    job.say(0.97, f"Trying the tests on {wish.mutants} small changes of {job.source.name}")
    with job.ledger.timed("measure"):
        return mutation_score(
            job.bench,
            job.copied,
            job.source,
            placed.tests,
            placed.measured,
            job.output.name,
            count=wish.mutants,
            seed=wish.seed,
        )


def _report(job: Job, placed: Placed, mutation: Mutation | None) -> TestsReport:
    wish, ledger, measured = job.wish, job.ledger, placed.measured
    met = measured.line >= wish.coverage_threshold
    before = job.known or job.probed
    return TestsReport(
        success=met,
        module_path=wish.module_path,
        module=job.source.name,
        output_path=str(job.output),
        generated=ledger.generated,
        kept=placed.tests.rows,
        functions=len(placed.tests.units),
        failed=ledger.failed,
        flaky=ledger.flaky,
        useless=ledger.useless,
        line=measured.line,
        branch=measured.branch,
        baseline=Coverage(line=before.line, branch=before.branch),
        extended=job.existing is not None,
        uncovered=ranges(measured.missing),
        covered=ranges(measured.covered),
        partial=ranges(measured.partial),
        module_file=str(_relative(job.source.file, job.workspace)),
        module_hash=hashlib.sha256(job.source.data).hexdigest(),
        timeline=tuple(ledger.timeline),
        files=(str(job.output),) if placed.tests.units else (),
        suspicious=tuple(ledger.suspicious),
        threshold=wish.coverage_threshold,
        threshold_met=met,
        mutation=mutation,
        durations=ledger.durations(),
        command=f"{job.interpreter.said} -m pytest {quoted(job.output)}",
        coverage_command=(
            f"{job.interpreter.said} -m coverage run --branch "
            f"{_included(job)} -m pytest {quoted(job.output)}"
        ),
        backend=wish.backend,
        seed=wish.seed,
        rounds=ledger.rounds,
        sandbox=job.bench.level.word,
        is_whole_project=job.copied.is_whole,
        notes=tuple(ledger.notes),
    )
