"""Who asked for what, and what was decided: one JSON line each, only ever appended.

The file lies in the store's directory, which no sandboxed task can see. It holds a hash of the
arguments, not the arguments: those are in the task, and may be private.
"""

import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tta_interactive.errors import UnsafePlaceError

FILE_NAME: Final = "audit.log"


class AuditLog:
    """The audit file of one store. Many processes may append at once."""

    def __init__(self, home: Path, *, who: str, transport: str) -> None:
        self._path = home / FILE_NAME
        self._who, self._transport = who, transport

    def write(self, decision: str, *, tool: str, durable: bool = True, **facts: object) -> None:
        """Append one line, by default waiting until it is on the disk.

        Args:
            decision: `allowed`, `refused`, `submitted`, ...
            tool: The tool that was called.
            durable: Whether the line must outlive a power cut; else only our own end.
            facts: More, as JSON.

        Raises:
            UnsafePlaceError: The file is not a plain file of our own.
            OSError: The disk does not take it.
        """
        entry = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "who": self._who,
            "transport": self._transport,
            "tool": tool,
            "decision": decision,
            **facts,
        }
        line = json.dumps(entry).encode() + b"\n"  # ASCII: no text can break a line
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, 0o600)
        try:
            status = os.fstat(descriptor)
            if status.st_uid != os.geteuid() or status.st_nlink != 1 or status.st_mode & 0o077:
                raise UnsafePlaceError(
                    f"The audit log {str(self._path)!r} is not a private file of yours. Move it "
                    "away; a new one is made."
                )
            os.write(descriptor, line)  # one write: lines of two processes do not mix
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


def digest(arguments: Any) -> str:
    """The SHA-256 of arguments, the same for equal JSON whatever the order of its keys."""
    text = json.dumps(arguments, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
