"""The waits of one caller: event-driven, counted, and never silent for long."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import anyio

from mcp_server.policy import MAX_WAITS
from mcp_server.view import progress_text
from tta_interactive.engine import ExecutionEngine
from tta_interactive.errors import ForbiddenError, TTAError, WorkerDiesError
from tta_interactive.task import Task

# Hosts give up on silent calls, the strictest after 30 s, and drown in chatty ones.
SILENCE_SECONDS: Final = 4.0
BREATH_SECONDS: Final = 0.5

Report = Callable[[float, float, str], Awaitable[None]]
"""Sends a progress notification: (elapsed seconds, total seconds, message)."""
Look = Callable[[str], Awaitable[Task]]
"""The task of that id, if the caller may look at it."""


class Waits:
    """What one caller waits for at this time.

    Args:
        reader: Sees the tasks that the caller may look at.
        look: Reads one of them.
    """

    def __init__(self, reader: ExecutionEngine, look: Look) -> None:
        self._reader, self._look = reader, look
        self._open = 0

    @property
    def has_room(self) -> bool:
        """Whether one more call may wait."""
        return self._open < MAX_WAITS

    async def wait(
        self, ids: Sequence[str], first: bool, limit: float, report: Report | None
    ) -> None:
        """Return when the first or all of the tasks are over, one asks, or the time is up."""
        if not self.has_room:
            raise ForbiddenError(
                f"{MAX_WAITS} calls of tta_wait are waiting already, which is the most. Give "
                "several task_ids to one call instead."
            )
        failure: TTAError | None = None
        self._open += 1
        try:
            async with anyio.create_task_group() as group:
                if report is not None:
                    group.start_soon(self._keep_informed, ids, limit, report)
                try:
                    wait = self._reader.wait_any if first else self._reader.wait_all
                    await wait(ids, limit, questions=True)
                except WorkerDiesError:
                    pass  # the answer tells it
                except TTAError as error:  # kept out of the group, which would wrap it
                    failure = error
                group.cancel_scope.cancel()
        finally:
            self._open -= 1
        if failure is not None:
            raise failure

    async def _keep_informed(self, ids: Sequence[str], limit: float, report: Report) -> None:
        """Progress notifications: when something moved, and before the host loses patience."""
        started = time.monotonic()
        moved = anyio.Event()

        async def listen() -> None:
            async for _ in self._reader.watch(ids):
                moved.set()

        try:
            async with anyio.create_task_group() as group:
                group.start_soon(listen)
                while True:
                    await anyio.sleep(BREATH_SECONDS)
                    with anyio.move_on_after(SILENCE_SECONDS - BREATH_SECONDS):
                        await moved.wait()
                    moved = anyio.Event()
                    tasks = [await self._look(task_id) for task_id in ids]
                    await report(time.monotonic() - started, limit, progress_text(tasks))
        except* TTAError:
            pass  # progress is a courtesy; the wait itself meets the error and tells it
