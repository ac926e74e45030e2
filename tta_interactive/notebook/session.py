"""What one kernel holds: the engine, the cards and what was submitted last."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tta_interactive.blocking import BlockingEngine
from tta_interactive.notebook.card import (
    HtmlCard,
    WidgetCard,
    display_bundle,
    display_mode,
    finished_view,
    static_bundle,
)
from tta_interactive.notebook.carry import brought_back, outputs_of
from tta_interactive.notebook.pump import Pump
from tta_interactive.notebook.shown import what_was_shown
from tta_interactive.notebook.view import TAIL_BYTES, as_text, view_of
from tta_interactive.settings import read_settings
from tta_interactive.task import Task
from tta_interactive.text import visible

if TYPE_CHECKING:
    from tta_interactive.notebook.boards import Boards


class Session:
    """The engine and the cards of one IPython shell; both are made when first needed."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.last_id: str | None = None
        """The task submitted last here."""
        self.own: set[str] = set()
        """The tasks that this kernel submitted."""
        self._pid = os.getpid()
        self._engine: BlockingEngine | None = None
        self._pump: Pump | None = None
        self._boards: Boards | None = None

    @property
    def engine(self) -> BlockingEngine:
        """The door's engine, opened at the first use."""
        if self._engine is None:
            self._engine = BlockingEngine(owner="notebook")
        return self._engine

    @property
    def execution_count(self) -> int:
        """The number of the cell that is running."""
        return int(self.shell.execution_count)

    @property
    def is_terminal(self) -> bool:
        """Whether this is IPython in a terminal, and no kernel."""
        return not hasattr(self.shell, "kernel")

    def show(self, task: Task) -> None:
        """Show the task in the running cell: live until it is over."""
        mode = display_mode(self.shell)
        if mode == "text":
            say(as_text(view_of(task, datetime.now(UTC))))
            return
        if task.is_final:
            log = self.engine.logs(task.id, max_bytes=TAIL_BYTES)
            display_bundle(static_bundle(finished_view(task, log)))
            self.show_again(task, with_last=True)
            return
        pump = self._fed_by()
        card = pump.card_of(task.id)
        if card is None:
            card = HtmlCard() if mode == "html" else _live_card(task, pump)
        card.show(task)
        pump.feed(task, card)

    def show_board(self, static: dict[str, object]) -> None:
        """Show a live board of all tasks in the running cell, and this where that cannot be."""
        # Here: most kernels never show one.
        from tta_interactive.notebook.boards import Boards  # noqa: PLC0415

        self._boards = self._boards or Boards()
        self._boards.show(self.engine, static)

    def settle(self, tasks: Sequence[Task]) -> None:
        """Return when the cards of these tasks show that they are over."""
        if self._pump is not None and self._pump.belongs_here:
            self._pump.settle([task.id for task in tasks if task.is_final])

    def show_again(self, task: Task, *, with_last: bool = False) -> None:
        """Show what the cell of a task that is over displayed, and the forms of its last value."""
        displays, last = what_was_shown(task, self.engine.home)
        for bundle in [*displays, *([last] if last and with_last else [])]:
            if display_mode(self.shell) == "text":
                say(bundle["text/plain"])
            else:
                display_bundle({**bundle})

    def retry(self, task_id: str) -> str:
        """Submit a task again; what is this kernel's own stays so. The new id."""
        old, again = self.engine.status(task_id).id, self.engine.retry(task_id)
        if old in self.own:
            self.own.add(again)
        return again

    def values_of(self, task: Task) -> dict[str, object]:
        """The variables that a completed task of this kernel carries back: nobody else's.

        Raises:
            ValueRefused: One of them may not be opened.
        """
        names = outputs_of(task) if task.id in self.own else ()
        return {name: self.value_of(task, name) for name in names}

    def value_of(self, task: Task, name: str, *, trusted: bool = False) -> object:
        """One variable that a task carries back."""
        home = self.engine.home
        limit = read_settings(home).max_value_bytes
        unasked = task.id in self.own
        return brought_back(task, name, home, limit, unasked=unasked, trusted=trusted)

    def set_variables(self, values: Mapping[str, object]) -> None:
        """Set variables of the notebook."""
        self.shell.push(dict(values))

    def close(self) -> None:
        """Let go of everything; tasks go on."""
        if self._pid != os.getpid():
            return  # a forked child closes nothing that is its parent's
        if self._pump is not None:
            self._pump.close()
            self._pump = None
        if self._boards is not None:
            self._boards.close()
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def _fed_by(self) -> Pump:
        # A forked child has no pump thread, and its parent's cards are not its own.
        if self._pump is None or not self._pump.belongs_here:
            self._pump = Pump(self.engine)
        return self._pump


def _live_card(task: Task, pump: Pump) -> WidgetCard:
    return WidgetCard(
        task,
        lambda: pump.cancel(task.id),
        lambda key, value: pump.answer(task.id, value, key),
    )


def say(text: str) -> None:
    """Print text that may hold a stranger's words."""
    print(visible(text), flush=True)  # noqa: T201  (a magic answers by printing)
