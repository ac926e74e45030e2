"""What a disk holds when the power goes, made from the system calls of a real process.

A disk owes nobody what was not synced. So a model of it is fed with a trace: each write waits
in a file's list until that file is synced, each new or removed name until its directory is.
An image of any moment is then built from what was synced, and of the rest nothing, or any
part of it: whole calls or single sectors of 512 bytes, in any order.

Source: fsync(2): "Calling fsync() does not necessarily ensure that the entry in the directory
containing the file has also reached disk."
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

SECTOR = 512
CALLS = "openat,write,pwrite64,fsync,fdatasync,ftruncate,unlink,unlinkat,rename,mkdir,fallocate"  # all by which our code and SQLite change files; `mmap` only of the index, which is not kept
_LINE = re.compile(r"(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_NUMBER = re.compile(r"(?:^|, )(\d+)")
Kept = Literal["nothing", "all", "some"]


@dataclass
class File:
    """One file: what is on the disk for sure, and the calls that may not be."""

    synced: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes] | int] = field(default_factory=list)
    """(offset, data), or a length that it was cut to."""

    def sync(self) -> None:
        for call in self.pending:
            apply(self.synced, call)
        self.pending.clear()

    def content(self, kept: Kept, chance: random.Random) -> bytes:
        data = bytearray(self.synced)
        for call in self.pending:
            for part in [call] if kept == "all" else _sectors(call):
                if kept == "all" or (kept == "some" and chance.random() < 0.5):
                    apply(data, part)
        return bytes(data)


def apply(data: bytearray, call: tuple[int, bytes] | int) -> None:
    """Do what a call did."""
    if isinstance(call, int):
        data.extend(bytes(max(0, call - len(data))))
        del data[call:]
        return
    offset, new = call
    data.extend(bytes(max(0, offset - len(data))))
    data[offset : offset + len(new)] = new


def _sectors(call: tuple[int, bytes] | int) -> list[tuple[int, bytes] | int]:
    if isinstance(call, int):
        return [call]
    starts = range(0, len(call[1]), SECTOR)
    return [(call[0] + start, call[1][start : start + SECTOR]) for start in starts]


class Disk:
    """The part of a disk below `base`, fed with lines of `strace -y -xx`."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._seen: dict[Path, File | None] = {}  # None: a directory
        self._synced: dict[Path, File | None] = {}
        self._pending: list[tuple[Path, File | None, bool]] = []  # name, what, is it there?
        self._open: dict[int, Path | File] = {}
        self.said = ""
        """What the process wrote to its standard output."""

    def follow(self, lines: Iterator[str]) -> Iterator[str]:
        """Read a trace; yields the name of each call that changed what is on the disk."""
        for line in lines:
            found = _LINE.match(line)
            if found is None or found[3].startswith("-"):
                continue
            name, arguments, result = found[1], found[2], int(found[3])
            handler = getattr(self, f"_{name}", None)
            if handler is not None and handler(arguments, result):
                yield name

    def image(self, to: Path, kept: Kept, chance: random.Random) -> None:
        """What is found below `base` after a power cut now, as files below `to`."""
        names = dict(self._synced)
        for path, what, is_there in self._pending:
            if kept == "all" or (kept == "some" and chance.random() < 0.5):
                names.pop(path, None)
                if is_there:
                    names[path] = what
        to.mkdir(parents=True)
        for path in sorted(names):
            what, place = names[path], to / path.relative_to(self._base)
            if not place.parent.is_dir():
                continue  # the directory that names it never reached the disk
            if what is None:
                place.mkdir(mode=0o700)
            else:
                place.write_bytes(what.content(kept, chance))

    # ---- the calls

    def _openat(self, arguments: str, fd: int) -> bool:
        path = Path(_texts(arguments)[-1].decode())
        self._open.pop(fd, None)
        if self._base not in (path, *path.parents):
            return False
        if "O_CREAT" in arguments and path not in self._seen:
            self._name(path, File())
        what = self._seen.get(path)
        self._open[fd] = path if what is None else what
        if "O_TRUNC" in arguments and what is not None:
            what.pending.append(0)
        return False

    def _write(self, arguments: str, count: int) -> bool:
        fd, data = _first(arguments), _texts(arguments)[-1][:count]
        if fd == 1:
            self.said += data.decode()
            return True
        what = self._open.get(fd)
        if isinstance(what, File):
            # Our code writes a file from its beginning to its end.
            end = len(what.content("all", random.Random()))
            what.pending.append((end, data))
        return False

    def _pwrite64(self, arguments: str, count: int) -> bool:
        what = self._open.get(_first(arguments))
        if isinstance(what, File):
            offset = int(arguments.rpartition(", ")[2])
            what.pending.append((offset, _texts(arguments)[-1][:count]))
        return False

    def _ftruncate(self, arguments: str, _: int) -> bool:
        what = self._open.get(_first(arguments))
        if isinstance(what, File):
            what.pending.append(int(arguments.rpartition(", ")[2]))
        return False

    def _fallocate(self, arguments: str, _: int) -> bool:
        raise AssertionError(f"the model knows no fallocate: {arguments}")

    def _fsync(self, arguments: str, _: int) -> bool:
        what = self._open.get(_first(arguments))
        if isinstance(what, File):
            what.sync()
        elif what is not None:
            rest: list[tuple[Path, File | None, bool]] = []
            for path, new, is_there in self._pending:
                if path.parent != what:
                    rest.append((path, new, is_there))
                elif is_there:
                    self._synced[path] = new
                else:
                    self._synced.pop(path, None)
            self._pending = rest
        return what is not None

    _fdatasync = _fsync

    def _mkdir(self, arguments: str, _: int) -> bool:
        path = Path(_texts(arguments)[0].decode())
        if self._base in path.parents:
            self._name(path, None)
        return False

    def _unlink(self, arguments: str, _: int) -> bool:
        path = Path(_texts(arguments)[-1].decode())
        if path in self._seen:
            self._pending.append((path, self._seen.pop(path), False))
        return False

    _unlinkat = _unlink

    def _rename(self, arguments: str, _: int) -> bool:
        old, new = (Path(text.decode()) for text in _texts(arguments))
        if old in self._seen:
            what = self._seen.pop(old)
            self._pending.append((old, what, False))
            self._name(new, what)
        return False

    def _name(self, path: Path, what: File | None) -> None:
        self._seen[path] = what
        self._pending.append((path, what, True))


def _texts(arguments: str) -> list[bytes]:
    return [bytes.fromhex(text.replace(r"\x", "")) for text in _TEXT.findall(arguments)]


def _first(arguments: str) -> int:
    found = _NUMBER.match(arguments)
    assert found is not None, arguments[:100]
    return int(found[1])
