"""The live card of one task, in the form that the front end can show.

    widget   HBox([HTML, Button]), one message an update; text/html and text/plain beside it
    html     text/html under a display id, for front ends without widgets
    text     no card: a line of text when it is submitted

A card ends as static HTML without any widget: JupyterLab shows an error in place of a widget
whose kernel is gone, also when the output holds HTML beside it.
"""

import importlib
import os
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import JsonValue

from tta_interactive.errors import InvalidRequestError
from tta_interactive.listing import listing
from tta_interactive.notebook.answering import Answering
from tta_interactive.notebook.config import defaults_of
from tta_interactive.notebook.markup import card_html
from tta_interactive.notebook.view import MESSAGE, View, as_text, view_of, with_tail
from tta_interactive.question import Question
from tta_interactive.task import Task
from tta_interactive.text import one_line

Mode = Literal["widget", "html", "text"]
MODES: Final = ("auto", "widget", "html", "text")
WIDGET_VIEW: Final = "application/vnd.jupyter.widget-view+json"


def display_mode(shell: Any) -> Mode:
    """How this front end is shown tasks: `%config TTA`, `TTA_DISPLAY`, else what it can.

    Raises:
        InvalidRequestError: The variable has none of the four values.
    """
    wanted = str(defaults_of(shell).display)
    wanted = os.environ.get("TTA_DISPLAY", "auto") if wanted == "auto" else wanted
    if wanted not in MODES:
        raise InvalidRequestError(f"TTA_DISPLAY is {wanted!r}. Set one of: {', '.join(MODES)}.")
    if wanted != "auto":
        return wanted
    if not hasattr(shell, "kernel"):
        return "text"  # terminal IPython
    try:
        importlib.import_module("ipywidgets")
    except ImportError:
        return "html"
    return "widget"


