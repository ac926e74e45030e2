"""The Python that has the project's packages: ours, or another one that the task names.

Another one is asked in the sandbox, as starting it can already run code of the project's. What it
lacks of pytest and coverage is lent to it, where ours can run in it.
"""

import importlib.util
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, cast

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.reading import read_bytes
from tta_interactive.runners.testgen.steps import Bench, Step, missing_package

LEAST_PYTHON = (3, 11)
# The oldest that our plugin and our reading of reports work with.
LEAST = {"pytest": (8, 0), "coverage": (7, 0)}
# What each brings along; only coverage has parts that are compiled for one version of Python.
PARTS = {
    "pytest": ("pytest", "pluggy", "iniconfig", "packaging", "pygments"),
    "coverage": ("coverage",),
}
COMPILED = frozenset({"coverage"})
LOOK_SECONDS = 30.0
MAX_PTH = 64 * 1024
MAX_ENTRIES = 200


@dataclass(frozen=True)
class Found:
    """Where an interpreter finds a top-level module. Nothing was imported."""

    origin: str | None
    folders: tuple[str, ...] | None
    """Of a package."""

    @property
    def places(self) -> set[Path]:
        """Its files and directories."""
        named = [*(self.folders or ()), *([self.origin] if self.origin else [])]
        return {Path(place).resolve() for place in named}


@dataclass(frozen=True)
class Interpreter:
    """The Python of one task."""

    said: str
    """For commands that people type."""
    executable: str
    version: tuple[int, ...]
    path: tuple[str, ...]
    """Its `sys.path`."""
    identity: tuple[str, ...]
    """All that a result depends on."""
    is_ours: bool = True
    bench: Bench | None = field(default=None, repr=False)
    places: tuple[Path, ...] = ()
    """What it must see when it looks for a module: the workspace, and where packages lie that
    are installed in place."""

    def find(self, top: str) -> Found | None:
        """Where `import top` would lead."""
        if self.bench is None:
            return _found_here(top)
        place = self.bench.place("find")
        _, report = _look(self.bench, place, top, self.places)
        return _found((report or {}).get("found"))


def our_interpreter() -> Interpreter:
    """The one that runs this.

    Raises:
        TaskFailure: It lacks pytest or coverage.
    """
    for name in LEAST:
        if importlib.util.find_spec(name) is None:
            raise missing_package(name)
    tools = tuple(f"{name} {_ours(name)}" for name in LEAST)
    identity = (sys.version, os.path.realpath(sys.executable), sys.prefix, *tools)
    path = tuple(entry for entry in sys.path if os.path.isabs(entry))
    return Interpreter("python", sys.executable, sys.version_info[:3], path, identity)


def other_interpreter(said: str, workspace: Path, bench: Bench) -> Interpreter:
    """The one that the task names, ready to run tests in this bench.

    Args:
        said: The path of a Python or of a virtual environment, or the name of a command.
        workspace: What a relative path is relative to.
        bench: Its `python` is set to the interpreter.

    Raises:
        TaskFailure: It is none, is too old, or lacks what cannot be lent.
    """
    executable = _executable(said, workspace)
    bench.python, bench.path = str(executable), ()
    step, report = _look(bench, bench.place("look"), "", (workspace,))
    places = (workspace, *_installed_in_place(report))
    if len(places) > 1:
        step, report = _look(bench, bench.place("look"), "", places)
    version = _numbers((report or {}).get("version", ()))
    if report is None or version < LEAST_PYTHON:
        what = f"is Python {'.'.join(map(str, version))}" if version else f"{step.how}"
        raise TaskFailure(
            "bad_python",
            f"The interpreter {said!r} cannot be used: it {what}.",
            f"Give a Python {LEAST_PYTHON[0]}.{LEAST_PYTHON[1]} or newer, such as python=.venv.",
            step.output[-4000:],
        )
    tools = {str(name): str(text) for name, text in dict(report.get("tools") or {}).items()}
    path = tuple(str(entry) for entry in report.get("path", ()))
    bench.path = path
    command = (
        str(executable.relative_to(workspace))
        if executable.is_relative_to(workspace)
        else str(executable)
    )
    _lend(_lacking(tools, version, report, command), tools, bench)
    identity = (str(report.get("text")), str(executable), *map(str, sorted(tools.items())))
    return Interpreter(
        shlex.quote(command), str(executable), version, path, identity, False, bench, places
    )


