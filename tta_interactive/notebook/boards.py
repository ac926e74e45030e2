"""The boards of a kernel: the rich one where the page can load it, else the table.

Whether the page can is not known here: JupyterLab needs anywidget in the server's environment,
not in the kernel's, and shows an error in place of the board if it has none. A page that has
loaded the board asks at once what there is to see. When nobody asks, the table takes its place.
"""

import threading
import uuid
from typing import Any, Final

from tta_interactive.blocking import BlockingEngine
from tta_interactive.notebook.card import WIDGET_VIEW, display_bundle
from tta_interactive.notebook.live_board import LiveBoard, is_possible
from tta_interactive.notebook.table_board import TableBoard

ANSWER_SECONDS: Final = 5.0
MAX_BOARDS: Final = 4


class Boards:
    """What a session holds of them; the oldest of many ends."""

    def __init__(self) -> None:
        self._shown: list[_Shown] = []

    def show(self, engine: BlockingEngine, static: dict[str, object]) -> None:
        """Show a board in the running cell.

        Args:
            engine: Whose tasks are shown.
            static: What stands in a saved notebook, and in front ends without widgets.
        """
        self._shown = [one for one in self._shown if one.belongs_here]
        if len(self._shown) >= MAX_BOARDS:
            self._shown.pop(0).close()
        was_in_vain = any(one.is_unheard for one in self._shown)
        self._shown.append(_Shown(engine, static, is_rich=is_possible() and not was_in_vain))

    def close(self) -> None:
        """End all; the pages show them as they were last."""
        while self._shown:
            self._shown.pop().close()


class _Shown:
    """The board in one output, in the one form or the other."""

    def __init__(self, engine: BlockingEngine, static: dict[str, object], *, is_rich: bool) -> None:
        self._engine, self._static = engine, static
        self._lock = threading.Lock()
        self._table: TableBoard | None = None
        self._rich: LiveBoard | None = None
        self.is_unheard = False
        """Whether a page was offered the rich board and did not load it."""
        if is_rich:
            self._rich = LiveBoard(engine, self._heard)
        else:
            self._table = TableBoard(engine)
        self._output: Any = display_bundle(self._bundle(), display_id=uuid.uuid4().hex)
        self._timer = threading.Timer(ANSWER_SECONDS, self._unanswered)
        self._timer.daemon = True
        if is_rich:
            self._timer.start()

    @property
    def belongs_here(self) -> bool:
        """False in a process that was forked."""
        board = self._rich or self._table
        return board is not None and board.belongs_here

    def close(self) -> None:
        self._timer.cancel()
        for board in (self._rich, self._table):
            if board is not None:
                board.close()

    def _bundle(self) -> dict[str, object]:
        board = self._table or self._rich
        model_id = board.model_id if board is not None else ""
        live = {"version_major": 2, "version_minor": 0, "model_id": model_id}
        return {**self._static, WIDGET_VIEW: live}

    def _unanswered(self) -> None:
        with self._lock:
            if self._table is None:
                self.is_unheard = True
                self._table = TableBoard(self._engine)
                self._output.update(self._bundle(), raw=True)

    def _heard(self) -> None:
        """A page shows the rich board; if that took long, the table is in its place."""
        self._timer.cancel()
        with self._lock:
            self.is_unheard = False
            if self._table is not None:
                self._table.close()
                self._table = None
                self._output.update(self._bundle(), raw=True)
