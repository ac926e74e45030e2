"""Run tests three times in fresh processes and keep those that pass every time.

The second and third run have other hash seeds and another order. What became of a test is read
from the plugin's own report. A test that ends the process is the one that had started and not
ended; the others go on in a new process.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.probe import missing_package
from tta_interactive.runners.testgen.reading import read_bytes
from tta_interactive.runners.testgen.split import Suite, compose
from tta_interactive.runners.testgen.steps import MAX_REPORT, Bench, Step

RUNS = 3
TEST_SECONDS = 10.0
STALL_SECONDS = 5.0  # beyond the limit of one test: it caught its own alarm
MAX_RESTARTS = 40
SETTINGS = "[pytest]\n"


@dataclass
class Verdict:
    """What three runs said of each test."""

    kept: list[str]
    failed: dict[str, str] = field(default_factory=dict[str, str])
    """Test -> why, for those that did not pass the first time."""
    flaky: dict[str, str] = field(default_factory=dict[str, str])
    """Test -> why, for those that passed first and not later."""


@dataclass(frozen=True)
class Sheet:
    """What one pytest process reported."""

    outcomes: dict[str, str]
    """Test -> empty if it passed, else why not."""
    unfinished: str
    """The test that was running when the process ended."""
    broken: str
    """Why the file could not be collected."""
    status: int | None
    """pytest's exit status; None: it did not come to its end."""
    module_file: str
    """Where the module that `pytest_environment` named was imported from; empty if it was not."""

    @property
    def finished(self) -> bool:
        """Whether pytest came to its end and said so."""
        return self.status is not None

    @property
    def is_complete(self) -> bool:
        """Whether it ran all that there was to run: no test ended the session."""
        return self.status in (0, 1, 5)


def verify(
    bench: Bench,
    root: Path,
    tests: Suite,
    name: str,
    progress: Callable[[int], None],
    test_seconds: float = TEST_SECONDS,
) -> Verdict:
    """Run every test three times.

    Args:
        root: Goes on `sys.path`.
        name: The name of the test file.
        progress: Called with the number of runs that are over.
    """
    file = write_tests(bench, tests, name)
    names = [unit.name for unit in tests.units]
    verdict = Verdict(kept=names)
    for run in range(RUNS):
        outcomes = _run_all(bench, root, file, verdict.kept, run, test_seconds)
        bad = {test: why for test, why in outcomes.items() if why}
        (verdict.flaky if run else verdict.failed).update(bad)
        verdict.kept = [test for test in verdict.kept if test not in bad]
        progress(run + 1)
        if not verdict.kept:
            break
    return verdict


def write_tests(bench: Bench, tests: Suite, name: str) -> Path:
    """Put a file of tests where the sandbox can read and not change it."""
    (bench.files / "pytest.ini").write_text(SETTINGS, encoding="utf-8")
    file = bench.files / name
    file.write_text(compose(tests), encoding="utf-8")
    return file


def pytest_arguments(bench: Bench, file: Path) -> list[str]:
    """Plain pytest with our plugin, and nothing of the project's or the user's settings."""
    return [
        "-m", "pytest", "-q", "--tb=short",
        "-p", "_tta_inside.plugin",
        "-p", "no:cacheprovider",
        "--noconftest",
        "--import-mode=importlib",
        f"--rootdir={bench.files}",
        "-c", str(bench.files / "pytest.ini"),
        str(file),
    ]  # fmt: skip


