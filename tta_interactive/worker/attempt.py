"""What one attempt is to do, and what came of it: two values that cross processes.

Standard library only: the zygote forks these modules hundreds of times a second.
"""

import contextlib
import errno
import json
import math
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

Child = Literal["python", "call", "kind"]
Status = Literal["completed", "failed", "cancelled"]

LONGEST_TIMEOUT = 10 * 365 * 86400.0  # as the task's model: nobody waits longer
LARGEST_SPEC = 64 * 1024 * 1024  # bytes; a pickled callable has at most 8 MiB
OUTCOME_FILE = "outcome.json"
LOCK_FILE = "lock"


@dataclass(frozen=True, kw_only=True)
class AttemptSpec:
    """One attempt, as the worker hands it over. Exactly one of `argv` and `child` is set."""

    task_id: str
    attempt: int
    kind: str
    argv: tuple[str, ...] | None = None
    child: Child | None = None
    payload: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """For the children `python` and `call`."""
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """For the child `kind`."""
    python: str = ""
    """Path of the interpreter; empty: the zygote's own."""
    workspace: str
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    timeout: float | None = None
    """Wall-clock seconds."""
    grace: float = 2.0
    """Seconds between the polite signal and the other one."""
    sandbox: int = 1
    """The least level wanted: a `SandboxLevel` value."""
    contains_itself: bool = False
    network: bool = False
    directory: str
    """The attempt's private directory; holds the lock, the log and the outcome."""
    state: str
    """The directory of the store, which no sandboxed task may see."""
    max_log_bytes: int = 64 * 1024 * 1024
    max_result_bytes: int = 16 * 1024 * 1024
    max_value_bytes: int = 512 * 1024 * 1024
    """Of each variable that a Python task carries back."""
    successor: tuple[str, ...] = ()
    """The command that starts a new worker, should this one die."""
    min_free: int = 0
    """Bytes that must stay free on the disks of the workspace and of the store; 0: any."""
    has_secrets: bool = False
    """Whether the store's directory holds values for this task alone."""
    inherit: int = 0
    """How many extra descriptors go to the child; it then dies with the worker."""

    @property
    def wants_sandbox(self) -> bool:
        """Whether it matters what sandbox there is. A kind that contains its steps itself takes the
        best, unless it is told to do without."""
        least = 1 if self.contains_itself else 2  # `LIMITS`, `LANDLOCK`
        return self.sandbox >= least

    def __post_init__(self) -> None:
        if (self.argv is None) == (self.child is None):
            raise ValueError("An attempt needs either argv or child.")
        if self.argv is not None and not self.argv:
            raise ValueError("The command is empty.")
        if self.timeout is not None and not 0 < self.timeout <= LONGEST_TIMEOUT:
            raise ValueError(f"The timeout is {self.timeout!r}. Give seconds over 0, or None.")
        if not (math.isfinite(self.grace) and self.grace >= 0):
            raise ValueError(f"The grace is {self.grace!r}. Give seconds of at least 0.")
        for name in ("workspace", "directory", "state"):
            if not os.path.isabs(getattr(self, name)):
                raise ValueError(f"{name} is {getattr(self, name)!r}. Give an absolute path.")

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The spec that `to_json` wrote.

        Raises:
            ValueError, TypeError: It is no spec.
        """
        argv = values.get("argv")
        facts: dict[str, Any] = {**values, "argv": None if argv is None else tuple(argv)}
        facts["successor"] = tuple(values.get("successor", ()))
        return cls(**facts)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an attempt ended."""

    status: Status
    result: Any = None
    error: Mapping[str, str] | None = None
    """`code`, `message`, `remedy`, `detail`, for a failed attempt."""
    exit_code: int | None = None
    signal: int | None = None
    """The number of the signal that ended the task's first process."""
    duration: float = 0.0
    """Seconds from start to the end of its last process."""
    log_bytes: int = 0
    """How much it printed."""
    log_dropped: int = 0
    """How much of that is not in the log."""
    survivors: tuple[int, ...] = ()
    """Processes of the task that could not be killed; normally none."""

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The outcome that `to_json` wrote."""
        facts: dict[str, Any] = {**values, "survivors": tuple(values.get("survivors", ()))}
        return cls(**facts)


def failure(code: str, message: str, remedy: str = "", detail: str = "") -> dict[str, str]:
    """An `Outcome.error`."""
    return {"code": code, "message": message, "remedy": remedy, "detail": detail}


def write_outcome(directory: str, outcome: Outcome, *, synced: bool) -> None:
    """Keep the outcome so that it survives this process and the worker's.

    Args:
        directory: The attempt's.
        outcome: What came of it.
        synced: Whether it must survive a power cut too. Not where a worker hears it in the
            same moment and commits it: without the file, an attempt that a power cut
            interrupts there is lost, as one that it interrupts a moment earlier. It is never
            begun twice for that, and nobody was told of an end that is not in the store.
            The kernel keeps the file through any kill.
    """
    path = os.path.join(directory, OUTCOME_FILE)
    temporary = path + ".tmp"
    # Unlinked first and made with O_EXCL: what lies there may be a task's symbolic link.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        data = memoryview(json.dumps(outcome.to_json(), allow_nan=False).encode())
        while data:
            data = data[os.write(fd, data) :]
        if synced:
            os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(temporary, path)


def read_outcome(directory: str) -> Outcome | None:
    """The outcome kept in `directory`; None if there is none (yet), or none that can be read."""
    try:
        data = read_regular(os.path.join(directory, OUTCOME_FILE), LARGEST_SPEC)
        return Outcome.from_json(json.loads(data))
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def read_regular(path: str, limit: int) -> bytes:
    """The bytes of a file that a task may have put there.

    Raises:
        FileNotFoundError: There is none.
        OSError: It is a link, a pipe or a device.
        ValueError: It is larger than `limit`.
    """
    # O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "no regular file", path)
        if found.st_size > limit:
            raise ValueError(f"it has {found.st_size:,} bytes; allowed are {limit:,}")
        parts: list[bytes] = []
        left = limit + 1
        while left and (part := os.read(fd, min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
        if not left:
            raise ValueError(f"it has more than {limit:,} bytes")
        return b"".join(parts)
    finally:
        os.close(fd)
