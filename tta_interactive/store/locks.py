"""Who holds a lock on a store, as the kernel knows it: to name whoever is in the way.

SQLite locks single bytes of the shared index, the `-shm` file: 120 to write, 121 to
checkpoint, 123 to 127 to read (https://www.sqlite.org/walformat.html#locks).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

_READERS: Final = range(123, 128)


def writer(database: Path) -> int | None:
    """The process that holds the write lock, or None."""
    return next((pid for kind, pid, _ in _locks(database) if kind == "WRITE"), None)


def readers(database: Path) -> set[int]:
    """The processes in the middle of reading: while one is, the log cannot be emptied."""
    return {pid for kind, pid, byte in _locks(database) if kind == "READ" and byte in _READERS}


def _locks(database: Path) -> Iterator[tuple[str, int, int]]:
    """(kind, process, first byte) of each lock on the index."""
    try:
        inode = database.with_name(f"{database.name}-shm").stat().st_ino
        lines = Path("/proc/locks").read_text("ascii", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        fields = line.split()
        # '1: POSIX ADVISORY WRITE 4711 fe:00:1234 120 120': proc(5).
        if len(fields) > 7 and fields[5].endswith(f":{inode}"):
            yield fields[3], int(fields[4]), int(fields[6])
