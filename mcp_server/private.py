"""Files that only the user can have written: what stands in them decides what others may do."""

import os
import stat
from pathlib import Path
from typing import Final

from tta_interactive.errors import UnsafePlaceError

MAX_BYTES: Final = 64 * 1024


def private_text(path: Path, what: str, remedy: str) -> tuple[str, os.stat_result]:
    """The text of a private file, at most its first 64 KiB, and its state when it was read.

    Args:
        path: No link at its end is followed.
        what: What the file is, for people.
        remedy: What to do where it is not private.

    Raises:
        UnsafePlaceError: It cannot be read, is no plain file, or others may read or change it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UnsafePlaceError(
            f"The {what} {str(path)!r} cannot be read: {error.strerror}. Name a private file of "
            "yours, or take it away."
        ) from None
    try:
        status = os.fstat(descriptor)
        is_private = status.st_uid == os.geteuid() and not status.st_mode & 0o077
        if not stat.S_ISREG(status.st_mode) or not is_private:
            raise UnsafePlaceError(
                f"The {what} {str(path)!r} is not a private file of yours. {remedy}"
            )
        return os.read(descriptor, MAX_BYTES).decode(errors="replace"), status
    finally:
        os.close(descriptor)
