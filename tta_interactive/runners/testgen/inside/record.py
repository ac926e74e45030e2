"""The report of a pytest run: one JSON line an event, numbered and signed, written at once.

When a test ends the process, the last line names it. The key comes in on standard input and is
nowhere else to be read: a line that a test writes into the file is no line of ours.
"""

import hashlib
import json
import os
from typing import Any

KEY_BYTES = 32


class Record:
    """Writes the lines. Only the process that opened it writes: a forked test must not."""

    def __init__(self, path: str, key: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._file = os.open(path, flags, 0o600)  # open for as long as the process lives
        self._key = key
        self._pid = os.getpid()
        self._count = 0

    def tell(self, **event: Any) -> None:
        """Write one event."""
        if os.getpid() != self._pid:
            return
        text = json.dumps(event)
        os.write(self._file, f"{signature(self._key, self._count, text)} {text}\n".encode())
        self._count += 1


def read_key() -> bytes:
    """The key of this run: all that standard input holds. Must be asked before any test is."""
    try:
        return os.read(0, KEY_BYTES)
    except OSError:
        return b""


def signature(key: bytes, number: int, text: str) -> str:
    """What stands before a line: it proves who wrote it, and that none before it is missing."""
    return hashlib.blake2b(f"{number} {text}".encode(), key=key, digest_size=16).hexdigest()