def pytest_environment(
    bench: Bench,
    place: Path,
    *,
    root: Path | None,
    only: Sequence[str] | None = None,
    shuffle: int | None = None,
    test_seconds: float = TEST_SECONDS,
    module: str = "",
    is_plain: bool = False,
) -> dict[str, str]:
    """The variables that tell the plugin what to do."""
    settings = {
        "report": str(place / "report.jsonl"),
        "writable": [str(place)],
        "commands": bench.has_namespaces,
        "root": str(root) if root else "",
        "only": None if only is None else list(only),
        "shuffle": shuffle,
        "timeout": test_seconds,
        "module": module,
        "guard": not is_plain or not bench.has_namespaces,
    }
    variables = {"PYTHONPATH": str(bench.scratch / "inside"), "TTA_STEP": json.dumps(settings)}
    return variables if is_plain else {**variables, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def _run_all(
    bench: Bench, root: Path, file: Path, names: list[str], run: int, test_seconds: float
) -> dict[str, str]:
    """Test -> empty or why not, for all the names, in as many processes as it takes."""
    left, outcomes = list(names), dict[str, str]()
    for _ in range(MAX_RESTARTS):
        place = bench.place(f"pytest-{run}")
        only = left if len(left) < len(names) else names
        variables = pytest_environment(
            bench, place, root=root, only=only, shuffle=run or None, test_seconds=test_seconds
        )
        step = bench.run(
            place,
            ["-P", *pytest_arguments(bench, file)],
            timeout=30.0 + test_seconds * len(left),
            environment=variables,
            hash_seed=run,
            watch=stall_watch(place / "report.jsonl", test_seconds + STALL_SECONDS),
        )
        sheet = read_sheet(place / "report.jsonl")
        if sheet.broken or (not sheet.finished and not sheet.outcomes and not sheet.unfinished):
            raise _unusable(step, sheet)
        outcomes |= {test: why for test, why in sheet.outcomes.items() if test in left}
        if sheet.unfinished:
            outcomes[sheet.unfinished] = f"its process {step.how}"
        rest = [test for test in left if test not in outcomes]
        if not rest or sheet.is_complete:
            left = rest
            break
        if len(rest) == len(left):
            outcomes[rest.pop(0)] = f"its process {step.how}"  # between two tests: go on without
        left = rest
    return outcomes | dict.fromkeys(left, "it was never run to its end")


def _unusable(step: Step, sheet: Sheet) -> TaskFailure:
    if "No module named pytest" in step.output:
        return missing_package("pytest")
    return TaskFailure(
        "not_verified",
        f"The generated tests cannot be collected: pytest {step.how}.",
        "Look at the detail; a module that changes when it is imported twice can be the cause.",
        (sheet.broken or step.output)[-4000:],
    )


def stall_watch(report: Path, seconds: float) -> Callable[[], bool]:
    """A watch that stops a step whose report has not grown for so long."""
    seen = (0, time.monotonic())

    def watch() -> bool:
        nonlocal seen
        try:
            size = report.lstat().st_size
        except OSError:
            size = 0
        now = time.monotonic()
        if size != seen[0]:
            seen = (size, now)
        return now - seen[1] > seconds + (0 if size else 20)  # a start may be slow

    return watch


def read_sheet(path: Path) -> Sheet:
    """Read what the plugin wrote; lines that are none of its own count as nothing."""
    data = read_bytes(path, MAX_REPORT)
    outcomes: dict[str, str] = {}
    unfinished = broken = module_file = ""
    status: int | None = None
    for line in (data or b"").splitlines():
        event = _event(line)
        kind, test = event.get("event"), str(event.get("test", ""))[:200]
        if kind == "started":
            unfinished = test
        elif kind == "ended":
            why = "" if event.get("outcome") == "passed" else str(event.get("text"))[-1000:]
            # A class is one unit: one bad test of it decides.
            outcomes[test] = outcomes.get(test) or why or ""
            unfinished = ""
        elif kind == "collected":
            module_file = str(event.get("file") or "")
        elif kind == "broken":
            broken = str(event.get("text"))[-4000:]
        elif kind == "finished":
            status = _status(event.get("status"))
    return Sheet(outcomes, unfinished, broken, status, module_file)


def _status(said: object) -> int:
    return said if isinstance(said, int) else -1


def _event(line: bytes) -> dict[str, object]:
    try:
        value: object = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return dict(value) if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownArgumentType]
