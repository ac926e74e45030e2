"""The boards that callers have open in their chats: what they read, and what they may change."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from anyio import CapacityLimiter, from_thread, to_thread
from pydantic import JsonValue

from tta_interactive.blocking import BlockingEngine
from tta_interactive.board.reader import MAX_READERS, Exchange, Readers
from tta_interactive.errors import ForbiddenError
from tta_interactive.task import Task

HOLD_SECONDS: Final = 10.0  # hosts give up on silent calls; some pass an app's calls one by one


class AppEngine(BlockingEngine):
    """Reads as any engine; what changes a task goes through the caller's door.

    Only for threads that the server's loop started.

    Args:
        home: The store's directory.
        owner: Whose tasks it sees.
        end: Asks for a task's end, if the caller may.
        again: Submits a task again, if the caller may.
        tell: Answers a task's question, if the caller may.
    """

    def __init__(
        self,
        home: Path,
        owner: str,
        end: Callable[[str], Coroutine[Any, Any, Task]],
        again: Callable[[str], Coroutine[Any, Any, str]],
        tell: Callable[[str, JsonValue, str | None], Coroutine[Any, Any, Task]],
    ) -> None:
        super().__init__(home, owner=owner, sees="own", allow=())
        self._end, self._again, self._tell = end, again, tell

    def cancel(self, task_id: str) -> Task:
        """As `tta_cancel`."""
        return from_thread.run(self._end, task_id)

    def retry(self, task_id: str) -> str:
        """As `tta_submit` of the same again."""
        return from_thread.run(self._again, task_id)

    def answer(self, task_id: str, value: JsonValue, *, key: str | None = None) -> Task:
        """As `tta_answer`."""
        return from_thread.run(self._tell, task_id, value, key)


class Board:
    """The boards that one caller has open.

    Args:
        engine: Sees the caller's tasks, and changes them as the caller may.
    """

    def __init__(self, engine: BlockingEngine) -> None:
        self._readers = Readers(engine, HOLD_SECONDS)
        self._engine = engine
        # Each open board holds a thread: they must not take those that everything else needs.
        self._threads = CapacityLimiter(2 * MAX_READERS)

    async def exchange(self, asked: Exchange) -> dict[str, JsonValue]:
        """Serve a request of an open board: what is new, at once or after a while."""
        told = await to_thread.run_sync(
            self._readers.exchange, asked, limiter=self._threads, abandon_on_cancel=True
        )
        if told is None:
            raise ForbiddenError(f"{MAX_READERS} boards are open already. Close one.")
        return told

    def close(self) -> None:
        """Forget them all."""
        self._readers.close()
        self._engine.close()
