"""Run tests three times in fresh processes and keep those that pass every time.

    run 1   as in the file
    run 2   a random order
    run 3   that one backwards

So of any two tests each has once run before the other. Every process has another hash seed, also
those that measure later. What became of a test is believed only
from a process that nothing meddled with (`Sheet.is_believable`): else the test that ended it is
left out, or, if nobody knows which, the tests are halved until it stands alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.session import (
    START_SECONDS,
    TEST_SECONDS,
    Session,
    pytest_arguments,
    write_tests,
)
from tta_interactive.runners.testgen.sheet import Sheet
from tta_interactive.runners.testgen.split import Imported, Suite, Unit, import_lines, names_in
from tta_interactive.runners.testgen.steps import Bench, Step, missing_package

RUNS = 3
MAX_PROCESSES = 60  # of one run
MAX_BROKEN_HELPERS = 5


@dataclass
class Verdict:
    """What three runs said of each test."""

    kept: list[str]
    failed: dict[str, str] = field(default_factory=dict[str, str])
    """Test -> why, for those that did not pass the first time."""
    flaky: dict[str, str] = field(default_factory=dict[str, str])
    """Test -> why, for those that passed first and not later."""
    tests: Suite = field(default_factory=lambda: Suite((), (), ()))
    """The suite that was judged: without helpers that break every file."""


def verify(
    bench: Bench,
    root: Path,
    tests: Suite,
    name: str,
    progress: Callable[[int], None],
    *,
    test_seconds: float = TEST_SECONDS,
    seed: int = 1,
) -> Verdict:
    """Run every test three times.

    Args:
        root: Goes on `sys.path`.
        name: The name of the test file.
        progress: Called with the number of runs that are over.
        seed: Of the random order.
    """
    verdict = Verdict(kept=[unit.name for unit in tests.units], tests=tests)
    for run in range(RUNS):
        judge = _Judge(bench, root, name, verdict.tests, run, seed, test_seconds)
        outcomes = judge.outcomes(verdict.kept)
        verdict.tests = judge.tests
        bad = {test: why for test, why in outcomes.items() if why}
        (verdict.flaky if run else verdict.failed).update(bad)
        verdict.kept = [test for test in verdict.kept if test not in bad]
        progress(run + 1)
        if not verdict.kept:
            break
    return verdict


class _Judge:
    """One run: as many processes as it takes to believe what each test did."""

    def __init__(
        self,
        bench: Bench,
        root: Path,
        name: str,
        tests: Suite,
        run: int,
        seed: int,
        test_seconds: float,
    ) -> None:
        self.tests = tests
        self._bench, self._root, self._name = bench, root, name
        self._run, self._seed, self._test_seconds = run, seed, test_seconds
        self._left = MAX_PROCESSES
        self._is_mended = False

    def outcomes(self, names: Sequence[str]) -> dict[str, str]:
        """Test -> empty or why not, for all the names."""
        found: dict[str, str] = {}
        groups = [list(names)]
        while groups and self._left > 0:
            group = groups.pop()
            step, sheet = self._process(group)
            if sheet.is_believable(step):
                # One that was not run is no pass: something ended the session before.
                found |= {test: sheet.outcomes.get(test, "it was never run") for test in group}
            elif sheet.unfinished in group and sheet.is_authentic:
                found[sheet.unfinished] = f"its process {step.how}"
                group.remove(sheet.unfinished)
                groups += [group] if group else []
            elif not sheet.was_collected and (mended := self._mended(group)):
                found |= mended
                groups.append([test for test in group if test not in mended])
            elif len(group) == 1:
                found[group[0]] = _why(step, sheet)
            else:
                _refuse_without_pytest(step)
                half = len(group) // 2
                groups += [group[half:], group[:half]]
        return dict.fromkeys(names, "it was never run to its end") | found

    def _process(self, group: Sequence[str]) -> tuple[Step, Sheet]:
        self._left -= 1
        bench, run = self._bench, self._run
        file = write_tests(bench, self.tests.only(group), self._name)
        session = Session(
            root=self._root,
            timeout=START_SECONDS + 10 + self._test_seconds * len(group),
            shuffle=self._seed if run else None,
            backwards=run > 1,
            test_seconds=self._test_seconds,
        )
        arguments = ["-P", *pytest_arguments(bench, file)]
        return session.run(bench, bench.place(f"pytest-{run}"), arguments)

    def _mended(self, group: Sequence[str]) -> dict[str, str] | None:
        """The tests that cannot be, now that imports and helpers which fail are gone.

        None: none of those were to blame, or all are gone already.
        """
        if self._is_mended:
            return None
        self._is_mended = True
        bad = self._bad_imports()
        lost = {
            unit.name: f"it cannot be collected: {why}"
            for unit in self.tests.only(group).units
            for one, why in bad.items()
            if one.here.split(".")[0] in names_in(unit.source)
        }
        before = self.tests
        self._drop_broken_helpers()
        return lost if lost or self.tests != before else None

    def _bad_imports(self) -> dict[Imported, str]:
        """The imports that fail, and why: each is tried alone, all in one process."""
        helpers: list[str] = []
        units: list[Unit] = []
        for number, one in enumerate(self.tests.imports):
            error = f"error_{number}"
            statement = import_lines([one])[0]
            helpers.append(
                f"{error} = None\ntry:\n    {statement}\n"
                f"except Exception as error:\n    {error} = repr(error)"
            )
            name = f"test_import_{number}"
            units.append(Unit(name, f"def {name}():\n    assert {error} is None, {error}"))
        whole, self.tests = self.tests, Suite((), tuple(helpers), tuple(units))
        _, sheet = self._process([unit.name for unit in units])
        self.tests = whole
        return {
            one: why
            for number, one in enumerate(whole.imports)
            if (why := sheet.outcomes.get(f"test_import_{number}"))
        }

    def _drop_broken_helpers(self) -> None:
        """Leave out statements beside the tests that break any file which holds them."""
        for _ in range(MAX_BROKEN_HELPERS):
            culprit = self._broken_helper()
            if culprit is None:
                return
            helpers = self.tests.helpers
            self.tests = self.tests.with_helpers(helpers[:culprit] + helpers[culprit + 1 :])

    def _broken_helper(self) -> int | None:
        """The first helper that no file can stand: sought by halves."""
        helpers = self.tests.helpers

        def is_broken(count: int) -> bool:
            whole, self.tests = self.tests, self.tests.with_helpers(helpers[:count])
            step, sheet = self._process([])
            self.tests = whole
            return not sheet.is_believable(step)

        if not helpers or not is_broken(len(helpers)):
            return None
        good, bad = 0, len(helpers)
        while bad - good > 1:
            middle = (good + bad) // 2
            good, bad = (good, middle) if is_broken(middle) else (middle, bad)
        return bad - 1


def _refuse_without_pytest(step: Step) -> None:
    if "No module named pytest" in step.output:
        raise missing_package("pytest")


def _why(step: Step, sheet: Sheet) -> str:
    if sheet.broken:
        return f"it cannot be collected: {sheet.broken[-900:]}"
    if not sheet.is_authentic:
        return "it meddles with the report of the tests"
    if sheet.status is None or step.ended != "exited":
        return f"its process {step.how}"
    return "it meddles with how tests are run"


def unusable(verdict: Verdict) -> TaskFailure | None:
    """The failure that tells most, if no test could as much as be collected."""
    reasons = set(verdict.failed.values())
    if verdict.kept or not reasons or any("cannot be collected" not in why for why in reasons):
        return None
    return TaskFailure(
        "not_verified",
        "The generated tests cannot be collected.",
        "Look at the detail; a module that changes when it is imported twice can be the cause.",
        min(reasons)[-4000:],
    )
