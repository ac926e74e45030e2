"""What a Python child is told, where it finds that, what it must be able to read, and leaves.

Standard library only: the zygote forks this.
"""

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from tta_interactive.runners import child as runner
from tta_interactive.worker.attempt import AttemptSpec

FOLDER = "values"
OUT = "out"
SHOWN = "shown.json"
_HERE = os.path.abspath(runner.__file__)


def io_directory(spec: AttemptSpec) -> str:
    """Where a Python child finds its orders and leaves its result."""
    return os.path.join(spec.directory, "io")


def scratch_directory(spec: AttemptSpec) -> str:
    """The task's directory for temporary files."""
    return os.path.join(spec.directory, "scratch")


def orders_of(spec: AttemptSpec, level: int) -> dict[str, Any]:
    """What `runners.child` must know."""
    orders: dict[str, Any] = {
        "mode": spec.child,
        "workspace": spec.workspace,
        "max_result_bytes": spec.max_result_bytes,
    }
    if spec.child == "python":
        orders["values"] = os.path.join(spec.state, FOLDER)
        orders["max_value_bytes"] = spec.max_value_bytes
        # What a task prints is cleaned of its secrets; a picture cannot be.
        orders["shows"] = not spec.has_secrets
    if spec.child != "kind":
        return {**orders, "payload": spec.payload}
    return {
        **orders,
        "kind": spec.kind,
        "params": spec.params,
        "task_id": spec.task_id,
        "attempt": spec.attempt,
        "scratch": scratch_directory(spec),
        "state": spec.state,
        "sandbox": level,
    }


def python_argv(spec: AttemptSpec, orders: Mapping[str, Any]) -> tuple[str, ...]:
    """The command that runs the orders, which are written down for it."""
    path = os.path.join(io_directory(spec), "spec.json")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        json.dump(orders, file)
    return (spec.python or sys.executable, _HERE, path)


def what_it_reads(spec: AttemptSpec) -> list[str]:
    """What a contained child must see beside its interpreter and its workspace."""
    folder = os.path.dirname(_HERE)
    if spec.child == "kind":
        return [os.path.dirname(folder)]
    beside = [os.path.join(folder, name) for name in ("bounded.py", "cell.py", "function.py")]
    return [_HERE, *beside, *files_of(spec.state, spec.payload)]


def files_of(state: str, payload: Mapping[str, Any]) -> list[str]:
    """The files that the orders of a Python task name."""
    inputs: Mapping[str, Mapping[str, str]] = payload.get("inputs", {})
    return [os.path.join(state, FOLDER, one["file"]) for one in inputs.values() if "file" in one]


def keep_left(io: str, directory: str) -> None:
    """Move what a task left for the notebook out of what is cleaned up. For the shim.

    Args:
        io: The directory that the task could write in.
        directory: The attempt's.
    """
    for name in (OUT, SHOWN):
        with contextlib.suppress(OSError):  # nearly always there is none
            os.rename(os.path.join(io, name), os.path.join(directory, name))
