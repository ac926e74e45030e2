"""What the command says to the shell that started it."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from tta_interactive.errors import (
    RequestError,
    TaskNotFoundError,
    TTAError,
    WaitTimeoutError,
)
from tta_interactive.task import Task, TaskStatus


class Exit(IntEnum):
    """Exit codes; `tta --help` prints this table."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CANCELLED = 3
    RUNNING = 4
    NOT_FOUND = 5
    TROUBLE = 6
    INTERRUPTED = 130
    READER_GONE = 141
    """128 + SIGPIPE: what the shell shows for any program whose reader went away."""


HELP: Final = """\
exit codes:
  0    completed; or the command did what it was asked
  1    the task failed
  2    wrong usage
  3    the task was cancelled
  4    still running at the time-out
  5    no such task
  6    trouble with the store or the worker
  130  Ctrl-C: the waiting ended, the task goes on
  141  the reader of the pipe went away
With several tasks: 1 if any failed, else 3, else 4.
"""


def exit_for(tasks: Sequence[Task]) -> Exit:
    """The code for tasks that were waited for: the worst one speaks."""
    statuses = {task.status for task in tasks}
    if TaskStatus.FAILED in statuses:
        return Exit.FAILED
    if TaskStatus.CANCELLED in statuses:
        return Exit.CANCELLED
    if all(task.is_final for task in tasks):
        return Exit.OK
    return Exit.RUNNING


def exit_for_error(error: TTAError) -> Exit:
    """The code for a command that could not do what it was asked."""
    if isinstance(error, TaskNotFoundError):
        return Exit.NOT_FOUND
    if isinstance(error, RequestError):
        return Exit.USAGE
    if isinstance(error, WaitTimeoutError):
        return Exit.RUNNING
    return Exit.TROUBLE
