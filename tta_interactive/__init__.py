"""One list of background tasks for notebooks, terminals, programs and AI coding agents.

    import tta_interactive as tta

    task_id = tta.submit("shell", {"argv": ["pytest", "-q"]})   # returns at once
    tta.status(task_id).status                                  # answers at once
    task = tta.wait(task_id, timeout=60)                        # the result, or still running

The same, for code that awaits, is `tta.ExecutionEngine`. Importing this module is cheap:
what stands behind the names is imported when one is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

# At once, and cheap: a function of the same name as its module must be bound after it.
from tta_interactive.progress import progress
from tta_interactive.version import __version__

_HOMES: Final = {
    "BlockingEngine": "blocking",
    "ExecutionEngine": "engine",
    "OpenHandsTestGenerator": "generator",
    "Task": "task",
    "TaskRequest": "request",
    "TaskStatus": "task",
    "TTAError": "errors",
    "TaskFailedError": "errors",
    "WaitTimeoutError": "errors",
    "answer": "default",
    "ask": "asking",
    "cancel": "default",
    "get_task_results": "generic",
    "get_task_status": "generic",
    "list_tasks": "default",
    "logs": "default",
    "status": "default",
    "submit": "default",
    "submit_many": "default",
    "submit_task": "generic",
    "wait": "default",
    "wait_all": "default",
    "wait_any": "default",
    "watch": "default",
}

if TYPE_CHECKING:
    from tta_interactive.asking import ask
    from tta_interactive.blocking import BlockingEngine
    from tta_interactive.default import (
        answer,
        cancel,
        list_tasks,
        logs,
        status,
        submit,
        submit_many,
        wait,
        wait_all,
        wait_any,
        watch,
    )
    from tta_interactive.engine import ExecutionEngine
    from tta_interactive.errors import TaskFailedError, TTAError, WaitTimeoutError
    from tta_interactive.generator import OpenHandsTestGenerator
    from tta_interactive.generic import get_task_results, get_task_status, submit_task
    from tta_interactive.request import TaskRequest
    from tta_interactive.task import Task, TaskStatus

__all__ = [
    "BlockingEngine",
    "ExecutionEngine",
    "OpenHandsTestGenerator",
    "TTAError",
    "Task",
    "TaskFailedError",
    "TaskRequest",
    "TaskStatus",
    "WaitTimeoutError",
    "__version__",
    "answer",
    "ask",
    "cancel",
    "get_task_results",
    "get_task_status",
    "list_tasks",
    "logs",
    "progress",
    "status",
    "submit",
    "submit_many",
    "submit_task",
    "wait",
    "wait_all",
    "wait_any",
    "watch",
]


def __getattr__(name: str) -> Any:
    """Import what stands behind a public name when it is used for the first time."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found  # also over a submodule of the same name
    return found


def load_ipython_extension(ipython: Any) -> None:
    """What `%load_ext tta_interactive` calls."""
    import_module(f"{__name__}.notebook").load_ipython_extension(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """What `%unload_ext tta_interactive` calls."""
    import_module(f"{__name__}.notebook").unload_ipython_extension(ipython)
