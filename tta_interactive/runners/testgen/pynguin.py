"""The backend that asks Pynguin, a search-based generator, in an interpreter that has it.

Pynguin pins many of its dependencies, an older pytest among them: it may live in an environment
of its own, which TTA_PYNGUIN_PYTHON names. What the module under test needs is found there all
the same, behind what Pynguin needs. It runs in the sandbox, for it calls the module with random
values, and what it writes is verified as all tests are.

It stops by the clock and not after a number of steps: the same seed need not bring the same tests.
"""

import dataclasses
import importlib.metadata
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from typing import ClassVar

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.backend import Generated, Order
from tta_interactive.runners.testgen.reading import read_bytes
from tta_interactive.runners.testgen.split import compose, split
from tta_interactive.runners.testgen.steps import Bench, Step

VARIABLE = "TTA_PYNGUIN_PYTHON"
MAX_TEXT = 4 * 1024 * 1024
MUTANTS = 60  # it finds assertions by mutants; without a bound that takes minutes
# Beyond the search and as much again for assertions: its start, and writing the file.
EXTRA_SECONDS = 60.0
# The last on the path: what Pynguin needs itself comes first.
START = (
    "import json, sys; sys.path += json.loads(sys.argv.pop(1)); "
    "from pynguin.cli import main; sys.exit(main())"
)
REMEDY = (
    'Install it with: pip install "tta-interactive[pynguin]"; or, because it pins what it needs, '
    "into an environment of its own: python -m venv ~/pynguin && ~/pynguin/bin/pip install pynguin "
    f"&& export {VARIABLE}=~/pynguin/bin/python"
)
# It takes the module from `sys.modules`, and an import whose name is not used is dropped.
TAKEN = re.compile(r"""^(\w+) = sys\.modules\[(["'])([\w.]+)\2\]$""", re.MULTILINE)


class PynguinBackend:
    """Pynguin's search, with its bounds set and its expected failures left out."""

    name: ClassVar[str] = "pynguin"

    def __init__(self) -> None:
        self._python = find_python()
        self.version = _version(self._python)

    def generate(self, bench: Bench, order: Order, progress: Callable[[float], None]) -> Generated:
        """What it wrote; it is asked once, for it starts from nothing each time.

        Raises:
            TaskFailure: It ended badly and wrote nothing.
        """
        if order.round:
            return Generated()
        progress(0.0)
        seconds = max(1, int(order.seconds))
        place = bench.place("pynguin")
        step = dataclasses.replace(bench, python=self._python).run(
            place,
            [
                "-P", "-c", START, json.dumps(_places()),
                "--project-path", str(order.copied.root),
                "--module-name", order.source.name,
                "--output-path", str(place / "out"),
                "--report-dir", str(place / "report"),
                "--seed", str(order.seed),
                "--maximum-search-time", str(seconds),
                "--maximum-mutation-time", str(seconds),
                "--maximum-mutants", str(MUTANTS),
                "--no-xfail", "True",
                "--no-rich",
            ],
            timeout=2.0 * seconds + EXTRA_SECONDS,
            environment={"PYNGUIN_DANGER_AWARE": "1"},
        )  # fmt: skip
        data = read_bytes(place / "out" / f"test_{order.source.short_name}.py", MAX_TEXT)
        if data is None:
            raise _nothing(order, step)
        return Generated(_first(_as_imported(data.decode("utf-8", "replace")), order.most))


def find_python() -> str:
    """The interpreter that has Pynguin.

    Raises:
        TaskFailure: There is none.
    """
    said = os.environ.get(VARIABLE, "")
    if said:
        python = os.path.expanduser(said)
        if os.path.isabs(python) and os.access(python, os.X_OK) and os.path.isfile(python):
            return python
        raise TaskFailure(
            "no_backend",
            f"{VARIABLE} is {said[:200]!r}, which is no program that can be run.",
            "Set it to the full path of a Python interpreter that has Pynguin.",
        )
    if find_spec("pynguin") is None:
        raise TaskFailure(
            "no_backend",
            f"The backend 'pynguin' needs Pynguin, which {sys.executable!r} does not have.",
            REMEDY,
        )
    return sys.executable


def _version(python: str) -> str:
    if python == sys.executable:
        return importlib.metadata.version("pynguin")
    ask = "import importlib.metadata as m; print(m.version('pynguin'))"
    try:
        asked = subprocess.run(
            [python, "-I", "-c", ask], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        asked = None
    if asked is None or asked.returncode:
        raise TaskFailure(
            "no_backend", f"The interpreter {python!r}, which {VARIABLE} names, has no Pynguin.",
            f"Install it with: {python} -m pip install pynguin",
        )  # fmt: skip
    return asked.stdout.strip()[:40]


def _places() -> list[str]:
    """Where the module finds what it needs."""
    return [entry for entry in sys.path if os.path.isdir(entry)]


def _as_imported(text: str) -> str:
    if not TAKEN.search(text):
        return text
    return "import importlib\n" + TAKEN.sub(r'\1 = importlib.import_module("\3")', text)


def _first(text: str, most: int) -> str:
    """The file with no more than so many tests; what is no Python is judged by the pipeline."""
    try:
        suite = split(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text
    if len(suite.units) <= most:
        return text
    return compose(dataclasses.replace(suite, units=suite.units[:most]))


def _nothing(order: Order, step: Step) -> TaskFailure:
    return TaskFailure(
        "error",
        f"Pynguin wrote no tests for {order.source.name!r}: its process {step.how}.",
        "Look at the detail; or leave `backend` out: the native one may cope with the module.",
        step.output[-4000:],
    )
