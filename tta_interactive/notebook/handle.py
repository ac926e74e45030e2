"""What `%tta_submit` gives back: a name for the task that can be asked, waited for, awaited."""

import asyncio
import contextlib
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from pydantic import JsonValue

from tta_interactive.checks import checked_end
from tta_interactive.errors import TaskFailedError
from tta_interactive.notebook.shown import with_forms
from tta_interactive.task import Task, TaskStatus
from tta_interactive.text import one_line, visible

if TYPE_CHECKING:
    from tta_interactive.notebook.session import Session

# asyncio sees an interrupt of the kernel only when its loop wakes (ipykernel #881).
WAKE_SECONDS: Final = 0.2


class TaskFailed(TaskFailedError):  # noqa: N818  (the word that its reader sees in the notebook)
    """A task that was waited for did not complete: two lines in the notebook, no traceback."""

    def _render_traceback_(self) -> list[str]:
        verdict = "was cancelled" if self.code == "cancelled" else f"failed ({self.code})"
        words = one_line(f"{self.message} {self.remedy}", 600)
        short = self.task_id[:10]
        return [
            f"TaskFailed: {one_line(short)} {one_line(verdict, 80)}: {words}",
            f"See what it wrote with: %tta_logs {one_line(short)}",
        ]


class TaskHandle:
    """One submitted task.

    Example:
        t = %tta_submit shell -- make
        t.status           # TaskStatus.RUNNING
        t.result(60)       # waits; raises TaskFailed if it failed
        await t            # the same, and the kernel's loop stays free
    """

    def __init__(self, session: "Session", task_id: str, shown_at: int | None = None) -> None:
        self._session = session
        self._id = task_id
        self._shown_at = shown_at

    @property
    def id(self) -> str:
        """The whole id."""
        return self._id

    @property
    def task(self) -> Task:
        """All that is known of the task now."""
        return self._session.engine.status(self._id)

    @property
    def status(self) -> TaskStatus:
        """Where it stands now."""
        return self.task.status

    def result(self, timeout: float | None = None) -> JsonValue:
        """Wait until it is over and give its result; sets the variables of its `--out`.

        Args:
            timeout: Seconds to wait; None: for ever.

        Raises:
            TaskFailed: It failed or was cancelled.
            WaitTimeoutError: It goes on.
        """
        with told_when_interrupted([self._id]):
            task = self._session.engine.wait(self._id, timeout)
            self._session.settle([task])
        return collected(self._session, task, timeout)

    def value(self, name: str, *, trusted: bool = False) -> object:
        """A variable that the task carries back, named by its `--out`.

        Args:
            name: The variable's.
            trusted: Open it even if it can run code here and another kernel submitted it.

        Raises:
            ValueRefused: There is none, or it may not be opened.
        """
        return self._session.value_of(self.task, name, trusted=trusted)

    def cancel(self) -> Task:
        """Ask it to end; the task as it then stands."""
        return self._session.engine.cancel(self._id)

    def answer(self, value: JsonValue) -> Task:
        """Answer its question: a text, a choice, an object for a form; None: no answer."""
        return self._session.engine.answer(self._id, value)

    def retry(self) -> "TaskHandle":
        """Submit the same again as a new task, if this one is over; its handle."""
        return TaskHandle(self._session, self._session.retry(self._id))

    def logs(self, tail_lines: int | None = None) -> str:
        """What it wrote, with control characters made visible."""
        return visible(self._session.engine.logs(self._id, tail_lines=tail_lines))

    def __await__(self) -> Generator[object, None, JsonValue]:
        return self._finished().__await__()

    async def _finished(self) -> JsonValue:
        with told_when_interrupted([self._id]):
            task = await self._ended()
            await asyncio.to_thread(self._session.settle, [task])
        result_of(task, None)
        # A large value is read beside the loop, and set in its turn.
        self._session.set_variables(await asyncio.to_thread(self._session.values_of, task))
        return await asyncio.to_thread(with_forms, task, self._session.engine.home)

    async def _ended(self) -> Task:
        engine, loop = self._session.engine, asyncio.get_running_loop()
        moved = asyncio.Event()
        end = await asyncio.to_thread(engine.subscribe, _setter(loop, moved), [self._id])
        try:
            while True:
                moved.clear()
                task = await asyncio.to_thread(engine.status, self._id)
                if task.is_final:
                    return task
                while not moved.is_set():
                    # No `wait_for`: before Python 3.12 it can lose a cancel that comes with
                    # its time-out, and the stop button is such a cancel.
                    waiter = asyncio.ensure_future(moved.wait())
                    try:
                        await asyncio.wait([waiter], timeout=WAKE_SECONDS)
                    finally:
                        waiter.cancel()
        finally:
            end()

    def __repr__(self) -> str:
        return f"<TaskHandle {self._id[:10]}>"

    def _ipython_display_(self) -> None:
        # The cell that submitted shows the card already: `t = ...` and `...` look the same.
        if self._shown_at is None or self._shown_at != self._session.execution_count:
            self._session.show(self.task)
        elif self._session.is_terminal:
            raise NotImplementedError  # IPython's word for: show the repr after its "Out[1]:"


@contextmanager
def told_when_interrupted(ids: Sequence[str]) -> Generator[None]:
    """In this block an interrupt is one line in the notebook, which says that the tasks go on."""
    try:
        yield
    except (KeyboardInterrupt, asyncio.CancelledError) as error:
        line = stopped_words(ids)
        error._render_traceback_ = lambda: [line]  # pyright: ignore[reportAttributeAccessIssue]
        raise


def stopped_words(ids: Sequence[str]) -> str:
    """What somebody reads who stopped waiting."""
    short = " ".join(one_line(one[:10]) for one in ids)
    goes = "goes" if len(ids) == 1 else "go"
    return f"Stopped waiting; {short} {goes} on. Cancel with: %tta_cancel {short}"


def _setter(
    loop: asyncio.AbstractEventLoop, moved: asyncio.Event
) -> Callable[[frozenset[str]], None]:
    def hand_over(_: frozenset[str]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(moved.set)

    return hand_over


def collected(session: "Session", task: Task, timeout: float | None = None) -> JsonValue:
    """The result of a task that is over; sets the variables that it carries back.

    Raises:
        TaskFailed: It failed or was cancelled.
        WaitTimeoutError: It is not over.
        ValueRefused: A variable may not be opened.
    """
    result_of(task, timeout)
    session.set_variables(session.values_of(task))
    return with_forms(task, session.engine.home)


def result_of(task: Task, timeout: float | None) -> JsonValue:
    """The result of a task that is over.

    Raises:
        TaskFailed: It failed or was cancelled.
        WaitTimeoutError: It is not over.
    """
    try:
        return checked_end(task, timeout).result
    except TaskFailedError as error:
        raise TaskFailed(error.task_id, error.code, error.message, error.remedy) from None
