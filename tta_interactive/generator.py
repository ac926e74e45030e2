"""The interface of the OpenHands test generator that this project replaces, made true.

The same names, arguments, keys and errors; but a task is a task of the one list, tests are
verified before anything is called done, and waiting does not poll.
"""

import os
from contextlib import AsyncExitStack
from typing import Annotated, Any, Final, Self

from pydantic import Field, JsonValue, ValidationError

from tta_interactive.described import Described
from tta_interactive.engine import ExecutionEngine
from tta_interactive.errors import InvalidRequestError, TaskNotFoundError
from tta_interactive.task import SandboxLevel, Task, TaskStatus

DEFAULT_TIMEOUT: Final = 300.0


class OpenHandsIntegrationConfig(Described):
    """How tests are generated through this interface."""

    backend: str = "native"
    """Who writes the tests: any backend of the kind `tests`."""
    default_timeout_seconds: Annotated[float, Field(ge=10, le=3600)] = DEFAULT_TIMEOUT
    """How long `get_test_generation_results` waits when it is given no time-out."""
    workspace: str = ""
    """Directory that module paths are relative to; empty: the current one."""
    home: str | None = None
    """Directory of the task store; None: the default."""


class OpenHandsTestGenerator:
    """Submits test generation and collects what was verified.

    Args:
        config: See `OpenHandsIntegrationConfig`.
        use_docker: Ask for the best sandbox of this machine (bubblewrap); False: for a
            process tree of its own with limits.
        circuit_breaker_name: Accepted, and only kept with the task: a store that cannot serve
            says so itself.

    Example:
        async with OpenHandsTestGenerator.from_env() as generator:
            task_id = await generator.submit_test_generation_task("src/auth.py")
            results = await generator.get_test_generation_results(task_id, timeout=120)
    """

    def __init__(
        self,
        config: OpenHandsIntegrationConfig,
        use_docker: bool = True,
        circuit_breaker_name: str = "openhands_test_generation",
    ) -> None:
        self.config = config
        self._sandbox = None if use_docker else SandboxLevel.LIMITS
        self._breaker = circuit_breaker_name
        self._engine: ExecutionEngine | None = None
        self._open = AsyncExitStack()

    @classmethod
    def from_env(cls, use_docker: bool = True) -> Self:
        """A generator configured by TTA_BACKEND, TTA_DEFAULT_TIMEOUT and TTA_HOME.

        Raises:
            InvalidRequestError: A variable has no usable value.
        """
        facts: dict[str, Any] = {"backend": os.environ.get("TTA_BACKEND", "native")}
        if "TTA_DEFAULT_TIMEOUT" in os.environ:
            facts["default_timeout_seconds"] = os.environ["TTA_DEFAULT_TIMEOUT"]
        try:
            return cls(OpenHandsIntegrationConfig(**facts), use_docker)
        except ValidationError as error:
            found = "; ".join(f"{e['msg']} (got {e['input']!r})" for e in error.errors())
            raise InvalidRequestError(
                f"TTA_DEFAULT_TIMEOUT cannot be used: {found}. Set seconds from 10 to 3600."
            ) from None

    async def start(self) -> None:
        """Open the store. Called by `async with`, and by the first use."""
        await self._started()

    async def stop(self) -> None:
        """Close the store. Tasks go on; a generator can be started again."""
        self._engine = None
        await self._open.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def submit_test_generation_task(
        self, module_path: str, output_path: str | None = None, coverage_threshold: int = 80
    ) -> str:
        """Ask for tests of a module; the task's id, at once.

        Args:
            module_path: A file in the workspace, or a dotted module name.
            output_path: Where the tests go; None: `tests/test_<module>.py`.
            coverage_threshold: Percent of lines that the kept tests should reach.

        Raises:
            RequestError: It cannot be accepted, as when the backend is not installed.
        """
        engine = await self._started()
        params: dict[str, JsonValue] = {
            "module_path": module_path,
            "coverage_threshold": coverage_threshold,
            "backend": self.config.backend,
        }
        if output_path is not None:
            params["output_path"] = output_path
        return await engine.submit(
            "tests",
            params,
            workspace=self.config.workspace,
            sandbox=self._sandbox,
            metadata={"circuit_breaker_name": self._breaker},
        )

    async def get_test_generation_results(
        self, task_id: str, timeout: float | None = None, poll_interval: float = 2.0
    ) -> dict[str, Any]:
        """Wait for the task and tell what came of it.

        Args:
            task_id: What `submit_test_generation_task` returned.
            timeout: Seconds to wait; 0: do not wait; None: the configured default.
            poll_interval: Accepted; the answer comes as soon as there is one.

        Returns:
            `success, task_id, result, module_path, output_path`; for a task that did not
            complete `success, task_id, error, module_path`.

        Raises:
            TimeoutError: It is not over; it goes on.
            RuntimeError: There is no such task.
        """
        if not poll_interval > 0:
            raise InvalidRequestError(f"poll_interval is {poll_interval!r}. Give seconds over 0.")
        seconds = self.config.default_timeout_seconds if timeout is None else timeout
        engine = await self._started()
        try:
            task = await engine.wait(task_id, seconds)
        except TaskNotFoundError as error:
            raise RuntimeError(f"Task {task_id} not found") from error
        if not task.is_final:
            raise TimeoutError(f"Task {task_id} is not over after {seconds:g} s. It goes on.")
        return results_of(task)

    async def get_task_status(self, task_id: str) -> dict[str, Any]:
        """The task as it stands: `task_id, status, created_at, started_at, completed_at,
        error, retry_count, metadata`; times are ISO 8601 or None.

        Raises:
            RuntimeError: There is no such task.
        """
        engine = await self._started()
        try:
            return status_of(await engine.status(task_id))
        except TaskNotFoundError as error:
            raise RuntimeError(f"Task {task_id} not found") from error

    async def generate_tests(
        self,
        module_path: str,
        output_path: str | None = None,
        coverage_threshold: int = 80,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Submit and wait in one; a time-out is told in the answer, not raised."""
        task_id = await self.submit_test_generation_task(
            module_path, output_path, coverage_threshold
        )
        try:
            return await self.get_test_generation_results(task_id, timeout)
        except TimeoutError:
            seconds = self.config.default_timeout_seconds if timeout is None else timeout
            error = f"Timeout after {seconds:g} s. The task goes on; ask for its results later."
            return {
                "success": False,
                "task_id": task_id,
                "error": error,
                "module_path": module_path,
            }

    async def _started(self) -> ExecutionEngine:
        if self._engine is None:
            self._engine = await self._open.enter_async_context(ExecutionEngine(self.config.home))
        return self._engine


def results_of(task: Task) -> dict[str, Any]:
    """What a finished task has to say, with the original's keys."""
    module_path = task.params.get("module_path")
    if task.status is TaskStatus.COMPLETED:
        result = task.result if isinstance(task.result, dict) else {}
        return {
            "success": bool(result.get("success", True)),
            "task_id": task.id,
            "result": task.result,
            "module_path": module_path,
            "output_path": result.get("output_path", task.params.get("output_path")),
        }
    words = str(task.error) if task.error is None else f"{task.error.message} {task.error.remedy}"
    return {
        "success": False,
        "task_id": task.id,
        "error": "It was cancelled." if task.status is TaskStatus.CANCELLED else words.strip(),
        "module_path": module_path,
    }


def status_of(task: Task) -> dict[str, Any]:
    """How a task stands, with the original's keys."""
    return {
        "task_id": task.id,
        "status": task.status.value,
        "created_at": task.submitted_at.isoformat(),
        "started_at": task.started_at.isoformat() if task.started_at else None,
        "completed_at": task.finished_at.isoformat() if task.finished_at else None,
        "error": task.error.message if task.error else None,
        "retry_count": max(0, task.attempt - 1),
        "metadata": {
            **task.metadata,
            **{
                name: task.params[name]
                for name in ("coverage_threshold", "output_path", "module_path")
                if name in task.params
            },
        },
    }
