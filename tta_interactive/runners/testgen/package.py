"""Which modules of a package are worth tests, in which order, and where their tests go.

Everything is read, nothing is imported. Links are not followed, neither to files nor to
directories. What is left out is named, with the reason.
"""

import ast
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.module import Source, find_module, inside

MAX_FILES: Final = 5000  # more is no package but a disk
MAX_DEPTH: Final = 40
NO_CODE: Final = frozenset({"__pycache__", "node_modules", "site-packages", "build", "dist"})
TEST_FOLDERS: Final = frozenset({"test", "tests", "testing"})
TEST_FILE: Final = re.compile(r"test_.*|.*_test|conftest")
PROGRAMS: Final = frozenset({"__main__", "setup", "noxfile", "fabfile", "manage"})


@dataclass(frozen=True)
class Module:
    """A module that is worth tests."""

    source: Source
    path: str
    """Relative to the workspace."""
    value: int
    """Statements that run only when something is called: what tests can gain."""
    statements: int
    """All of them."""


@dataclass(frozen=True)
class Survey:
    """What was found in a directory."""

    modules: list[Module]
    """The most valuable first."""
    skipped: list[tuple[str, str]]
    """(path, why) of files that no test is made for."""


def is_package(module_path: str, workspace: Path) -> bool:
    """Whether a directory is meant, and not one module."""
    place = workspace / module_path
    return not module_path.endswith(".py") and place.is_dir() and not place.is_symlink()


def survey(module_path: str, workspace: Path) -> Survey:
    """The modules below a directory of the workspace.

    Raises:
        TaskFailure: It leads out of the workspace, is too large, or holds nothing to test.
    """
    folder = workspace
    if os.path.normpath(workspace / module_path) != os.path.normpath(workspace):
        for part in inside(module_path, workspace).parts:
            folder = folder / part
            if folder.is_symlink():
                raise TaskFailure(
                    "bad_path",
                    f"The directory {module_path[:200]!r} is reached over a symbolic link.",
                    "Name the directory itself: links are not followed.",
                )
    modules: list[Module] = []
    skipped: list[tuple[str, str]] = []
    for path in _files(folder, workspace):
        why = _not_for_tests(path)
        if why is None:
            try:
                found = _valued(str(path), workspace)
            except TaskFailure as failure:
                why = failure.message
            else:
                why = None if found.value else "it has no function whose body could be tested"
                modules += [found] if found.value else []
        if why is not None:
            skipped.append((str(path), why))
    if not modules:
        raise TaskFailure(
            "nothing_to_test",
            f"The directory {module_path[:200]!r} holds no module with functions to test.",
            "Name a directory that holds Python modules.",
            "\n".join(f"{path}: {why}" for path, why in skipped),
        )
    modules.sort(key=lambda module: (-module.value, module.path))
    return Survey(modules, skipped)


def outputs(modules: list[Module], folder: str) -> dict[str, str]:
    """A test file for each module's path, no two the same.

    Args:
        modules: All that get one.
        folder: Where the files go, in the workspace.
    """
    taken: set[str] = set()
    found: dict[str, str] = {}
    for module in sorted(modules, key=lambda module: module.path):
        stem = "_".join(part.strip("_") or "module" for part in module.source.name.split("."))
        number, name = 1, stem
        while name.casefold() in taken:  # a.b_c and a_b.c; or two that differ in case only
            number += 1
            name = f"{stem}_{number}"
        taken.add(name.casefold())
        found[module.path] = str(Path(folder) / f"test_{name}.py")
    return found


def describe_all(modules: list[Module], files: Mapping[str, str]) -> list[dict[str, JsonValue]]:
    """What the summary needs to know of each module; `step` is a short name of its own."""
    found: dict[str, dict[str, JsonValue]] = {}
    for module in modules:
        stem = module.source.name[-70:].strip("._") or "module"
        number, name = 1, stem
        while name in found:
            number += 1
            name = f"{stem} {number}"
        found[name] = {
            "step": name,
            "module": module.source.name,
            "module_path": module.path,
            "output_path": files[module.path],
            "statements": module.statements,
        }
    return list(found.values())


def _files(folder: Path, workspace: Path) -> Iterator[Path]:
    """The Python files below, in order of their names, relative to the workspace."""
    pending = [(folder, 0)]
    count = 0
    while pending:
        place, depth = pending.pop()
        try:
            with os.scandir(place) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise TaskFailure(
                "bad_path",
                f"The directory {str(place.relative_to(workspace))[:200]!r} cannot be read "
                f"({error.strerror}).",
                "Check its permissions.",
            ) from None
        below: list[tuple[Path, int]] = []
        for entry in found:
            if entry.is_dir(follow_symlinks=False):
                if _is_code_folder(entry) and depth < MAX_DEPTH:
                    below.append((place / entry.name, depth + 1))
            elif entry.name.endswith(".py") and entry.is_file(follow_symlinks=False):
                count += 1
                yield (place / entry.name).relative_to(workspace)
            if count > MAX_FILES:
                raise TaskFailure(
                    "too_large",
                    f"The directory holds more than {MAX_FILES:,} Python files.",
                    "Name a package inside it.",
                )
        pending += reversed(below)


def _is_code_folder(entry: os.DirEntry[str]) -> bool:
    name = entry.name
    if name.startswith(".") or name in NO_CODE or name in TEST_FOLDERS:
        return False
    return not os.path.lexists(os.path.join(entry.path, "pyvenv.cfg"))


def _not_for_tests(path: Path) -> str | None:
    if TEST_FILE.fullmatch(path.stem):
        return "it holds tests itself"
    if path.stem in PROGRAMS:
        return "it is a program and no module"
    return None


def _valued(path: str, workspace: Path) -> Module:
    source = find_module(path, workspace)
    every, inner = _statements(ast.parse(source.text))
    return Module(source, path, len(inner), len(every))


def _statements(tree: ast.Module) -> tuple[set[int], set[int]]:
    """The lines that statements begin on, and those of them in the body of a function."""
    every: set[int] = set()
    inner: set[int] = set()
    pending: list[tuple[ast.AST, bool]] = [(tree, False)]
    while pending:  # without recursion: source may be nested deep
        node, is_called = pending.pop()
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.stmt) and not is_text:
            every.add(node.lineno)
            if is_called:
                inner.add(node.lineno)
        if isinstance(node, ast.Lambda):
            inner.add(node.lineno)
        is_called = is_called or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        pending += [(child, is_called) for child in ast.iter_child_nodes(node)]
    return every, inner
