"""The process of a shim: attempt after attempt on one channel, until one leaves something behind.

    zygote --fork--> main --(attempt 1)--> Shim.run --(served, clean)--> attempt 2 --> ...

A next attempt saves a fork of the zygote and its page faults. It is taken only after one that
nobody had to end, that left no process and had no secret; all descriptors of it are closed.
"""

import json
import os
import socket
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

from tta_interactive.worker import handing, tree
from tta_interactive.worker.attempt import AttemptSpec, Outcome, failure
from tta_interactive.worker.launch import TooBusyError
from tta_interactive.worker.shim import TELL_SECONDS, Abandoned, Shim

MOST_ATTEMPTS = 1000  # then another shim follows: what leaked goes with it


def main(body: bytes, fds: Sequence[int], available: int, cookie: int) -> NoReturn:
    """The life of a shim, in a fresh fork of the zygote: an attempt, and perhaps others.

    Args:
        body: The spec as JSON.
        fds: The lock, the channel, and what the task inherits.
    """
    code = 0
    channel = socket.socket(fileno=fds[1])
    try:
        os.setsid()
        tree.set_name("tta-shim")
        tree.set_subreaper(True)
        lock, extra = fds[0], fds[2:]
        for number in range(1, MOST_ATTEMPTS + 1):
            spec = AttemptSpec.from_json(json.loads(body))
            is_last = number == MOST_ATTEMPTS
            shim = Shim(spec, lock, channel, extra, available, cookie, is_last=is_last)
            shim.run()
            if not shim.serves_again:
                break
            _close_all_but(channel.fileno())
            channel.setblocking(True)
            order = handing.receive(channel)
            if order is None:
                break
            body, given, _ = order
            if not given:
                raise TooBusyError("There is no descriptor left.")
            lock, *extra = given
    except TooBusyError as error:
        _last_words(channel, {"type": "refused", "reason": str(error)[:300]})
    except Abandoned:
        tree.kill_all()
    except BaseException as error:  # boundary: whatever went wrong, the worker must learn it
        code = 1
        tree.kill_all()
        outcome = Outcome(
            status="failed",
            error=failure(
                "internal",
                f"The attempt could not be attended: {type(error).__name__}: {error}"[:1000],
                "This is a defect or a full disk; the detail says where.",
                traceback.format_exc()[-8000:],
            ),
        )
        _last_words(channel, {"type": "finished", "outcome": outcome.to_json()})
    finally:
        os._exit(code)


def _close_all_but(kept: int) -> None:
    """Close what an attempt had open; its worker may be sending the next one."""
    os.closerange(3, kept)
    os.closerange(kept + 1, max(kept + 1, os.sysconf("SC_OPEN_MAX")))


def _last_words(channel: socket.socket, message: dict[str, Any]) -> None:
    try:
        channel.settimeout(TELL_SECONDS)
        channel.sendall(json.dumps(message).encode() + b"\n")
    except (OSError, ValueError):
        pass  # nobody listens, then
