"""Make a file of tests look as the project's own files do: ruff sorts and lays it out.

Ruff only parses, so this may happen outside of the sandbox. The text goes in by standard input
under the name of the output file: the settings that hold for that file hold for the tests.
"""

import ast
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

SECONDS = 20.0
MISSING = (
    "The file is not formatted, as ruff is not installed where the tests were made. "
    'Install it with: pip install "tta-interactive[tests]".'
)
REFUSED = "The file is not formatted: ruff does not take it, or the project's settings for ruff."
SETTINGS = (".ruff.toml", "ruff.toml", "pyproject.toml")
SORT = ("check", "--select", "I,F401", "--fix-only", "--unfixable", "I002", "--exit-zero")
LAY_OUT = ("format",)
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def layout_settings(output: Path, workspace: Path) -> list[Path]:
    """Every file that could hold ruff's settings for the output, nearest first."""
    folder = (workspace / output).parent
    return [place / name for place in (folder, *folder.parents) for name in SETTINGS]


def tidied(text: str, output: Path, workspace: Path) -> tuple[str, str]:
    """(the text as ruff formats it, a note if it could not).

    Args:
        text: A whole file of Python.
        output: Where it will stand, relative to the workspace.
        workspace: Where the project's settings are looked for.
    """
    if not _has_ruff():
        return text, MISSING
    for own_settings in (True, False):
        done = text
        for step in (SORT, LAY_OUT):
            made = _ruff(step, done, output, workspace, own_settings=own_settings)
            if made is None:
                break
            done = made
        else:
            return done, ""
    return text, REFUSED


def _has_ruff() -> bool:
    try:
        return find_spec("ruff") is not None
    except ValueError:  # something stands in its place
        return False


def _ruff(
    step: tuple[str, ...], text: str, output: Path, workspace: Path, *, own_settings: bool
) -> str | None:
    settings = [] if own_settings else ["--isolated"]
    command = [
        sys.executable, "-P", "-m", "ruff", *step, *settings,
        "--quiet", "--no-cache", "--stdin-filename", str(workspace / output), "-",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command,
            cwd=workspace,
            input=text.encode(errors="replace"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError):
        return None
    made = done.stdout.decode("utf-8", "replace")
    if done.returncode or not is_the_same(text, made):
        return None
    return made


def is_the_same(text: str, made: str) -> bool:
    """Whether the same tests stand in it: settings may ask for anything."""
    try:
        before, after = ast.parse(text), ast.parse(made)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return _without_imports(before) == _without_imports(after)


def _without_imports(tree: ast.Module) -> list[str]:
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]  # their blanks are laid out too
    kinds = (ast.Import, ast.ImportFrom)
    return [ast.dump(node) for node in tree.body if not isinstance(node, kinds)]
