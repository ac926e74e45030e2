"""Feeds one board: takes what its reader asks for, and tells what changed.

    page  ──take(message)──>  feed  ──say(page | patch | detail | refused | problem)──>  page
                               ^
    store ──moved ids──────────+   refresh(): one page travels, afterwards only what changed

`page` is all that a board shows. A `patch` has of `rows` and `bars` those that changed, and of all
other facts the ones that did; `order` and `bar_order` say what stands where. A feed has no thread:
its host calls `refresh` when the bell rang, at most some times a second.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Final, cast

from pydantic import JsonValue, ValidationError

from tta_interactive.blocking import BlockingEngine
from tta_interactive.board.answers import complaints, meant
from tta_interactive.board.rows import bar_of, facts_of, lines_of, row_of
from tta_interactive.board.wish import MESSAGE, Answer, Cancel, Detail, Retry, View
from tta_interactive.errors import TaskNotFoundError, TTAError
from tta_interactive.owner import owner_words
from tta_interactive.task import Task
from tta_interactive.text import one_line, visible

PAGE_SIZE: Final = 50
NEWEST: Final = 100  # tasks that the figures and the timeline are made of
BARS: Final = 24
CHOICES: Final = 100  # of one kind; a list that is longer nobody reads
LOG_LINES: Final = 40
LOG_BYTES: Final = 16 * 1024
GROUPS: Final = ("rows", "bars")  # told one by one; everything else is told whole

Facts = dict[str, JsonValue]
Rows = dict[str, Facts]
Say = Callable[[Mapping[str, JsonValue]], None]


class BoardFeed:
    """What one reader sees of all tasks. Not thread-safe: its host calls it from one thread.

    Args:
        engine: Whose tasks are shown.
        say: Takes what is told.
        size: Rows on a page.
    """

    def __init__(self, engine: BlockingEngine, say: Say, size: int = PAGE_SIZE) -> None:
        self._engine, self._say, self._size = engine, say, size
        self._view: View | None = None
        self._newest: dict[str, Task] = {}
        self._choices: Facts = {}
        self._total = 0
        self._rows: Rows = {}
        self._told: Facts = {}

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
                    self._renew()
                    self._say_page()
                case Cancel(id=task_id):
                    self._engine.cancel(task_id)
                    self.refresh({task_id})
                case Retry(id=task_id):
                    self.refresh({self._engine.retry(task_id)})
                case Answer(id=task_id):
                    self._answer(asked)
                case Detail(id=task_id):
                    self._say_detail(task_id)
        except TTAError as error:
            self._problem(str(error))

    def _answer(self, asked: Answer) -> None:
        question = self._engine.status(asked.id).open_question
        value: JsonValue = cast("JsonValue", asked.value)
        if question is not None and question.key == asked.key:
            value = meant(question, value)
            if wrong := complaints(question, value):
                refused: Facts = {"type": "refused", "id": asked.id, "key": asked.key}
                self._say({**refused, "fields": {**wrong}, "text": next(iter(wrong.values()))})
                return
        self._engine.answer(asked.id, value, key=asked.key)
        self.refresh({asked.id})

    def refresh(self, moved: Collection[str]) -> None:
        """Tell what is new since the last look, given the tasks that moved.

        Raises:
            TTAError: The store is busy or away; nothing was told.
        """
        if self._view is None or not moved:
            return
        try:
            self._read(self._view, moved)
        except TaskNotFoundError:  # it moved, and was removed since
            self._renew()
        self._say_patch()

    def _read(self, view: View, moved: Collection[str]) -> None:
        if not self._newest.keys() >= set(moved):
            self._renew()
            return
        fresh = {task_id: self._engine.status(task_id) for task_id in moved}
        self._newest.update(fresh)
        if view.keeps_places:
            self._rows.update({one: row_of(fresh[one]) for one in fresh.keys() & self._rows.keys()})
        else:
            self._look(view)

    def _renew(self) -> None:
        """Read everything anew."""
        self._newest = {task.id: task for task in self._engine.list(limit=NEWEST)}
        choices = self._engine.choices()
        self._choices = {
            "kinds": [[one_line(kind, 40), one_line(kind, 40)] for kind in choices.kinds[:CHOICES]],
            "owners": [[owner, owner_words(owner)] for owner in choices.owners[:CHOICES]],
            "workspaces": [[path, one_line(path, 300)] for path in choices.workspaces[:CHOICES]],
        }
        self._look(self._view or View())

    def _look(self, view: View) -> None:
        """Read the rows of the page; if it is gone, of the last one instead."""
        tasks, total = self._engine.look(view.look(self._size))
        if not tasks and total:
            view = view.model_copy(update={"page": (total - 1) // self._size})
            tasks, total = self._engine.look(view.look(self._size))
        self._view, self._total = view, total
        self._rows = {task.id: row_of(task) for task in tasks}

    def _shown(self, now: datetime) -> Facts:
        """All that the board shows."""
        newest = [*self._newest.values()]
        bars: Rows = {task.id: bar_of(task) for task in newest[:BARS]}
        return {
            "rows": dict[str, JsonValue](self._rows),
            "order": [*self._rows],
            "bars": dict[str, JsonValue](bars),
            "bar_order": [*bars],
            "page": self._view.page if self._view else 0,
            "size": self._size,
            "total": self._total,
            "counts": dict[str, JsonValue](self._engine.counts()),
            "facts": facts_of(newest, now),
            **self._choices,
        }

    def _say_page(self) -> None:
        now = datetime.now(UTC)
        self._told = self._shown(now)
        self._say({"type": "page", **self._told, "now": now.timestamp()})

    def _say_patch(self) -> None:
        now = datetime.now(UTC)
        shown = self._shown(now)
        news = {key: value for key, value in shown.items() if value != self._told.get(key)}
        for group in news.keys() & set(GROUPS):
            news[group] = _changed(self._told.get(group), shown[group])
        self._told = shown
        if news:
            self._say({"type": "patch", **news, "now": now.timestamp()})

    def _say_detail(self, wanted: str) -> None:
        task = self._engine.status(wanted)
        log = self._engine.logs(task.id, tail_lines=LOG_LINES, max_bytes=LOG_BYTES)
        told: Facts = {"type": "detail", "id": task.id, "log": visible(log)}
        self._say({**told, "lines": lines_of(task)})

    def _problem(self, words: str) -> None:
        self._say({"type": "problem", "text": one_line(words, 600)})


def _changed(told: JsonValue, shown: JsonValue) -> JsonValue:
    before = told if isinstance(told, dict) else {}
    now = shown if isinstance(shown, dict) else {}
    return {key: one for key, one in now.items() if one != before.get(key)}
