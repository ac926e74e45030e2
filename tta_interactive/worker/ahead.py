"""Which calls wait in a pool process behind another, and which of them were begun: on disk.

A call is claimed, so the store says `running`, before the process has time for it. Whether
it was begun must be known even when worker and process are killed at once: what was not is
given back to the queue, what was may not run twice. So the worker writes a line to `given`
before it hands such a call over, and the process one to `begun` before it calls it.

A call is given back only on evidence: it is in `given`, not in `begun`, and no process of
the pool lives. Neither file is synced: the kernel keeps what was written through `kill -9`.
After a power cut, and in a copy or a restored directory, the first line of `given` (boot id,
numbers of the files) does not fit any more, which makes the evidence worth nothing.
"""

import os
from pathlib import Path
from typing import Final

from tta_interactive.store.place import DATABASE

GIVEN: Final = "given"
BEGUN: Final = "begun"
FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")

Attempt = tuple[str, int]  # task id and attempt


def life_of(directory: Path) -> str:
    """What is another after a start of the machine, in a copy, and with another database.

    Raises:
        OSError: That is not known.
    """
    numbers = [(directory / BEGUN).stat().st_ino, (directory.parents[1] / DATABASE).stat().st_ino]
    return " ".join([_BOOT_ID.read_text("ascii").strip(), *map(str, numbers)])


class GivenFile:
    """The worker's file about one process."""

    def __init__(self, directory: Path) -> None:
        self._fd = os.open(directory / GIVEN, FLAGS, 0o600)
        os.write(self._fd, f"{life_of(directory)}\n".encode())

    def note(self, call: int, task_id: str, attempt: int) -> None:
        """To be called before the call is handed over."""
        os.write(self._fd, f"{call} {task_id} {attempt}\n".encode())

    def close(self) -> None:
        """Let go of it."""
        os.close(self._fd)


def open_begun(directory: Path) -> int:
    """The descriptor that the process writes the numbers of its calls to."""
    return os.open(directory / BEGUN, FLAGS, 0o600)


def never_begun(directory: Path) -> set[Attempt]:
    """The attempts that a process which is gone was given and never began, surely."""
    try:
        # What follows the last newline was not written whole: no evidence.
        life, *given = (directory / GIVEN).read_text("ascii").split("\n")[:-1]
        begun = set((directory / BEGUN).read_text("ascii").split("\n"))
        if life != life_of(directory):
            return set()
        found: set[Attempt] = set()
        for line in given:
            call, task_id, attempt = line.split(" ")
            if call not in begun:
                found.add((task_id, int(attempt)))
        return found
    except (OSError, ValueError):  # also what is empty, or no text
        return set()


def forget(directory: Path) -> None:
    """Take the evidence away, before anything else of the directory goes."""
    (directory / GIVEN).unlink(missing_ok=True)
