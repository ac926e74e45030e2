"""Workers that were started and have not served yet: known to every process of the user.

    a client starts a worker       -> starts/PID.TICKS, with the boot and the time
    the worker has the lease, or
    is not needed                  -> its file is gone
    it died before, or ended with
    an error                       -> the file of a dead process: one start that failed
    a worker serves                -> all of them are gone

    somebody stops the worker      -> `stopped` has the time: one that was on its way then is not
                                      wanted any more, whoever started it

A process is its pid, its start time and the boot: a number that was given away again is nobody
we know. Without a worker, three failed starts mean that it dies at each: then it is tried only
now and then, and whoever asks is told in words.
"""

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tta_interactive.text import one_line

FOLDER: Final = "starts"
STOPPED: Final = "stopped"
TRIES: Final = 3
# Seconds after so many failed starts before the next one; the last for all that follow.
PAUSES: Final = (0.0, 0.5, 2.0, 10.0)
MOST_KEPT: Final = 10
LAST_WORDS: Final = 300  # characters


@dataclass(frozen=True, kw_only=True)
class Starts:
    """What became of the workers that were started since one last served."""

    on_their_way: int
    failed: int
    due_in: float
    """Seconds until the next start may be tried."""

    @property
    def are_hopeless(self) -> bool:
        """Whether it is time to say so."""
        return self.failed >= TRIES


def note(home: Path, pid: int) -> None:
    """Remember that the process was just started to be the worker."""
    facts = _stat(pid)
    if facts is None:
        return
    _, ticks = facts  # also of one that is dead already: its end is only not yet waited for
    folder = home / FOLDER
    with contextlib.suppress(OSError):  # a full disk: then nobody counts
        folder.mkdir(mode=0o700, exist_ok=True)
        flags = os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(folder / f"{pid}.{ticks}", flags, 0o600)
        try:
            os.write(fd, f"{_boot()} {time.monotonic()}\n".encode())
        finally:
            os.close(fd)


def forget_own(home: Path) -> None:
    """For a worker that came as far as the lease, whoever has it."""
    pid = os.getpid()
    with contextlib.suppress(OSError):
        (home / FOLDER / f"{pid}.{_start_ticks(pid)}").unlink()


def forget_all(home: Path) -> None:
    """For a worker that serves: whatever was wrong is mended."""
    with contextlib.suppress(OSError):
        for name in os.listdir(home / FOLDER):
            (home / FOLDER / name).unlink()


def note_stop(home: Path) -> None:
    """Remember that the worker was stopped now."""
    # Whole ticks, as the start of a process is told: who began in this very one is welcome.
    ticks = int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))
    flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with contextlib.suppress(OSError):  # a full disk: then a late one stays until it is idle
        fd = os.open(home / STOPPED, flags, 0o600)
        try:
            os.write(fd, f"{_boot()} {ticks}\n".encode())
        finally:
            os.close(fd)


def came_too_late(home: Path) -> bool:
    """Whether this process began before somebody stopped the worker of the store."""
    stopped, began = _noted_at(home / STOPPED, _boot()), _start_ticks(os.getpid())
    return stopped is not None and began is not None and began < stopped


def look(home: Path) -> Starts:
    """What became of the starts since a worker last served."""
    try:
        names = os.listdir(home / FOLDER)
    except OSError:
        return Starts(on_their_way=0, failed=0, due_in=0.0)
    boot, now = _boot(), time.monotonic()
    failed: list[tuple[float, str]] = []
    on_their_way = 0
    for name in names:
        pid, _, ticks = name.partition(".")
        at = _noted_at(home / FOLDER / name, boot)
        if at is None or not pid.isdigit():
            continue  # of an earlier boot, or none of ours
        if ticks.isdigit() and _start_ticks(int(pid)) == int(ticks):
            on_their_way += 1
        else:
            failed.append((at, name))
    failed.sort()
    for _, name in failed[:-MOST_KEPT]:
        with contextlib.suppress(OSError):
            (home / FOLDER / name).unlink()
    pause = PAUSES[min(len(failed), len(PAUSES) - 1)]
    due = failed[-1][0] + pause if failed else now
    return Starts(on_their_way=on_their_way, failed=len(failed), due_in=max(0.0, due - now))


def hopeless_words(home: Path, log: Path) -> str:
    """What to tell about a worker that dies at each start."""
    words = _last_line(log)
    said = f" Its last words: {words!r}." if words else ""
    return (
        f"The worker died at each of its last starts.{said} Your tasks are kept. Mend what is "
        f"wrong ({log} has more), then run: tta worker start"
    )


def _noted_at(file: Path, boot: str) -> float | None:
    try:
        with file.open("rb") as opened:
            said, _, at = opened.read(200).decode("ascii", "replace").partition(" ")
        return float(at) if said == boot else None
    except (OSError, ValueError):
        return None


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return "-"  # no Linux


def _start_ticks(pid: int) -> int | None:
    """When the process began, in ticks since boot; None: it is dead."""
    facts = _stat(pid)
    return None if facts is None or facts[0] in (b"Z", b"X") else facts[1]


def _stat(pid: int) -> tuple[bytes, int] | None:
    """(a process's state, when it began in ticks since boot); None: there is none.

    Source: proc(5): the fields of `stat` after the last ')' begin with field 3; 22 is the start.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[19])


def _last_line(log: Path) -> str:
    """The end of the worker's log; what stands there may be anybody's text."""
    try:
        fd = os.open(log, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        data = os.pread(fd, 4096, max(0, os.fstat(fd).st_size - 4096))
    finally:
        os.close(fd)
    lines = data.decode("utf-8", "replace").strip().splitlines()
    return one_line(lines[-1], LAST_WORDS) if lines else ""
