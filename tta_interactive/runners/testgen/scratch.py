"""Copy what the module needs to scratch: its package first, then its project, within bounds.

Only regular files and directories are copied; links, sockets and devices stay behind. The walk
goes by descriptors, so that a name which turns into a link on the way leads nowhere.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.module import Source
from tta_interactive.runners.testgen.reading import open_regular

MAX_TOTAL = 128 * 1024 * 1024
MAX_FILE = 16 * 1024 * 1024
MAX_FILES = 20_000
# Beside everything hidden: `.git` and `.venv`, and in a home that is the workspace its secrets.
SKIPPED = frozenset({"venv", "node_modules", "__pycache__", "build", "dist"})


@dataclass
class Copied:
    """What was copied."""

    root: Path
    """The copy of `Source.root`."""
    file: Path
    """The copy of the module."""
    files: int = 0
    size: int = 0
    is_whole: bool = True
    """Whether all of the project is there: large ones are cut."""


def copy_project(source: Source, into: Path, without: Iterable[Path] = ()) -> Copied:
    """Copy the module's package and, within bounds, the rest of its project.

    Args:
        source: The module.
        into: An empty directory.
        without: Directories that stay behind wherever they lie: the task store.

    Raises:
        TaskFailure: The package alone is too large.
    """
    copied = Copied(root=into, file=into / source.relative)
    skipped = frozenset(os.path.realpath(place) for place in without)
    package = source.relative.parts[0] if len(source.relative.parts) > 1 else ""
    if package:
        _copy_tree(source.root / package, into / package, copied, skipped)
        if not copied.is_whole:
            raise TaskFailure(
                "too_large",
                f"The package {package!r} is too large to copy: over {MAX_TOTAL // 1024**2} MiB or "
                f"{MAX_FILES} files.",
                "Move its data out of the package.",
            )
    if source.in_workspace:
        own = {os.path.realpath(source.root / package)} if package else set[str]()
        _copy_tree(source.root, into, copied, skipped | own)
    copied.file.parent.mkdir(parents=True, exist_ok=True)
    # What was read and checked is what is tested, even if the file has changed since.
    copied.file.write_bytes(source.data)
    return copied


def _copy_tree(base: Path, into: Path, copied: Copied, skipped: frozenset[str]) -> None:
    for folder, names, folder_fd in _walk(base, skipped):
        target = into / folder
        target.mkdir(parents=True, exist_ok=True)
        for name in names:
            if copied.files >= MAX_FILES or copied.size >= MAX_TOTAL:
                copied.is_whole = False
                return
            size = _copy_file(name, folder_fd, target / name)
            if size is not None:
                copied.files += 1
                copied.size += size


def _walk(base: Path, skipped: frozenset[str]) -> Iterator[tuple[Path, list[str], int]]:
    """(directory below base, names of files, descriptor), Python files first in each."""
    for path, folders, files, descriptor in os.fwalk(base, follow_symlinks=False):
        here = Path(path).relative_to(base)
        folders[:] = sorted(
            name
            for name in folders
            if name not in SKIPPED
            and not name.startswith(".")
            and not name.endswith(".egg-info")
            and os.path.realpath(os.path.join(path, name)) not in skipped
            and not _is_environment(descriptor, name)
        )
        yield here, sorted(files, key=lambda name: (not name.endswith(".py"), name)), descriptor


def _is_environment(descriptor: int, name: str) -> bool:
    """Whether the directory is a virtual environment, whatever its name is."""
    try:
        os.stat(f"{name}/pyvenv.cfg", dir_fd=descriptor, follow_symlinks=False)
    except OSError:
        return False
    return True


def _copy_file(name: str, folder: int, target: Path) -> int | None:
    """The size of what was copied; None: it is not for us."""
    if name.startswith(".") or name.endswith((".pyc", ".pyo")):
        return None
    try:
        with open_regular(name, dir_fd=folder) as file:
            data = file.read(MAX_FILE + 1)
    except OSError:
        return None
    if len(data) > MAX_FILE:
        return None
    target.write_bytes(data)
    return len(data)
