"""What a task says of how far it is, as its shim hears it: the newest line counts.

A task may write what it likes, as often as it likes: a line that makes no sense is passed over,
and the worker is told at most five times a second. Standard library only: the zygote forks this.
"""

import json
import time
from collections.abc import Callable
from typing import Any

PROGRESS_SECONDS = 0.2
LONGEST_LINE = 8192


class Said:
    """The progress of one attempt."""

    def __init__(self) -> None:
        self.newest: dict[str, Any] | None = None
        self._rest = b""
        self._is_untold = False
        self._told_at = 0.0

    def take(self, data: bytes, clean: Callable[[str], str] | None) -> None:
        """Hear what came out of the pipe.

        Args:
            clean: Takes secrets out of a text; None: the task has none.
        """
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest if len(rest) <= LONGEST_LINE else b""
        for line in lines[-1:]:  # the newest wins
            message = _message_of(line, clean)
            if message is not None:
                self.newest, self._is_untold = message, True

    @property
    def next_at(self) -> float | None:
        """When there is something to tell, on the monotonic clock."""
        return self._told_at + PROGRESS_SECONDS if self._is_untold else None

    def to_tell(self, *, last: bool = False) -> dict[str, Any] | None:
        """What the worker is to hear now, if anything; `last`: there will be no other time."""
        now = time.monotonic()
        if not self._is_untold or (not last and now < self._told_at + PROGRESS_SECONDS):
            return None
        self._is_untold, self._told_at = False, now
        return self.newest


def _message_of(line: bytes, clean: Callable[[str], str] | None) -> dict[str, Any] | None:
    try:
        said = json.loads(line)
        fraction, message = said["fraction"], str(said["message"])[:500]
        call = str(said.get("call", ""))[:40].encode("ascii", "replace").decode()
        if fraction is not None and not 0 <= fraction <= 1:
            return None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None  # a task may write what it likes
    message = message.encode("utf-8", "backslashreplace").decode()
    if clean is not None:
        message = clean(message)
    found: dict[str, Any] = {"type": "progress", "fraction": fraction, "message": message}
    return {**found, "call": call} if call else found
