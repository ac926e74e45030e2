"""A question, asked from inside a task: `tta_interactive.ask("Overwrite?", choices=["yes", "no"])`.

    task --packet + one end of a pair--> shim --> worker --> store --> every door
    task <------ answer, on that pair --- shim <-- worker <-- store <-- one of them

Each call brings the way back with it, so threads and child processes may ask at the same time:
their questions follow one another. Nothing is asked by the clock. Standard library only, and
quick to import: it runs in every task that asks.
"""

import contextlib
import json
import os
import stat
from collections.abc import Mapping, Sequence
from typing import Any, Final

VARIABLE: Final = "TTA_ASK_FD"
MAX_PACKET: Final = 64 * 1024  # more than a question may have


def ask(
    text: str,
    *,
    choices: Sequence[str] = (),
    form: Mapping[str, Any] | None = None,
    default: Any = None,
    timeout: float | None = None,
) -> Any:
    """Ask whoever looks after the task, and wait for the answer.

    The task is `input_required` meanwhile; the wait counts neither against its time-out nor as
    one of the tasks that run at once. Outside of a task, and in what a task of kind `shell`
    runs, nobody can be asked: the default comes back at once.

    Args:
        text: The question, for people.
        choices: The answer is one of these; without them, and without a form, it is a text.
        form: JSON schema of a flat object: texts, numbers, booleans, enums. The answer is a dict.
        default: What comes back when nobody answers in time.
        timeout: Seconds to wait; None: until somebody answers.

    Returns:
        The answer; None if whoever was asked declined.

    Raises:
        ValueError: The question is none that could be asked.
    """
    asked: dict[str, Any] = {"text": text, "default": default, "timeout": timeout}
    if choices:
        asked["choices"] = [choices] if isinstance(choices, str) else list(choices)
    if form is not None:
        asked["form"] = form
    packet: dict[str, Any] = {"question": asked}
    if "TTA_CALL" in os.environ:  # a re-used process: which of its calls asks
        packet["call"] = os.environ["TTA_CALL"][:40]
    try:
        data = json.dumps(packet, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"The question cannot be sent as JSON: {error}.") from None
    if len(data) > MAX_PACKET:
        raise ValueError(f"The question has {len(data):,} bytes; allowed are {MAX_PACKET:,}.")
    door = _door()
    if door is None:
        return default
    answer = _exchanged(door, data)
    if answer is None or "refused" in answer:
        words = "Nobody can be asked any more." if answer is None else str(answer["refused"])
        raise ValueError(words)
    return answer["value"]


def _door() -> int | None:
    """The descriptor of the shim's socket. A program started by the task has the variable but
    perhaps not the socket, and then the number may belong to a file of its own."""
    number, _, inode = os.environ.get(VARIABLE, "").partition(".")
    if not (number.isdigit() and inode.isdigit()):
        return None
    try:
        found = os.fstat(int(number))
    except OSError:
        return None
    is_ours = stat.S_ISSOCK(found.st_mode) and found.st_ino == int(inode)
    return int(number) if is_ours else None


def _exchanged(door: int, data: bytes) -> dict[str, Any] | None:
    import socket  # noqa: PLC0415  (most tasks import this module and ask nothing)

    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        try:
            with socket.socket(fileno=os.dup(door)) as shim:
                socket.send_fds(shim, [data], [theirs.fileno()])
        finally:
            theirs.close()  # so that the end of the shim is the end of the wait
        reply = mine.recv(4 * MAX_PACKET)
    except ConnectionError:
        return None  # the shim is gone; anything else may be raised by a handler of a signal
    finally:
        # The shim notices that nobody waits any more, also where a fork has a copy of it.
        with contextlib.suppress(OSError):
            mine.shutdown(socket.SHUT_RDWR)
        mine.close()
    return json.loads(reply) if reply else None
