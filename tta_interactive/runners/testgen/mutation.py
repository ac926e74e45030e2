"""How many small defects the kept tests would notice: the mutation score of a sample.

Each mutant of the sample (`mutants.py`) is run in the sandbox, as the verification is, by the
tests that reach the changed statement and by no others (`inside/mutants.py`). A change that no
test reaches survives without a run.
"""

import ast
from collections.abc import Iterable, Mapping

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.measure import Measured
from tta_interactive.runners.testgen.module import Source
from tta_interactive.runners.testgen.mutants import Mutant, sample
from tta_interactive.runners.testgen.report import Mutation, Survivor
from tta_interactive.runners.testgen.scratch import Copied
from tta_interactive.runners.testgen.split import Suite, compose
from tta_interactive.runners.testgen.steps import Bench, bad_report

BASELINE_SECONDS = 60.0
START_SECONDS = 30.0


def mutation_score(
    bench: Bench,
    copied: Copied,
    source: Source,
    tests: Suite,
    measured: Measured,
    name: str,
    *,
    count: int,
    seed: int,
    seconds: float = 300.0,
) -> Mutation:
    """Try the tests on a sample of mutants of the module.

    Args:
        tests: The kept tests.
        measured: What they reach.
        name: The name of the test file.
        count: How many mutants, at most.
        seed: Of the sample.
        seconds: After that no more are tried; those that were not are not counted.

    Raises:
        TaskFailure: Cosmic Ray is missing, or the tests do not pass on the module as it is.
    """
    mutants = sample(source.text, count, seed)
    reached = {test: _lines(arcs) for test, arcs in measured.reached.items()}
    statements = _Statements(source.text)
    chosen = [_tests_for(statements.around(mutant.line), reached) for mutant in mutants]
    tried = [(mutant, units) for mutant, units in zip(mutants, chosen, strict=True) if units != []]
    outcomes = dict(
        zip(
            (mutant for mutant, _ in tried),
            _outcomes(bench, copied, source, tests, name, tried, seconds),
            strict=True,
        )
    )
    decided = [mutant for mutant in mutants if outcomes.get(mutant, "survived")]
    survivors = [mutant for mutant in decided if outcomes.get(mutant, "survived") == "survived"]
    killed = len(decided) - len(survivors)
    return Mutation(
        sampled=len(decided),
        killed=killed,
        percent=round(100.0 * killed / len(decided), 2) if decided else 100.0,
        survived=tuple(
            Survivor(line=mutant.line, was=mutant.was, became=mutant.became) for mutant in survivors
        ),
    )


def _outcomes(
    bench: Bench,
    copied: Copied,
    source: Source,
    tests: Suite,
    name: str,
    tried: list[tuple[Mutant, list[str] | None]],
    seconds: float,
) -> list[str | None]:
    if not tried:
        return []
    place = bench.place("mutants")
    folder = bench.files / place.name
    (folder / "nothing").mkdir(parents=True)
    file, settings = folder / name, folder / "pytest.ini"
    file.write_text(compose(tests), encoding="utf-8")
    settings.write_text("[pytest]\n", encoding="utf-8")
    facts = {
        "module": source.name,
        "file": str(copied.file),
        "root": str(copied.root),
        "nothing": str(folder / "nothing"),
        "arguments": [
            "-q", "-x", "--tb=no", "--assert=plain", "--noconftest",
            "-p", "no:cacheprovider",
            "-p", "no:unraisableexception",  # collects garbage at each end: half of the time
            "--import-mode=importlib", f"--rootdir={folder}", "-c", str(settings), str(file),
        ],
        "mutants": [
            {"start": one.start, "end": one.end, "new": one.new, "tests": units}
            for one, units in tried
        ],
        "baseline_seconds": BASELINE_SECONDS,
        "seconds": seconds,
    }  # fmt: skip
    limit = START_SECONDS + BASELINE_SECONDS * 12 + seconds
    step, report = bench.run_job(place, "mutants", facts, timeout=limit)
    if report is None:
        raise bad_report("The mutation score", step)
    if report.get("baseline") != 0:
        raise TaskFailure(
            "not_verified",
            "The tests fail on the module as it is when the mutation score starts.",
            "Leave the mutation score out; if the module is well, this is a defect of "
            "tta-interactive.",
            step.output[-4000:],
        )
    said = [one if one in ("killed", "survived") else None for one in report.get("outcomes", ())]
    return (said + [None] * len(tried))[: len(tried)]


def _lines(arcs: Iterable[tuple[int, int]]) -> set[int]:
    return {line for arc in arcs for line in arc if line > 0}


def _tests_for(lines: range, reached: Mapping[str, set[int]]) -> list[str] | None:
    """The tests that reach one of the lines; None: all, for the import alone reaches them."""
    here = {test for test, of in reached.items() if not of.isdisjoint(lines)}
    return None if "" in here else sorted(here)


class _Statements:
    """Which lines belong together: a statement, or the head of a compound one."""

    def __init__(self, text: str) -> None:
        self._heads: list[range] = []
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.stmt):
                marks: list[ast.expr] = getattr(node, "decorator_list", [])
                first = min([node.lineno, *(mark.lineno for mark in marks)])
                body: list[ast.stmt] = getattr(node, "body", [])
                last = body[0].lineno - 1 if body else node.end_lineno or node.lineno
                self._heads.append(range(first, max(first, last) + 1))

    def around(self, line: int) -> range:
        """The smallest one that the line is in; the line itself if it is in none."""
        fitting = [head for head in self._heads if line in head]
        return min(fitting, key=len, default=range(line, line + 1))
