"""How far a task is, said from inside it: `tta_interactive.progress(0.4, "reading")`.

Outside of a task it does nothing, so the same code runs in both places. Standard library
only, and quick to import: it runs in every task.
"""

import fcntl
import json
import os
import stat

MAX_MESSAGE_CHARACTERS = 500  # a line of at most PIPE_BUF bytes is written whole or not at all
LARGEST_LINE = 4096  # PIPE_BUF on Linux


def progress(fraction: float | None, message: str = "") -> None:
    """Report the fraction done and what is being done.

    Cheap enough for a loop: when nobody keeps up, reports are dropped, and the task never waits.

    Args:
        fraction: 0 to 1; None if it is not known.
        message: One line for people.

    Raises:
        ValueError: The fraction is not between 0 and 1.
    """
    if fraction is not None and not 0 <= fraction <= 1:  # also false for NaN
        raise ValueError(f"The fraction is {fraction!r}. Give a number from 0 to 1, or None.")
    number = os.environ.get("TTA_PROGRESS_FD", "")
    if not number.isdigit():
        return
    value = None if fraction is None else float(fraction)
    text = str(message)[:MAX_MESSAGE_CHARACTERS]
    report: dict[str, object] = {"fraction": value, "message": text}
    if "TTA_CALL" in os.environ:  # a re-used process: which of its calls this is about
        report["call"] = os.environ["TTA_CALL"][:40]
    line = json.dumps(report).encode() + b"\n"
    if len(line) > LARGEST_LINE:
        line = json.dumps({**report, "message": text[:300]}).encode() + b"\n"
    try:
        if _is_ours(int(number)):
            os.write(int(number), line)
    except OSError:
        pass  # full, closed, or nobody reads: progress is a courtesy


def _is_ours(fd: int) -> bool:
    """Whether `fd` is the pipe that we made. A program started by the task has the variable but
    perhaps not the pipe, and then the number may belong to a file of its own."""
    is_pipe = stat.S_ISFIFO(os.fstat(fd).st_mode)
    return is_pipe and bool(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK)
