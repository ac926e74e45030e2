"""Run the written file once more where it lives: plain pytest, the project's own settings.

The workspace is read only in there. The plugin that comes along only reports; it changes neither
the path nor the order.
"""

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from tta_interactive.runners.testgen.interpreter import Interpreter
from tta_interactive.runners.testgen.module import Source
from tta_interactive.runners.testgen.session import Session
from tta_interactive.runners.testgen.sheet import Sheet
from tta_interactive.runners.testgen.steps import Bench, Step
from tta_interactive.text import one_line

SECONDS = 300.0
USAGE_ERROR = 4  # pytest's exit status for options and settings that it cannot take
SETTINGS = ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")


@dataclass(frozen=True)
class Final:
    """What became of the file in the real tree."""

    passed: bool
    bad: dict[str, str]
    """Test -> why it did not pass."""
    imports_other: bool
    """Whether the module was not found, or another one of its name was."""
    output: str
    words: str = ""
    """Why pytest could not start or found no test, in its own words; empty: it did."""


def run_in_place(
    bench: Bench,
    source: Source,
    output: Path,
    workspace: Path,
    names: Collection[str],
    flags: Sequence[str] = ("-P",),
) -> Final:
    """`pytest OUTPUT` in the workspace.

    Args:
        names: The tests that must pass there; others in the file must only not fail.
        flags: Of Python. What is started as `pytest` does not put the current directory on the
            path, and neither does `-P`.
    """
    session = plain_session(source, workspace)
    step, sheet = session.run(bench, bench.place("final"), [*flags, *plain_arguments(output)])
    bad = {name: why for name in names if (why := sheet.outcomes.get(name))}
    if sheet.unfinished in names:
        bad[sheet.unfinished] = f"its process {step.how}"
    ran = all(name in sheet.outcomes for name in names)
    passed = step.code == 0 and sheet.status == 0 and sheet.is_authentic and not bad and ran
    other = bool(sheet.broken)
    other = other or (ran and not _is_same(sheet.module_file, source.file))
    text = "\n".join(part for part in (sheet.broken, step.output) if part)
    return Final(passed, bad, other, text[-4000:], _complaint(step, sheet))


def _complaint(step: Step, sheet: Sheet) -> str:
    if step.code == USAGE_ERROR or sheet.status is None:
        lines = [line.strip() for line in step.output.splitlines()]
        lines = [line for line in lines if not line.startswith("ERROR: usage")]
        said = [
            line for line in lines if re.search(r"(^|: )error: |^E  |^ERROR: |\w+Error: ", line)
        ]
        return one_line((said or lines or [""])[-1], 300)
    if not sheet.collected and not sheet.broken:
        return "its settings (python_functions, python_classes?) find no test in the file"
    return ""


def plain_session(source: Source, workspace: Path, without: Sequence[str] = ()) -> Session:
    """pytest as it is in the real tree: our plugin only reports."""
    return Session(
        root=None,
        timeout=SECONDS,
        module=source.name,
        workspace=workspace,
        readable=settings_above(workspace),
        without=without,
    )


def plain_arguments(output: Path) -> list[str]:
    """The command line that anybody types, and our plugin."""
    return [
        "-m", "pytest", "-q", "--tb=short",
        "-p", "_tta_inside.plugin",
        "-p", "_tta_inside.aside",
        "-p", "no:cacheprovider",
        f"./{output}",
    ]  # fmt: skip


def settings_above(workspace: Path) -> list[Path]:
    """The project that the workspace is a part of: pytest reads settings above it too.

    The nearest directory with such a file, but no home and nothing that holds one.
    """
    home = Path(os.environ.get("HOME", "/")).resolve()
    for folder in workspace.resolve().parents:
        if folder == Path("/") or home.is_relative_to(folder):
            break
        if any((folder / name).is_file() for name in SETTINGS):
            return [folder]
    return []


def _is_same(found: str, file: Path) -> bool:
    return bool(found) and Path(found).resolve() == file.resolve()


def needs_path_lines(source: Source, workspace: Path, interpreter: Interpreter) -> bool:
    """Whether plain pytest will surely not find the module. In doubt: False, and it is tried."""
    if not source.in_workspace:
        return False
    found = interpreter.find(source.name.partition(".")[0])
    own = source.root / source.relative.parts[0]
    # Its settings can put any directory on the path, and so can a conftest.py beside them.
    is_plain = not any((workspace / name).exists() for name in ("conftest.py", *SETTINGS))
    return is_plain and (found is None or own.resolve() not in found.places)


def path_lines(source: Source, output: Path, workspace: Path) -> str:
    """The statement that lets a test file find a module that is not installed.

    It needs `sys` and `pathlib.Path`.
    """
    ups = len(output.parts) - 1
    root = source.root.relative_to(workspace)
    tail = "".join(f' / "{part}"' for part in root.parts)
    return (
        "# The module is not installed: its directory has to be on the path.\n"
        f"sys.path.insert(0, str(Path(__file__).resolve().parents[{ups}]{tail}))"
    )
