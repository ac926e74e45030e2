"""Shims that wait for another attempt.

To fork a shim costs more than all else that a small task needs: most of its memory is copied,
page by page, as soon as it runs. So one whose attempt ended by itself, with no process left and
no secrets, is kept for a while and given the next one. It ends when the worker does.
"""

import socket
import time
from collections import deque
from typing import Final

from tta_interactive.worker import handing
from tta_interactive.worker.attempt import AttemptSpec

IDLE_SECONDS: Final = 10.0  # then one that waits is let go
SEND_SECONDS: Final = 10.0


class WaitingShims:
    """The worker's ends of their channels, the one that has waited longest first."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, socket.socket]] = deque()

    @property
    def next_deadline(self) -> float | None:
        """When `let_go` is due, on the monotonic clock."""
        return self._waiting[0][0] + IDLE_SECONDS if self._waiting else None

    def keep(self, channel: socket.socket) -> None:
        """It may be given another attempt."""
        channel.settimeout(SEND_SECONDS)
        self._waiting.append((time.monotonic(), channel))

    def give(self, spec: AttemptSpec, lock_fd: int) -> socket.socket | None:
        """Have one of them run an attempt; the channel of the one that does."""
        if spec.has_secrets or spec.wants_sandbox:
            return None  # what an earlier task did to it must not matter to these
        while self._waiting:
            _, channel = self._waiting.pop()
            try:
                handing.send(channel, spec, [lock_fd])
            except OSError:
                channel.close()  # somebody killed it
            else:
                return channel
        return None

    def let_go(self, now: float) -> None:
        """End those that have waited for long."""
        while self._waiting and self._waiting[0][0] + IDLE_SECONDS <= now:
            self._waiting.popleft()[1].close()

    def close(self) -> None:
        """End all of them."""
        while self._waiting:
            self._waiting.popleft()[1].close()
