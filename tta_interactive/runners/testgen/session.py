"""One pytest process: its files, its command line, what the plugin is told, and its report."""

import json
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tta_interactive.runners.testgen.sheet import CANARY, Sheet, read_sheet
from tta_interactive.runners.testgen.split import Suite, compose
from tta_interactive.runners.testgen.steps import Bench, Step

TEST_SECONDS = 10.0
STALL_SECONDS = 5.0  # beyond the limit of one test: it caught its own alarm
START_SECONDS = 20.0
KEY_BYTES = 32
SETTINGS = "[pytest]\n"
CANARY_FILE = f"{CANARY}.py"


@dataclass(frozen=True, kw_only=True)
class Session:
    """How pytest is run."""

    root: Path | None
    """Goes on `sys.path`; None: nothing does, as in the real tree."""
    timeout: float
    shuffle: int | None = None
    """The seed of a random order; None: as in the file."""
    backwards: bool = False
    """Whether that order is turned round."""
    test_seconds: float = TEST_SECONDS
    module: str = ""
    """The module whose file is to be told."""
    hash_seed: int | None = None
    """None: one that no run before had."""
    workspace: Path | None = None
    """The real tree, where the project's own settings hold."""
    readable: Sequence[Path] = ()
    without: Sequence[str] = ()
    """Tests that are left out."""

    @property
    def is_plain(self) -> bool:
        return self.workspace is not None

    def run(self, bench: Bench, place: Path, arguments: Sequence[str]) -> tuple[Step, Sheet]:
        """Run Python with these arguments; how it ended, and what the plugin told."""
        report, key = place / "report.jsonl", secrets.token_bytes(KEY_BYTES)
        settings = {
            "report": str(report),
            "writable": [str(place)],
            "commands": bench.has_namespaces,
            "root": str(self.root) if self.root else "",
            "shuffle": self.shuffle,
            "backwards": self.backwards,
            "without": list(self.without),
            "timeout": self.test_seconds,
            "module": self.module,
            "guard": not self.is_plain or not bench.has_namespaces,
        }
        variables = {
            "PYTHONPATH": str(bench.scratch / "inside"),
            "TTA_STEP": json.dumps(settings),
        }
        if not self.is_plain:
            variables["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        elif bench.has_namespaces:
            # Not below scratch, where all runs before were: a test that knows its place fails.
            variables["TMPDIR"] = "/tmp"  # noqa: S108 (the sandbox's own, empty)
        step = bench.run(
            place,
            arguments,
            timeout=self.timeout,
            environment=variables,
            hash_seed=bench.next_hash_seed() if self.hash_seed is None else self.hash_seed,
            workspace=self.workspace,
            readable=self.readable,
            watch=stall_watch(report, self.test_seconds + STALL_SECONDS),
            said=key,
        )
        return step, read_sheet(report, key)


def write_tests(bench: Bench, tests: Suite, name: str) -> Path:
    """Put a file of tests, and our own two, where the sandbox can read and not change them."""
    (bench.files / "pytest.ini").write_text(SETTINGS, encoding="utf-8")
    canary = bench.scratch / "inside" / "_tta_inside" / "canary.py"
    shutil.copyfile(canary, bench.files / CANARY_FILE)
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
        str(bench.files / CANARY_FILE),
    ]  # fmt: skip


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
        return now - seen[1] > seconds + (0 if size else START_SECONDS)

    return watch
