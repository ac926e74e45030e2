"""Packages of PyPI in an environment of their own: clients of others, beside what is tested."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.node import CACHE


def interpreter(requirements: Path) -> Path:
    """The interpreter that has what the requirements file pins; made once."""
    place = CACHE / requirements.stem
    python = place / "bin" / "python"
    done, wanted = place / "installed-requirements.txt", requirements.read_bytes()
    if done.exists() and done.read_bytes() == wanted:
        return python
    shutil.rmtree(place, ignore_errors=True)
    if uv := shutil.which("uv"):
        _run([uv, "venv", "--quiet", "--python", sys.executable, place])
        _run([uv, "pip", "install", "--quiet", "--python", python, "-r", requirements])
    else:
        _run([sys.executable, "-m", "venv", place])
        _run([python, "-m", "pip", "install", "-qq", "-r", requirements])
    done.write_bytes(wanted)
    return python


def _run(command: list[str | Path]) -> None:
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True)
