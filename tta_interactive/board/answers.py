"""What a board shows of a question, and what its reader's words mean: pure.

Nearly every question is fields: a text is one, a long list of choices is one. A field's value
comes as it was typed; what does not fit is told by field, so that its words can stand beside it.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import JsonValue

from tta_interactive.errors import InvalidRequestError
from tta_interactive.form import checked_values, choices_of, fields_of, value_of_word
from tta_interactive.question import Question
from tta_interactive.text import one_line

MESSAGE: Final = 200
FEW_CHOICES: Final = 4
WORDS: Final = 300
WHOLE: Final = ""  # the name of the one field of a question that is no form


def asks(question: Question | None) -> dict[str, JsonValue] | None:
    """What a task waits to be told: choices where they are few enough for a row, else fields."""
    if question is None:
        return None
    is_short = len(question.choices) <= FEW_CHOICES
    choices = question.choices if is_short else ()
    return {
        "key": question.key,
        "text": one_line(question.text, MESSAGE),
        "choices": [one_line(one, 200) for one in choices],
        "fields": [] if choices else _fields(question),
    }


def _fields(question: Question) -> list[JsonValue]:
    if question.form is None:
        choices = {"enum": question.choices} if question.choices else {}
        field = {"type": "string", "title": "Answer", "default": question.default, **choices}
        return [_field(WHOLE, field, is_needed=False)]
    return [
        _field(name, field, is_needed=_is_needed(question, name))
        for name, field in fields_of(question.form).items()
    ]


def _field(name: str, field: Mapping[str, Any], *, is_needed: bool) -> JsonValue:
    return {
        "name": name,
        "label": one_line(str(field.get("title") or name), 100),
        "about": one_line(str(field.get("description") or ""), WORDS),
        "type": field["type"],
        "choices": [*choices_of(field)],
        "default": _shown(field.get("default")),
        "needed": is_needed and "default" not in field,
    }


def _shown(default: JsonValue) -> JsonValue:
    """A default as it can stand in a field; a text that hides something cannot."""
    is_plain = not isinstance(default, str) or one_line(default) == default
    return default if is_plain else None


def meant(question: Question, said: JsonValue) -> JsonValue:
    """The answer that a reader's words mean; a field that was left empty is left out."""
    if question.form is None or not isinstance(said, dict):
        return said
    fields = fields_of(question.form)
    return {
        name: value_of_word(fields[name], value)
        if isinstance(value, str) and name in fields
        else value
        for name, value in said.items()
        if value != ""
    }


def complaints(question: Question, value: JsonValue) -> dict[str, str]:
    """Field -> what is wrong with its value; empty: it all fits."""
    found: dict[str, str] = {}
    if question.form is not None and isinstance(value, dict):
        for name, field in fields_of(question.form).items():
            alone = {"properties": {name: field}, "required": [name] * _is_needed(question, name)}
            try:
                checked_values(alone, {name: value[name]} if name in value else {})
            except InvalidRequestError as error:
                found[name] = one_line(str(error), WORDS)
    if not found:
        try:
            question.checked(value)
        except InvalidRequestError as error:
            found[WHOLE] = one_line(str(error), WORDS)
    return found


def _is_needed(question: Question, name: str) -> bool:
    needed = question.form["required"] if question.form is not None else None
    return isinstance(needed, list) and name in needed
