"""Secrets on their way to a task: one 0600 file each task, and only as long as it may run.

    the submitter's environment --> secrets/TASK --> the shim --> the task's environment

The store knows the names only. No other process opens the file; the worker deletes it when the
task is over. Standard library only: the shim, which reads it, is forked from a small process.
"""

import contextlib
import json
import os
import re
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Final

from tta_interactive.errors import InvalidRequestError

FOLDER: Final = "secrets"
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
# What programs obey must be seen in the request; ours would be overwritten anyway.
RESERVED: Final = re.compile(r"(TTA_|LD_|PYTHON|PYTEST_|GIT_)|(PATH|HOME|TMPDIR|BASH_ENV)$")
LEAST: Final = 6  # characters; shorter ones stand in innocent output too
MOST: Final = 64 * 1024
UNKNOWN_SECONDS: Final = 60.0  # a task that is just being stored is not known yet


def read_own(names: Collection[str], environment: Mapping[str, str]) -> dict[str, str]:
    """The values of variables of this process.

    Raises:
        InvalidRequestError: One is not set, or cannot be kept secret.
    """
    values: dict[str, str] = {}
    for name in names:
        if not NAME.fullmatch(name) or RESERVED.match(name):
            raise InvalidRequestError(
                f"{name!r:.80} cannot be the name of a secret. Use letters, digits and "
                "underscores, and no name that Python, the shell or tta itself obeys."
            )
        value = environment.get(name)
        if value is None:
            raise InvalidRequestError(
                f"The secret {name!r} is not set here. Set this environment variable in the "
                "process that submits."
            )
        # Blanks at its ends do not count: programs print the value without them.
        if not (len(value.strip()) >= LEAST and len(value) <= MOST):
            raise InvalidRequestError(
                f"The secret {name!r} has {len(value.strip())} characters. Only values of {LEAST} "
                f"to {MOST} can be found again in what a task prints: shorter ones stand in other "
                "words and numbers too."
            )
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidRequestError(f"The secret {name!r} is no UTF-8 text.") from None
        values[name] = value
    return values


def keep(home: Path, task_id: str, values: Mapping[str, str]) -> None:
    """Write the values down, for the task alone."""
    folder = home / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(folder / task_id, flags, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        json.dump(dict(values), file)
        file.flush()
        os.fsync(file.fileno())


def read(home: str, task_id: str) -> dict[str, str]:
    """The values for a task.

    Raises:
        OSError, ValueError: They are not there any more.
    """
    path = os.path.join(home, FOLDER, task_id)
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(fd, encoding="utf-8") as file:
        found: dict[str, str] = json.load(file)
    return found


def forget(home: Path, task_id: str) -> None:
    """Delete the values of a task; none are no mistake."""
    with contextlib.suppress(FileNotFoundError):
        (home / FOLDER / task_id).unlink()


def forget_final(home: Path, going: Callable[[Collection[str]], Mapping[str, bool]]) -> None:
    """Delete what no task needs any more: it was cancelled in the queue, or never stored.

    Args:
        home: The store's directory.
        going: Task ids -> those that are known, and whether each may still run.
    """
    try:
        names = os.listdir(home / FOLDER)
    except OSError:
        return
    if not names:
        return
    known = going(names)
    for name in names:
        if not known.get(name, _age(home / FOLDER / name) < UNKNOWN_SECONDS):
            forget(home, name)


def _age(file: Path) -> float:
    try:
        return time.time() - file.stat().st_mtime
    except OSError:
        return 0.0
