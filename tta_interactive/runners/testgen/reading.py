"""Open what hostile code may have put there: a regular file, or nothing."""

import os
import stat
from pathlib import Path
from typing import BinaryIO


class NotRegularError(OSError):
    """A directory, a pipe or a device where a file should be."""


def open_regular(path: str | Path, *, dir_fd: int | None = None) -> BinaryIO:
    """The file, opened for reading; the last part of the path is not followed if it is a link.

    Raises:
        NotRegularError: Something else is there.
        OSError: Nothing is there, a link is there, or it may not be read.
    """
    # O_NONBLOCK: opening a FIFO must not wait for a writer.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    number = os.open(path, flags, dir_fd=dir_fd)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise NotRegularError(f"{str(path)!r} is no regular file")
    return os.fdopen(number, "rb")


def read_bytes(path: Path, most: int) -> bytes | None:
    """The bytes of a regular file of at most so many; None: there is no such file."""
    try:
        with open_regular(path) as file:
            data = file.read(most + 1)
    except OSError:
        return None
    return data if len(data) <= most else None
