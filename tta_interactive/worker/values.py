"""Variables on their way between a notebook and its tasks: files of the store.

    notebook --pickle--> values/DIGEST --read only--> the task's process
    the task's process --> io/out/NAME.FORM --shim--> attempts/TASK.1/out/NAME.FORM --> notebook

What goes to tasks is named by its content, so a data frame for a hundred tasks lies here once.
What comes back was written by the task: it is read as a stranger's, and who opens it decides
how far to trust it. The task's side is `runners.cell`, the shim's `worker.orders`.
"""

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from tta_interactive.worker.attempt import read_regular
from tta_interactive.worker.orders import FOLDER, OUT, SHOWN

FORMS: Final = ("json", "bin", "npy", "pickle")
"""How a value that comes back is written. Only the last can do more than hold data."""
MAX_SHOWN_BYTES: Final = 40 * 1024 * 1024


class NewValue:
    """A file that is being written; it gets its name when it is whole."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file = path, file
        self._digest = hashlib.blake2b(digest_size=20)

    def write(self, data: bytes | memoryview) -> None:
        """Add bytes."""
        self._digest.update(data)
        self._file.write(data)

    def keep(self) -> str:
        """Put it on the disk under its digest, and return that."""
        self._file.flush()
        os.fsync(self._file.fileno())
        name = self._digest.hexdigest()
        self._path.rename(self._path.with_name(name))
        fd = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        return name


@contextmanager
def new_value(home: Path) -> Iterator[NewValue]:
    """A new file for a value; what was not kept is gone afterwards."""
    folder = home / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{secrets.token_hex(8)}.tmp"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            yield NewValue(path, file)
    finally:
        with contextlib.suppress(FileNotFoundError):  # it was kept
            path.unlink()


def remove_old(home: Path, before: float, needed: frozenset[str]) -> None:
    """Delete files that no task names, last written before a moment (seconds since 1970)."""
    for path in _files(home / FOLDER):
        with contextlib.suppress(FileNotFoundError):
            if path.name not in needed and path.lstat().st_mtime < before:
                path.unlink()


def any_old(home: Path, before: float) -> bool:
    """Whether `remove_old` may have something to do: a cheap look."""
    for path in _files(home / FOLDER):
        with contextlib.suppress(FileNotFoundError):
            if path.lstat().st_mtime < before:
                return True
    return False


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def left_value(attempt: Path, name: str, limit: int) -> tuple[str, bytes] | None:
    """The form and the bytes of a variable that a task left; None: there is none.

    Raises:
        OSError, ValueError: It is no regular file, or larger than `limit`.
    """
    folder = attempt / OUT
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISDIR(folder.lstat().st_mode):
            raise OSError("the directory of its values is none")
    for form in FORMS:
        with contextlib.suppress(FileNotFoundError):
            return form, read_regular(str(folder / f"{name}.{form}"), limit)
    return None


def shown(attempt: Path) -> bytes | None:
    """What a task showed, as JSON that nobody has checked; None: nothing."""
    try:
        return read_regular(str(attempt / SHOWN), MAX_SHOWN_BYTES)
    except (OSError, ValueError):
        return None
