"""What one kernel holds: the engine, the cards and what was submitted last."""

import os
from datetime import UTC, datetime
from typing import Any

from tta_interactive.blocking import BlockingEngine
from tta_interactive.notebook.boards import Boards
from tta_interactive.notebook.card import (
    HtmlCard,
    WidgetCard,
    display_bundle,
    display_mode,
    static_bundle,
)
from tta_interactive.notebook.pump import Pump
from tta_interactive.notebook.view import as_text, view_of
from tta_interactive.task import Task
from tta_interactive.text import visible


class Session:
    """The engine and the cards of one IPython shell; both are made when first needed."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.last_id: str | None = None
        """The task submitted last here."""
        self._pid = os.getpid()
        self._engine: BlockingEngine | None = None
        self._pump: Pump | None = None
        self._boards = Boards()

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
            display_bundle(static_bundle(view_of(task, datetime.now(UTC))))
            return
        pump = self._fed_by()
        card = pump.card_of(task.id)
        if card is None:
            card = HtmlCard() if mode == "html" else _live_card(task, pump)
        card.show(task)
        pump.feed(task, card)

    def show_board(self, static: dict[str, object]) -> None:
        """Show a live board of all tasks in the running cell, and this where that cannot be."""
        self._boards.show(self.engine, static)

    def close(self) -> None:
        """Let go of everything; tasks go on."""
        if self._pid != os.getpid():
            return  # a forked child closes nothing that is its parent's
        if self._pump is not None:
            self._pump.close()
            self._pump = None
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
    return WidgetCard(task, lambda: pump.cancel(task.id))


def say(text: str) -> None:
    """Print text that may hold a stranger's words."""
    print(visible(text), flush=True)  # noqa: T201  (a magic answers by printing)
