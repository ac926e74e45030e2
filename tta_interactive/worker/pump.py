"""A task's output: from a pipe into files of bounded size, and back to a reader.

    <directory>/log          the first half of what may be kept, as printed
    <directory>/log.tail.0   the older, and
    <directory>/log.tail.1   the newest part of the rest; each begins with a line that says
                             where in the whole output it begins, and holds a quarter at most

A full newest part is renamed over the older one, so a reader that has a part open keeps it.
Nothing is parsed, so lines of any length and any bytes go through; memory is one block.
"""

import contextlib
import fcntl
import os
from dataclasses import dataclass

from tta_interactive.worker.redact import Redactor

HEAD = "log"
OLDER, NEWEST = "log.tail.0", "log.tail.1"
BLOCK = 256 * 1024
PIPE_BYTES = 1024 * 1024  # fewer wake-ups for a task that prints much; the kernel may refuse
START_DIGITS = 20  # of a 64-bit number
START_BYTES = START_DIGITS + 1
BLOCKS_AT_ONCE = 64  # then other events get a turn
END_OF_FILE = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class LogFile:
    """The log of `directory`, being written: the first and the last `max_bytes / 2`."""

    def __init__(self, directory: str, max_bytes: int) -> None:
        self._directory = directory
        self._head_room = max_bytes // 2
        self._part_bytes = max(1, max_bytes // 4)
        self._part_room = 0
        self._out: int | None = None
        self._in_tail = False
        self._newest = HEAD
        self._broken = False
        self.total = 0
        self.kept = 0

    def close(self) -> None:
        """Close the file; nothing can be kept any more."""
        if self._out is not None:
            os.close(self._out)
            self._out = None
        self._broken = True

    def keep(self, block: memoryview) -> None:
        """Append bytes, or count them where no more may be kept."""
        while block:
            if self._broken:
                self.total += len(block)
                return
            try:
                count = os.write(self._file(), block[: self._room()])
            except OSError as error:
                # The disk is full, or the directory is gone: the task goes on without a log.
                self._broken = True
                self._say_that_it_ends(error.strerror or str(error))
                continue
            self._took(count)
            block = block[count:]

    def _say_that_it_ends(self, reason: str) -> None:
        """Write a note over the last bytes: where the disk is full, there is room for no more."""
        note = b"\n[... the rest could not be kept: %s ...]\n" % reason.encode()
        try:
            fd = os.open(os.path.join(self._directory, self._newest), END_OF_FILE)
            try:
                first = 0 if self._newest == HEAD else START_BYTES
                size = os.fstat(fd).st_size
                start = max(first, size - len(note))
                os.pwrite(fd, note, start)
                self.kept -= max(0, size - start)
            finally:
                os.close(fd)
        except OSError:
            pass  # not even that

    def _room(self) -> int:
        return self._part_room if self._in_tail else self._head_room

    def _took(self, count: int) -> None:
        self.total += count
        self.kept += count
        if self._in_tail:
            self._part_room -= count
        else:
            self._head_room -= count

    def _file(self) -> int:
        """The file that takes the next bytes; made when the first byte comes."""
        if self._room() > 0:
            if self._out is None:
                self._out = os.open(os.path.join(self._directory, HEAD), NEW_FILE, 0o600)
            return self._out
        if self._out is not None:
            os.close(self._out)
            self._out = None
        newest = os.path.join(self._directory, NEWEST)
        if self._in_tail:
            older = os.path.join(self._directory, OLDER)
            with contextlib.suppress(FileNotFoundError):
                self.kept -= os.stat(older).st_size - START_BYTES
            os.rename(newest, older)
            self._newest = OLDER
        self._in_tail = True
        self._out = os.open(newest, NEW_FILE, 0o600)
        self._newest = NEWEST
        self._part_room = self._part_bytes
        os.write(self._out, b"%0*d\n" % (START_DIGITS, self.total))
        return self._out


class Pump:
    """Moves bytes from `fd`, the reading end of a pipe, into the log of `directory`."""

    def __init__(
        self, fd: int, directory: str, max_bytes: int, redactor: Redactor | None = None
    ) -> None:
        self._fd = fd
        self._log = LogFile(directory, max_bytes)
        self._redactor = redactor
        os.set_blocking(fd, False)
        with contextlib.suppress(OSError):  # over the user's limit: the default size works too
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    @property
    def total(self) -> int:
        """How many bytes were printed."""
        return self._log.total

    @property
    def dropped(self) -> int:
        """How many bytes were printed but are not in the log."""
        return self._log.total - self._log.kept

    def move(self) -> bool:
        """Move what is there, a bounded amount. Whether more may come."""
        for _ in range(BLOCKS_AT_ONCE):
            try:
                block = os.read(self._fd, BLOCK)
            except BlockingIOError:
                return True
            if not block:
                return False
            if self._redactor is not None:
                block = self._redactor.feed(block)
            self._log.keep(memoryview(block))
        return True

    def close(self) -> None:
        """Close the pipe and the log."""
        os.close(self._fd)
        if self._redactor is not None:
            self._log.keep(memoryview(self._redactor.flush()))
        self._log.close()


@dataclass(frozen=True)
class _Part:
    """Bytes `start` to `end` of the whole output, found in the open file `fd` from `skip` on."""

    fd: int
    skip: int
    start: int
    end: int

    def read(self, start: int, end: int) -> bytes:
        pieces: list[bytes] = []
        while start < end:
            piece = os.pread(self.fd, end - start, self.skip + start - self.start)
            if not piece:
                break
            pieces.append(piece)
            start += len(piece)
        return b"".join(pieces)


def _open_part(directory: str, name: str) -> _Part | None:
    try:
        fd = os.open(os.path.join(directory, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    size = os.fstat(fd).st_size
    if name == HEAD:
        return _Part(fd, 0, 0, size)
    start = os.pread(fd, START_DIGITS, 0)
    if len(start) < START_DIGITS or not start.isdigit() or size < START_BYTES:
        os.close(fd)  # made a moment ago
        return None
    return _Part(fd, START_BYTES, int(start), int(start) + size - START_BYTES)


def _open_parts(directory: str) -> list[_Part]:
    """The parts of a log, in order. The older one is opened last: it may have been renamed
    from the newest meanwhile, and then it is the same part, which is left out."""
    found = [_open_part(directory, name) for name in (HEAD, NEWEST, OLDER)]
    parts: list[_Part] = []
    for part in sorted((p for p in found if p is not None), key=lambda p: p.start):
        if parts and part.start < parts[-1].end:
            os.close(part.fd)
        else:
            parts.append(part)
    return parts


def log_size(directory: str) -> int:
    """How many bytes were printed so far, kept or not (but for a log that could not be kept)."""
    parts = _open_parts(directory)
    for part in parts:
        os.close(part.fd)
    return parts[-1].end if parts else 0


def read_log_from(directory: str, offset: int, limit: int) -> tuple[bytes, int]:
    """Output from byte `offset` of the whole on: for a reader that follows.

    Returns:
        (at most about `limit` bytes, the offset to go on from). A hole is said in words.
    """
    parts = _open_parts(directory)
    try:
        pieces: list[bytes] = []
        for part in parts:
            if part.end <= offset or limit <= 0:
                continue
            if part.start > offset:
                pieces.append(_hole(part.start - offset))
                offset = part.start
            piece = part.read(offset, min(part.end, offset + limit))
            pieces.append(piece)
            offset += len(piece)
            limit -= len(piece)
        return b"".join(pieces), offset
    finally:
        for part in parts:
            os.close(part.fd)


def read_log(directory: str, tail_bytes: int | None = None) -> bytes:
    """The log as kept: head, a line that says what was left out, tail. HOSTILE bytes.

    Args:
        tail_bytes: Only the newest so many bytes; None: all.
    """
    parts = _open_parts(directory)
    try:
        pieces: list[bytes] = []
        left = tail_bytes if tail_bytes is not None else 1 << 62
        later: int | None = None
        for part in reversed(parts):
            if left <= 0:
                break
            if later is not None and part.end < later:
                pieces.append(_hole(later - part.end))
            start = max(part.start, part.end - left)
            piece = part.read(start, part.end)
            pieces.append(piece)
            left -= len(piece)
            later = part.start
        return b"".join(reversed(pieces))
    finally:
        for part in parts:
            os.close(part.fd)


def _hole(count: int) -> bytes:
    return b"\n[... %d bytes left out ...]\n" % count
