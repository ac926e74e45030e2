"""The part of a live card with which its task's question is answered.

Choices are buttons, or a list when there are many; a text is a field; a form is a field each. The
widgets show a stranger's words: they are made visible here, and no description is ever HTML.
"""

import html
import importlib
from collections.abc import Callable
from typing import Any, Final

from pydantic import JsonValue

from tta_interactive.form import choices_of, fields_of, value_of_word
from tta_interactive.notebook.markup import COLOURS
from tta_interactive.question import Question
from tta_interactive.text import one_line

BUTTONS: Final = 6  # more choices become a list
LABEL: Final = 80  # characters on a button or before a field
Give = Callable[[JsonValue], None]
Read = Callable[[], JsonValue]


class Answering:
    """The widgets for one question.

    Args:
        question: What is asked.
        give: Called with the answer, from a thread that nobody can foretell.
        answer_at_once: Has the clicks of a widget handled while a cell is running.
    """

    def __init__(
        self, question: Question, give: Give, answer_at_once: Callable[[object], None]
    ) -> None:
        self.key = question.key
        self._widgets: Any = importlib.import_module("ipywidgets")
        self._parts: list[Any] = []
        self._give, self._answer_at_once = give, answer_at_once
        if question.form is not None:
            shown = self._fields(question.form)
        elif question.choices:
            shown = self._choices(question)
        else:
            shown = self._text(question)
        shown.append(self._button("No answer", lambda: None))
        self._words: Any = self._made("HTML")
        shown.append(self._words)
        self.box: Any = self._made(
            "HBox", shown, layout=self._widgets.Layout(flex="1 1 100%", flex_flow="row wrap")
        )

    def disable(self) -> None:
        """An answer was given: another would be too late."""
        self._words.value = ""
        self._disable(True)

    def refuse(self, words: str) -> None:
        """The answer does not fit: say why, and take another; what was filled in stays."""
        self._words.value = f'<span role="alert" style="color:{COLOURS["bad"]}">{html.escape(one_line(words))}</span>'
        self._disable(False)

    def _disable(self, is_disabled: bool) -> None:
        for part in self._parts:
            if hasattr(part, "disabled"):
                part.disabled = is_disabled

    def close(self) -> None:
        """Take the widgets away."""
        for part in self._parts:
            for own in (part.layout, getattr(part, "style", None), part):
                if own is not None:
                    own.close()

    def _choices(self, question: Question) -> list[Any]:
        if len(question.choices) <= BUTTONS:
            return [self._button(one, lambda one=one: one) for one in question.choices]
        listed = self._list(question.choices, question.default)
        return [listed, self._button("Answer", lambda: listed.value)]

    def _text(self, question: Question) -> list[Any]:
        default = question.default if isinstance(question.default, str) else ""
        field = self._made("Text", value=default, continuous_update=False)
        return [field, self._button("Answer", lambda: str(field.value))]

    def _fields(self, form: dict[str, JsonValue]) -> list[Any]:
        reads: dict[str, Read] = {}
        shown: list[Any] = []
        for name, field in fields_of(form).items():
            widget, reads[name] = self._field(name, field)
            shown.append(widget)

        def filled() -> JsonValue:
            found = {name: read() for name, read in reads.items()}
            return {name: value for name, value in found.items() if value is not None}

        return [*shown, self._button("Answer", filled)]

    def _field(self, name: str, field: Any) -> tuple[Any, Read]:
        label = one_line(str(field.get("title") or name), LABEL)
        default = field.get("default")
        if field["type"] == "boolean":
            box = self._made("Checkbox", value=bool(default), description=label, indent=False)
            return box, lambda: bool(box.value)
        choices = choices_of(field)
        if choices and field["type"] == "string":
            listed = self._list(choices, default, label)
            return listed, lambda: listed.value
        words = ", ".join(map(str, default)) if isinstance(default, list) else default  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]
        text = self._made(
            "Text",
            value="" if words is None else str(words),
            description=label,
            placeholder=one_line(", ".join(choices), LABEL) if choices else "",
        )
        return text, lambda: value_of_word(field, str(text.value)) if text.value else None

    def _list(self, choices: Any, default: Any, label: str = "") -> Any:
        value = default if default in choices else choices[0]
        return self._made("Dropdown", options=list(choices), value=value, description=label)

    def _button(self, words: str, read: Read) -> Any:
        layout = self._widgets.Layout(width="auto")
        button = self._made("Button", description=one_line(words, LABEL), layout=layout)

        def clicked(_: object) -> None:
            self._give(read())

        button.on_click(clicked)
        return button

    def _made(self, name: str, *args: Any, **facts: Any) -> Any:
        widget = getattr(self._widgets, name)(*args, **facts)
        self._answer_at_once(widget)  # a field's text must arrive before the click
        self._parts.append(widget)
        return widget
