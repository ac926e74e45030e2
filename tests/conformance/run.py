"""Run the official conformance suite against our server: all scenarios, and each protocol version.

    python -m tests.conformance.run [--scenario NAME] [--keep]

The suite is a package of npm, pinned in package-lock.json beside this file; the Node that runs it
comes from PyPI. Both are fetched once, into .cache/conformance.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.node import NODE, installed
from tta_interactive.worker.start import stop_worker

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
SUITE = "node_modules/@modelcontextprotocol/conformance/dist/index.js"
LEGS = (
    ("all", ()),
    ("2026-07-28", ("--spec-version", "2026-07-28")),
    ("2025-11-25", ("--spec-version", "2025-11-25")),
)
TOTALS = re.compile(r"(\d+) passed, (\d+) failed(?:, (\d+) warnings?)?")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", help="only this one, told in full")
    asked = parser.parse_args()
    suite = installed(HERE) / SUITE
    base = Path(tempfile.mkdtemp(prefix="tta-", dir="/tmp"))
    home = base / "s"
    command = [sys.executable, "-Wignore", "-m", "tests.conformance.server", str(home), "0"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin
        assert server.stdout
        try:
            url = f"http://localhost:{int(server.stdout.readline())}/mcp"
            if asked.scenario:
                return run(suite, url, base, ["--scenario", asked.scenario], loud=True)
            return max(
                run(suite, url, base, ["--suite", "all", *more], name) for name, more in LEGS
            )
        finally:
            server.stdin.close()
            server.wait()
            stop_worker(home, timeout=15)
            shutil.rmtree(base, ignore_errors=True)


def run(
    suite: Path, url: str, base: Path, options: list[str], name: str = "", *, loud: bool = False
) -> int:
    """One run of the suite; 0 if every check passed."""
    done = subprocess.run(
        [NODE, suite, "server", "--url", url, "--output-dir", base / "results", *options],
        env={**os.environ, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    found = TOTALS.findall(done.stdout)
    if loud or done.returncode or not found:
        print(done.stdout)
    if found:
        passed, failed, _ = found[-1]
        print(f"conformance {name or options[-1]}: {passed} checks passed, {failed} failed")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
