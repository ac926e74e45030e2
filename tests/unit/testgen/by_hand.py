"""What anybody sees who runs generated tests with the usual commands."""

import json
import subprocess
import sys
from pathlib import Path

# Plugins that happen to be installed beside pytest take longer to load than the tests to run.
PLAIN = {"PATH": "/usr/bin:/bin", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def by_hand(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(
        command, cwd=workspace, env=PLAIN, capture_output=True, text=True, timeout=60, check=False
    )


def measured_by_hand(workspace: Path, module: str, file: str) -> tuple[float, float]:
    """(line, branch) as anybody measures it."""
    done = by_hand(
        workspace, "coverage", "run", "--branch", f"--source={module}", "-m", "pytest", file
    )
    assert done.returncode == 0, done.stdout
    by_hand(workspace, "coverage", "json", "-o", "measured.json")
    (facts,) = json.loads((workspace / "measured.json").read_text())["files"].values()
    summary = facts["summary"]
    branches = summary["num_branches"]
    return (
        100 * summary["covered_lines"] / summary["num_statements"],
        100 * summary["covered_branches"] / branches if branches else 100.0,
    )
