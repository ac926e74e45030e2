"""Feeds one board: takes what its reader asks for, and tells what changed.

    page  ──take(message)──>  feed  ──say(page | patch | detail | problem)──>  page
                               ^
    store ──moved ids──────────+   refresh(): one page travels, afterwards only rows that moved

A feed has no thread: its host calls `refresh` when the bell rang, at most some times a second.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Final

from pydantic import JsonValue, ValidationError

from tta_interactive.blocking import BlockingEngine
from tta_interactive.board.rows import bar_of, facts_of, lines_of, owner_words, row_of
from tta_interactive.board.wish import MESSAGE, Cancel, Detail, Retry, View
from tta_interactive.errors import TTAError
from tta_interactive.text import one_line, visible

PAGE_SIZE: Final = 50
NEWEST: Final = 100  # tasks that the figures and the timeline are made of
BARS: Final = 40
LOG_LINES: Final = 40
LOG_BYTES: Final = 16 * 1024

Row = dict[str, JsonValue]
Rows = dict[str, Row]
Say = Callable[[Mapping[str, JsonValue]], None]


class BoardFeed:
    """What one reader sees of all tasks. Not thread-safe: its host calls it from one thread."""

    def __init__(self, engine: BlockingEngine, say: Say) -> None:
        self._engine, self._say = engine, say
        self._view: View | None = None
        self._shown: Rows = {}
        self._total = 0

    def take(self, message: object) -> None:
        """Do what the page asks for; what is wrong with it is said to the page."""
        try:
            asked = MESSAGE.validate_python(message)
        except (ValidationError, RecursionError):
            self._problem("The board sent something that is not understood. Reload it.")
            return
        try:
            match asked:
                case View():
                    self._view = asked
                    self._say_page()
                case Cancel(id=task_id):
                    self._engine.cancel(task_id)
                    self.refresh({task_id})
                case Retry(id=task_id):
                    self._engine.retry(task_id)
                    self._say_page()
                case Detail(id=task_id):
                    self._say_detail(task_id)
        except TTAError as error:
            self._problem(str(error))

    def refresh(self, moved: Collection[str]) -> None:
        """Tell what is new since the last look, given the tasks that moved.

        Raises:
            TTAError: The store is busy or away; nothing was told.
        """
        if self._view is None or not moved:
            return
        if self._view.keeps_places and self._shown.keys() >= set(moved):
            rows = {task_id: row_of(self._engine.status(task_id)) for task_id in moved}
            self._say_patch(rows)
            return
        rows = self._look(self._view)
        if list(rows) == list(self._shown):
            self._say_patch(rows)
        else:
            self._say_rows(rows)

    def _say_page(self) -> None:
        self._say_rows(self._look(self._view or View()))

    def _look(self, view: View) -> Rows:
        tasks, total = self._engine.look(view.look(PAGE_SIZE))
        if not tasks and total:  # the page is gone: the last one instead
            view = view.model_copy(update={"page": (total - 1) // PAGE_SIZE})
            tasks, total = self._engine.look(view.look(PAGE_SIZE))
        self._view, self._total = view, total
        return {task.id: row_of(task) for task in tasks}

    def _say_rows(self, rows: Rows) -> None:
        choices = self._engine.choices()
        self._shown = rows
        self._say(
            {
                "type": "page",
                "rows": [*rows.values()],
                "page": self._view.page if self._view else 0,
                "size": PAGE_SIZE,
                "kinds": [[one_line(kind, 40), one_line(kind, 40)] for kind in choices.kinds],
                "owners": [[owner, owner_words(owner)] for owner in choices.owners],
                "workspaces": [[path, one_line(path, 300)] for path in choices.workspaces],
                **self._rest(),
            }
        )

    def _say_patch(self, rows: Rows) -> None:
        changed = {key: row for key, row in rows.items() if row != self._shown[key]}
        self._shown.update(changed)
        self._say({"type": "patch", "rows": [*changed.values()], "rest": self._rest()})

    def _rest(self) -> Row:
        """What stands around the rows."""
        now = datetime.now(UTC)
        newest = self._engine.list(limit=NEWEST)
        return {
            "total": self._total,
            "counts": dict[str, JsonValue](self._engine.counts()),
            "timeline": [bar_of(task) for task in newest[:BARS]],
            "facts": facts_of(newest, now),
            "now": now.timestamp(),
        }

    def _say_detail(self, wanted: str) -> None:
        task = self._engine.status(wanted)
        log = self._engine.logs(task.id, tail_lines=LOG_LINES, max_bytes=LOG_BYTES)
        told: Row = {"type": "detail", "id": task.id, "log": visible(log)}
        self._say({**told, "lines": lines_of(task)})

    def _problem(self, words: str) -> None:
        self._say({"type": "problem", "text": one_line(words, 600)})
