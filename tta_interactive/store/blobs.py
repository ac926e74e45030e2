"""Texts that are too large for a row: files beside the database.

A row then holds '@' and the file's name, which no JSON text begins with. A file and its name are
on the disk before the row that names it is committed, so a name always leads to a whole file.
"""

import os
import re
from pathlib import Path
from typing import Final

from tta_interactive.errors import StoreDamagedError
from tta_interactive.store.place import sync_directory

MAX_ROW_BYTES: Final = 64 * 1024
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}\.[a-z]{1,10}(\.\d{1,6})?")


def put(folder: Path, name: str, text: str) -> str:
    """What to write into the row: the text itself, or a reference to a new file."""
    data = text.encode()
    if len(data) <= MAX_ROW_BYTES:
        return text
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(path, flags, 0o600)
    try:
        with open(fd, "wb", closefd=False) as file:
            file.write(data)
        os.fsync(fd)
    finally:
        os.close(fd)
    sync_directory(folder)
    return f"@{name}"


def older_than(folder: Path, moment: float) -> list[str]:
    """The names of files last written before `moment`, in seconds since 1970."""
    if not folder.is_dir():
        return []  # no store yet
    with os.scandir(folder) as entries:
        return [e.name for e in entries if _NAME.fullmatch(e.name) and _written_at(e) < moment]


def _written_at(entry: "os.DirEntry[str]") -> float:
    try:
        return entry.stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return float("inf")  # its task was removed meanwhile


def is_reference(text: str) -> bool:
    """Whether the row's text names a file."""
    return text.startswith("@")


def get(folder: Path, text: str) -> str:
    """The text that a row means."""
    if not is_reference(text):
        return text
    name = text[1:]
    if not _NAME.fullmatch(name):
        raise StoreDamagedError(f"The store names an impossible file, {name[:80]!r}.")
    try:
        fd = os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        with open(fd, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise StoreDamagedError(
            f"The file {name!r} of the store cannot be read: {error.strerror}. "
            "What it held is lost; submit the task again."
        ) from error
