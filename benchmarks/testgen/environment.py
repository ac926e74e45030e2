"""The bench's own virtual environments, in a cache directory that git ignores."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from benchmarks.testgen.modules import MODULES

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("TTA_BENCH_CACHE") or ROOT / ".cache" / "bench-testgen")

TOOLS = (
    "pytest==9.2.0",
    "coverage==7.17.3",
    "cosmic-ray==8.7.0",
    "pydantic==2.14.3",
    "anyio==4.16.0",
)
FORMATTER = "ruff==0.17.6"  # the kept files look as a user gets them
# What the modules stand on, where it matters for their figures.
BELOW = ("numpy==2.4.6", "pandas==3.1.1")
PACKAGES = (*(module.package for module in MODULES), *BELOW)
PYNGUIN = "pynguin==0.48.0"
PLOT = "matplotlib==3.11.2"


def bench_python() -> Path:
    """The interpreter that runs the pipeline; it has the modules."""
    return _python("bench", (*TOOLS, FORMATTER, *PACKAGES))


def pynguin_python() -> Path:
    """The interpreter that has Pynguin."""
    return _python("pynguin", (PYNGUIN,))


def plot_python() -> Path:
    """The interpreter that draws."""
    return _python("plot", (PLOT,))


def _python(name: str, requirements: Sequence[str]) -> Path:
    """The interpreter of an environment with exactly these, made where it is missing."""
    place = CACHE / f"venv-{name}"
    python = place / "bin" / "python"
    stamp = place / "installed.txt"
    wanted = "\n".join(requirements)
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    print(f"Installing {len(requirements)} packages into {place} ...", file=sys.stderr)
    shutil.rmtree(place, ignore_errors=True)
    if uv := shutil.which("uv"):
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(place)], check=True)
        install = [uv, "pip", "install", "-q", "--python", str(python)]
    else:
        venv.create(place, with_pip=True)
        install = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([*install, *requirements], check=True)
    stamp.write_text(wanted)
    return python
