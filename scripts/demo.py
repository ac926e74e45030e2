"""The main job on real input: tests for two modules, made, measured, and then checked again.

Standard library only; it types the same commands that a person would. What it makes lies in
`demo/`, with a task store of its own; the worker is stopped at the end.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

# ruff: noqa: T201  (a script that prints)

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "demo"
PROJECT = DEMO / "project"  # a workspace; the task store lies beside it, as it usually does
BIN = Path(sys.executable).parent
# Pure Python, from the package registry; the versions are pinned in scripts/setup.
MODULES = {"lexer": "jmespath.lexer", "version": "packaging.version"}
ROUNDING = 0.0051  # the report gives two decimals


def main() -> int:
    started = time.monotonic()
    environment = {
        **os.environ,
        "TTA_HOME": str(DEMO / "home"),
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment.pop("PYTHONPATH", None)
    shell = Shell(environment)
    if (DEMO / "home").exists():  # of an earlier run
        shell.quiet("tta", "worker", "stop")
    shutil.rmtree(DEMO, ignore_errors=True)
    PROJECT.mkdir(parents=True)
    # A project of its own: pytest would else take the settings of this repository, above it.
    (PROJECT / "pytest.ini").write_text("[pytest]\n", "utf-8")
    try:
        return play(shell, started)
    finally:
        shell.quiet("tta", "worker", "stop")


def play(shell: "Shell", started: float) -> int:
    say("Two tasks are submitted; each answers with its id at once.")
    for name, module in MODULES.items():
        shell.run("tta", "submit", "tests", module, "--name", name)
    say("They run in the background; here is how they go.")
    code = shell.run("tta", "wait", *MODULES)
    if code:
        shell.run("tta", "doctor")
        return code
    say("Is it true? The kept files under plain pytest and plain coverage:")
    reports = {name: shell.json("tta", "status", name, "--json") for name in MODULES}
    failures = sum(check(shell, name, report["result"]) for name, report in reports.items())
    files = " ".join(
        f"demo/project/{report['result']['output_path']}" for report in reports.values()
    )
    took = time.monotonic() - started
    if failures:
        print(f"\nThe reports do NOT hold: {failures} of {len(reports)} differ.")
        return 1
    print(f"\nBoth reports hold. The tests are in {files}. All of this took {took:.0f} s.")
    return 0


def check(shell: "Shell", name: str, report: dict[str, Any]) -> bool:
    """Whether the report of one task does not hold; what was found is printed."""
    if shell.run(*shlex.split(report["command"]), "-q"):
        return True
    shell.run(*shlex.split(report["coverage_command"]), "-q", quiet=True)
    figures = PROJECT / f"coverage-{name}.json"
    shell.quiet("python", "-m", "coverage", "json", "-o", figures.name)
    (found,) = json.loads(figures.read_text("utf-8"))["files"].values()
    summary = found["summary"]
    line = share(summary["covered_lines"], summary["num_statements"])
    branch = share(summary["covered_branches"], summary["num_branches"])
    told = report["line"], report["branch"]
    holds = all(abs(a - b) < ROUNDING for a, b in zip((line, branch), told, strict=True))
    print(f"  coverage says {line:.2f} % of the lines and {branch:.2f} % of the branches;")
    print(f"  the report said {told[0]:.2f} % and {told[1]:.2f} %: {'equal' if holds else 'NO'}")
    return not holds


def share(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 100.0


def say(sentence: str) -> None:
    print(f"\n# {sentence}", flush=True)


class Shell:
    """Runs commands in the workspace."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment

    def run(self, *argv: str, quiet: bool = False) -> int:
        """Show the command, then run it."""
        print(f"$ {shlex.join(argv)}", flush=True)
        where = subprocess.DEVNULL if quiet else None
        return self._start(argv, stdout=where).returncode

    def quiet(self, *argv: str) -> None:
        self._start(argv, stdout=subprocess.DEVNULL)

    def json(self, *argv: str) -> Any:
        return json.loads(self._start(argv, stdout=subprocess.PIPE).stdout)

    def _start(self, argv: tuple[str, ...], **options: Any) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(BIN / argv[0]), *argv[1:]],
            cwd=PROJECT if PROJECT.exists() else ROOT,
            env=self._environment,
            text=True,
            check=False,
            **options,
        )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