class HtmlCard:
    """A card that is painted by replacing its HTML. Shown in any number of cells."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # a cell shows it while the pump paints it
        self._displays: list[Any] = []

    def show(self, task: Task) -> None:
        """Show it in the cell that is running."""
        view = finished_view(task)
        with self._lock:
            shown = display_bundle(self._bundle(view), display_id=uuid.uuid4().hex)
            self._displays.append(shown)

    def paint(self, task: Task, log: str = "", problem: str = "") -> None:
        with self._lock:
            self._paint(_view(task, log, problem))

    def finish(self, task: Task, log: str = "") -> None:
        with self._lock:
            self._replace(finished_view(task, log))

    def _bundle(self, view: View) -> dict[str, object]:
        return static_bundle(view)

    def _paint(self, view: View) -> None:
        self._replace(view)

    def _replace(self, view: View) -> None:
        for shown in self._displays:
            shown.update(static_bundle(view), raw=True)


class WidgetCard(HtmlCard):
    """A card whose updates are one small message each, with buttons to cancel and to answer."""

    def __init__(
        self,
        task: Task,
        on_cancel: Callable[[], None],
        on_answer: Callable[[str, JsonValue], None],
    ) -> None:
        super().__init__()
        self._on_answer = on_answer
        self._answering: Answering | None = None
        widgets: Any = importlib.import_module("ipywidgets")
        view = view_of(task, datetime.now(UTC))
        self._is_known_twice = False

        def get_state(
            widget: Any, key: object = None, drop_defaults: bool = False
        ) -> dict[str, object]:
            """What a page asks for that loads a widget which is already there."""
            if key is None and widget.comm is not None:
                self._is_known_twice = True
            return widgets.HTML.get_state(widget, key, drop_defaults)

        self._html = type("CardHTML", (widgets.HTML,), {"get_state": get_state})(
            _live_html(view),
            model_id=_model_id(task.id, "html"),
            layout=widgets.Layout(flex="1 1 auto", min_width="0"),
        )
        self._button = widgets.Button(
            description="Cancel",
            tooltip="End this task and all its processes",
            model_id=_model_id(task.id, "button"),
            layout=widgets.Layout(width="auto", flex="0 0 auto"),
        )
        self._box = widgets.HBox(
            [self._html, self._button],
            model_id=_model_id(task.id, "box"),
            layout=widgets.Layout(max_width="720px"),
        )
        self._box.add_class("tta-live")
        self._is_closed = False
        answer_at_once(self._button)

        # It runs in a thread that nobody can foretell; what it prints or raises is never seen.
        def clicked(_: object) -> None:
            on_cancel()

        self._button.on_click(clicked)

    def _bundle(self, view: View) -> dict[str, object]:
        if self._is_closed:
            return static_bundle(view)
        live = {"version_major": 2, "version_minor": 0, "model_id": self._box.model_id}
        return {**static_bundle(view), WIDGET_VIEW: live}

    def paint(self, task: Task, log: str = "", problem: str = "") -> None:
        super().paint(task, log, problem)
        with self._lock:
            self._ask(task.open_question, problem)

    def _ask(self, question: Question | None, problem: str = "") -> None:
        """Show what answers the question, or nothing; and why the last answer was refused."""
        shown = self._answering
        if self._is_closed:
            return
        if (shown.key if shown else None) == (question.key if question else None):
            if shown is not None and problem:
                shown.refuse(problem)
            return
        self._answering = None
        if question is not None:
            self._answering = Answering(question, self._given(question.key), answer_at_once)
        parts = [self._html, self._button, *([self._answering.box] if self._answering else [])]
        self._box.layout.flex_flow = "row wrap" if self._answering else "row"
        self._box.children = parts
        if shown is not None:
            shown.close()

    def _given(self, key: str) -> Callable[[JsonValue], None]:
        def give(value: JsonValue) -> None:
            if self._answering is not None and self._answering.key == key:
                self._answering.disable()
            self._on_answer(key, value)

        return give

    def _paint(self, view: View) -> None:
        self._html.value = _live_html(view)
        if view.is_cancelling and not self._button.disabled:
            self._button.description = "Cancelling…"
            self._button.disabled = True

    def finish(self, task: Task, log: str = "") -> None:
        super().finish(task, log)
        with self._lock:
            self._ask(None)
            self._is_closed = True
            if self._is_known_twice:
                # A page that was loaded again gets no more updates of its outputs
                # (JupyterLab forgets their ids): there the widget itself shows the end.
                self._html.value = _live_html(finished_view(task, log))
                self._button.layout.display = "none"
                return
            box, html, button = self._box, self._html, self._button
            for part in (box.layout, html.layout, html.style, button.layout, button.style):
                part.close()
            for part in (html, button, box):
                part.close()


def answer_at_once(widget: object) -> None:
    """Have clicks and messages of a widget handled while a cell is running.

    ipykernel 7.4 answers on the loop that created the widget, which a running cell blocks, and
    not on the subshell that JupyterLab chose (ipykernel #1565).
    """
    comm = getattr(widget, "comm", None)
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = None  # pyright: ignore[reportOptionalMemberAccess]


def display_bundle(bundle: dict[str, object], display_id: str | None = None) -> Any:
    """Show a bundle of representations in the running cell; the handle to change it."""
    # Looked up by name: a door without IPython can import this module, and its types are open.
    show: Any = importlib.import_module("IPython.display").display
    return show(bundle, raw=True, display_id=display_id)


def static_bundle(view: View) -> dict[str, object]:
    """A card that needs no kernel: what stays in the saved notebook."""
    return {"text/plain": as_text(view), "text/html": card_html(view, live=False)}


def finished_view(task: Task, log: str = "") -> View:
    """A finished task, with the lines of the module that its tests were made for."""
    view = with_tail(view_of(task, datetime.now(UTC)), log)
    if view.report is None:
        return view
    lines = tuple(listing(task.result, task.workspace) or ())
    return replace(view, report=replace(view.report, listing=lines))


def _live_html(view: View) -> str:
    return card_html(view, live=True, phase=time.monotonic())


def _view(task: Task, log: str, problem: str) -> View:
    view = with_tail(view_of(task, datetime.now(UTC)), log)
    return replace(view, message=one_line(problem, MESSAGE)) if problem else view


def _model_id(task_id: str, part: str) -> str:
    """The same in every kernel: the new kernel's widget fills the old one's place in the page."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"tta-interactive:{task_id}:{part}").hex
