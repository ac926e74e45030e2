"""The output of attempts, in the attempt's directory under the store."""

import shutil
from contextlib import suppress
from pathlib import Path

from tta_interactive.worker.attempt import LOCK_FILE
from tta_interactive.worker.pump import read_log, read_log_from
from tta_interactive.worker.sweep import held


def attempt_directory(home: Path, task_id: str, attempt: int) -> Path:
    """Where everything of one attempt lies."""
    return home / "attempts" / f"{task_id}.{attempt}"


def read(home: Path, task_id: str, attempt: int, max_bytes: int) -> bytes:
    """The newest output of an attempt, about `max_bytes` at most; empty if there is none."""
    return read_log(str(attempt_directory(home, task_id, attempt)), max_bytes)


def read_from(
    home: Path, task_id: str, attempt: int, offset: int, max_bytes: int
) -> tuple[bytes, int]:
    """Output from byte `offset` on, and the offset to go on from."""
    return read_log_from(str(attempt_directory(home, task_id, attempt)), offset, max_bytes)


def remove(home: Path, task_id: str, attempts: int) -> None:
    """Delete what all attempts of a task left."""
    for attempt in range(1, attempts + 1):
        shutil.rmtree(attempt_directory(home, task_id, attempt), ignore_errors=True)


def ids_of_old(home: Path, moment: float) -> dict[str, list[Path]]:
    """Task id -> directories of its attempts that were last written before `moment`."""
    found: dict[str, list[Path]] = {}
    for directory in (home / "attempts").iterdir():
        with suppress(FileNotFoundError):  # removed meanwhile
            if directory.lstat().st_mtime < moment:
                found.setdefault(directory.name.partition(".")[0], []).append(directory)
    return found


def remove_directory(directory: Path) -> None:
    """Delete what an attempt left, unless something of it lives."""
    if not held(str(directory / LOCK_FILE)):
        shutil.rmtree(directory, ignore_errors=True)
