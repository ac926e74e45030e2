"""The generic pattern: submit a config, ask for its status, get its results, as dicts.

task_id = await submit_task({"kind": "shell", "params": {"argv": ["make", "docs"]}})
await get_task_status(task_id)
await get_task_results(task_id, timeout=60)
"""

from collections.abc import Mapping
from typing import Any

from tta_interactive.engine import ExecutionEngine
from tta_interactive.errors import WaitTimeoutError
from tta_interactive.request import TaskRequest


async def submit_task(config: Mapping[str, Any]) -> str:
    """Submit what a config asks for; the task's id, at once.

    Args:
        config: The fields of `TaskRequest`: `kind`, `params`, and any option.

    Raises:
        RequestError: It cannot be accepted.
    """
    async with ExecutionEngine() as engine:
        return await engine.submit(TaskRequest.checked(**config))


async def get_task_status(task_id: str) -> dict[str, Any]:
    """The task as it stands, as JSON values with the names of `Task`.

    Raises:
        TaskNotFoundError: There is none.
    """
    async with ExecutionEngine() as engine:
        return (await engine.status(task_id)).model_dump(mode="json")


async def get_task_results(task_id: str, timeout: float | None = None) -> dict[str, Any]:
    """Wait for the task; `task_id, status, result, error`.

    Args:
        task_id: What `submit_task` returned.
        timeout: Seconds to wait; None: for ever.

    Raises:
        TaskNotFoundError: There is none.
        WaitTimeoutError: It is not over (also a TimeoutError); it goes on.
    """
    async with ExecutionEngine() as engine:
        task = await engine.wait(task_id, timeout)
    if not task.is_final:
        raise WaitTimeoutError(task.id, timeout or 0.0)
    error = task.error.model_dump() if task.error else None
    return {"task_id": task.id, "status": task.status.value, "result": task.result, "error": error}
