"""The board that every front end with widgets can show: one HTML table, selects and buttons.

    choices and buttons ──> loop's thread ──> feed ──> one HTML value, one list of tasks,
                                                       what answers the chosen task's question

It asks and is told the same as the rich board. One table, never widgets a row: a thousand rows
of widgets take half a minute, and messages are lost (measured).
"""

import importlib
import threading
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import JsonValue

from tta_interactive.blocking import BlockingEngine
from tta_interactive.board import BoardFeed
from tta_interactive.notebook.answering import Answering
from tta_interactive.notebook.board_html import board_html, choices_in
from tta_interactive.notebook.board_loop import BoardLoop
from tta_interactive.notebook.card import answer_at_once
from tta_interactive.task import TaskStatus

SIZE: Final = 25
FIXED: Final = 3  # widgets above the one that answers a question
NOTHING: Final = ("choose a task", "")
SORTS: Final = [
    ("newest first", "submitted"),
    ("by state", "state"),
    ("by name", "label"),
    ("by origin", "owner"),
    ("longest waiting", "waited"),
    ("longest running", "ran"),
]
UPWARDS: Final = ("state", "label", "owner")


class TableBoard:
    """A board in one output of a notebook, live as long as the kernel."""

    def __init__(self, engine: BlockingEngine) -> None:
        self._engine = engine
        self._feed = BoardFeed(engine, self._told, SIZE)
        self._answering: tuple[str, Answering] | None = None
        self._shown: dict[str, JsonValue] = {}
        self._page = 0
        self._painter: threading.Thread | None = None
        self._make()
        self._loop = BoardLoop(engine, self)
        self._ask()

    @property
    def model_id(self) -> str:
        """Of the widget that shows it."""
        return self._box.model_id

    @property
    def belongs_here(self) -> bool:
        """False in a process that was forked: its copy has no thread."""
        return self._loop.belongs_here

    def close(self) -> None:
        """End it; the page shows it as it was last."""
        self._loop.close()

    def _make(self) -> None:
        widgets: Any = importlib.import_module("ipywidgets")
        narrow = widgets.Layout(width="auto", max_width="150px")

        def choice(options: list[tuple[str, str]], tooltip: str) -> Any:
            made = widgets.Dropdown(
                options=options, value=options[0][1], tooltip=tooltip, layout=narrow
            )
            made.observe(self._changed, "value")
            return made

        def button(words: str, act: Any) -> Any:
            made = widgets.Button(description=words, layout=widgets.Layout(width="auto"))

            def clicked(_: object) -> None:
                act()

            made.on_click(clicked)
            return made

        states = [("every state", ""), *[(s.value.replace("_", " "), s.value) for s in TaskStatus]]
        self._state = choice(states, "State")
        self._sort = choice(SORTS, "Order")
        self._picks = {
            "kind": choice([("all kinds", "")], "Kind"),
            "owner": choice([("from anywhere", "")], "Submitted from"),
            "workspace": choice([("all workspaces", "")], "Workspace"),
        }
        self._search = widgets.Text(
            placeholder="Search names and ids",
            continuous_update=False,
            layout=widgets.Layout(width="auto", flex="1 1 90px"),
        )
        self._search.observe(self._changed, "value")
        self._html = widgets.HTML()
        self._task = widgets.Dropdown(
            options=[NOTHING],
            layout=widgets.Layout(width="auto", flex="1 1 200px", max_width="480px"),
        )
        self._buttons = [
            button("Cancel", lambda: self._act("cancel")),
            button("Retry", lambda: self._act("retry")),
            button("Newer", lambda: self._turn(-1)),
            button("Older", lambda: self._turn(1)),
        ]
        rows = widgets.Layout(flex_flow="row wrap", align_items="center")
        filters = [self._search, self._state, *self._picks.values(), self._sort]
        self._box = widgets.VBox(
            [
                widgets.HBox(filters, layout=rows),
                self._html,
                widgets.HBox([self._task, *self._buttons], layout=rows),
            ]
        )
        self._task.observe(self._chosen, "value")
        for one in (*filters, self._task, *self._buttons):
            answer_at_once(one)

    # Called in threads that nobody can foretell: they only hand over.

    def _changed(self, _: object) -> None:
        if threading.current_thread() is not self._painter:  # else it is no reader's choice
            self._page = 0
            self._ask()

    def _chosen(self, _: object) -> None:
        if threading.current_thread() is not self._painter:
            self._loop.ask(None)

    def _turn(self, by: int) -> None:
        self._page = max(0, self._page + by)
        self._ask()

    def _act(self, what: str) -> None:
        if self._task.value:
            self._loop.ask({"type": what, "id": self._task.value})

    def _ask(self) -> None:
        self._loop.ask(
            {
                "type": "view",
                "states": (self._state.value,) if self._state.value else (),
                "search": self._search.value[:200],
                "sort": self._sort.value,
                "descending": self._sort.value not in UPWARDS,
                "page": self._page,
                **{key: pick.value for key, pick in self._picks.items()},
            }
        )

    # Called in the board's own thread.

    @property
    def is_ticking(self) -> bool:
        rows = self._shown.get("rows")
        known = rows.values() if isinstance(rows, dict) else ()
        return any(isinstance(row, dict) and row["state"] == "running" for row in known)

    def tick(self) -> None:
        self._paint()

    def take(self, message: object) -> None:
        if message is None:  # another task was chosen
            self._paint()
        else:
            self._feed.take(message)

    def refresh(self, moved: Collection[str]) -> None:
        self._feed.refresh(moved)

    def stumbled(self, error: Exception) -> None:
        self._paint(f"The board stumbled: {error!r:.200}")

    def _told(self, message: Mapping[str, JsonValue]) -> None:
        if message["type"] == "refused":
            if self._answering is not None and self._answering[0] == message["id"]:
                fields = message["fields"]
                wrong = fields.values() if isinstance(fields, dict) else ()
                self._answering[1].refuse(" ".join(map(str, wrong)))
            return
        if message["type"] == "problem":
            self._paint(str(message["text"]))
            return
        for key, value in message.items():
            known = self._shown.get(key)
            if message["type"] == "patch" and isinstance(known, dict) and isinstance(value, dict):
                self._shown[key] = {**known, **value}
            else:
                self._shown[key] = value
        rows, order = self._shown["rows"], self._shown["order"]
        if isinstance(rows, dict) and isinstance(order, list):
            self._shown["rows"] = {str(one): rows[str(one)] for one in order}
        self._paint()

    def _paint(self, problem: str = "") -> None:
        self._painter = threading.current_thread()
        self._html.value = board_html(self._shown, datetime.now(UTC).timestamp(), problem)
        _offer(self._task, [NOTHING, *choices_in(self._shown)])
        self._show_question()
        for key, pick in self._picks.items():
            known = self._shown.get(f"{key}s")
            words = (
                [(str(pair[1]), str(pair[0])) for pair in known if isinstance(pair, list)]
                if (isinstance(known, list))
                else []
            )
            _offer(pick, [pick.options[0], *words])
        page, size = self._shown.get("page"), self._shown.get("size")
        if isinstance(page, int) and isinstance(size, int):
            self._page = page
            self._buttons[2].disabled = page == 0
            self._buttons[3].disabled = (page + 1) * size >= int(str(self._shown["total"]))

    def _show_question(self) -> None:
        """Have what answers the chosen task's question under the table; the same while it is asked."""
        task_id = str(self._task.value)
        rows = self._shown.get("rows")
        row = rows.get(task_id) if isinstance(rows, dict) else None
        asks = row["asks"] if isinstance(row, dict) else None
        wanted = (task_id, str(asks["key"])) if isinstance(asks, dict) else None
        before = self._answering
        if wanted == ((before[0], before[1].key) if before else None):
            return
        question = self._engine.status(task_id).open_question if wanted else None
        self._answering = None
        if question is not None:
            made = Answering(question, self._answer(task_id, question.key), answer_at_once)
            self._answering = task_id, made
        parts = self._box.children[:FIXED]
        self._box.children = [*parts, *([self._answering[1].box] if self._answering else [])]
        if before is not None:
            before[1].close()

    def _answer(self, task_id: str, key: str) -> Callable[[JsonValue], None]:
        def give(value: JsonValue) -> None:
            if self._answering is not None:
                self._answering[1].disable()
            self._loop.ask({"type": "answer", "id": task_id, "key": key, "value": value})

        return give


def _offer(choice: Any, options: list[tuple[str, str]]) -> None:
    """Change what can be chosen, and keep what is."""
    if list(choice.options) == options:
        return
    kept = choice.value
    if kept and kept not in [value for _, value in options]:
        if choice.options[0] != NOTHING:
            options = [*options, next(pair for pair in choice.options if pair[1] == kept)]
        else:
            kept = ""
    choice.options = options
    choice.value = kept