def _look(
    bench: Bench, place: Path, top: str, places: Sequence[Path]
) -> tuple[Step, dict[str, Any] | None]:
    # -I: the versions before 3.11 know no -P, and are to be told from what is no Python.
    return bench.run_job(
        place, "look", {"find": top}, timeout=LOOK_SECONDS, flags=("-I",), readable=places
    )


def _installed_in_place(report: Mapping[str, Any] | None) -> list[Path]:
    """The directories that `.pth` files name: an interpreter takes in only those that it sees."""
    found: list[Path] = []
    for entry in _as_list((report or {}).get("path"))[:MAX_ENTRIES]:
        for file in sorted(Path(str(entry)).glob("*.pth"))[:MAX_ENTRIES]:
            lines = (read_bytes(file, MAX_PTH) or b"").decode("utf-8", "replace").splitlines()
            found += [Path(line) for line in lines if os.path.isabs(line) and os.path.isdir(line)]
    return found[:MAX_ENTRIES]


def _executable(said: str, workspace: Path) -> Path:
    path = Path(os.path.abspath(workspace / Path(said).expanduser()))
    for candidate in (path, path / "bin" / "python"):
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    command = shutil.which(said) if os.sep not in said else None
    if command:
        return Path(command)
    raise TaskFailure(
        "bad_python",
        f"There is no interpreter {said[:200]!r}.",
        "Give the path of a Python or of a virtual environment, such as python=.venv/bin/python.",
    )


def _lacking(
    tools: Mapping[str, str], version: Sequence[int], report: Mapping[str, Any], command: str
) -> list[str]:
    """Of pytest and coverage what is to be lent."""
    same = tuple(version[:2]) == sys.version_info[:2]
    same = same and report.get("implementation") == sys.implementation.name
    lacking = [name for name in LEAST if name not in tools]
    old = [name for name, least in LEAST.items() if name in tools and _parsed(tools[name]) < least]
    cannot = [name for name in lacking if not _ours(name) or (name in COMPILED and not same)]
    if old or cannot:
        words = [f"has {name} {tools[name]}, which is too old" for name in old]
        words += [f"has no {name}" for name in cannot]
        wanted = " ".join(
            f"'{name}>={LEAST[name][0]}.{LEAST[name][1]}'" for name in (*old, *cannot)
        )
        raise TaskFailure(
            "missing_package",
            f"The interpreter {command!r} {' and '.join(words)}.",
            f"Install it with: {shlex.quote(command)} -m pip install {wanted}",
        )
    return lacking


def _lend(lacking: Sequence[str], tools: Mapping[str, str], bench: Bench) -> None:
    """Copy what is lacking to a directory of its own: nothing that is there is hidden by it."""
    for name in lacking:
        for part in PARTS[name]:
            if part not in tools:
                _copy_distribution(part, bench.lent)


def _copy_distribution(name: str, into: Path) -> None:
    found = metadata.distribution(name)
    for file in found.files or ():
        if ".." in file.parts or "__pycache__" in file.parts:
            continue  # scripts and caches
        source = Path(str(found.locate_file(file)))
        if source.is_file():
            target = into / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def _ours(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _parsed(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())


def _numbers(value: Any) -> tuple[int, ...]:
    return tuple(part for part in _as_list(value) if isinstance(part, int))


def _found_here(top: str) -> Found | None:
    try:
        spec = importlib.util.find_spec(top)  # a top-level name: no import happens
    except (ImportError, ValueError, AttributeError):
        return None
    return as_found(spec)


def as_found(spec: ModuleSpec | None) -> Found | None:
    """What a finder of `importlib` says."""
    if spec is None:
        return None
    folders = spec.submodule_search_locations
    origin = spec.origin if spec.has_location else None
    return Found(origin, None if folders is None else tuple(folders))


def _found(said: Any) -> Found | None:
    if not isinstance(said, dict):
        return None
    facts = cast("dict[str, object]", said)
    folders, origin = facts.get("folders"), facts.get("origin")
    return Found(
        str(origin) if origin else None,
        None if folders is None else tuple(str(folder) for folder in _as_list(folders)),
    )


def _as_list(value: object) -> list[object]:
    """A list of a report, or nothing."""
    return cast("list[object]", value) if isinstance(value, list) else []
