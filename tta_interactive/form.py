"""A form: the JSON schema of a flat object, as MCP's elicitation allows it, and its values.

    {"type": "object", "required": ["branch"], "properties": {
        "branch": {"type": "string", "title": "Branch", "maxLength": 80},
        "push":   {"type": "boolean", "default": false},
        "level":  {"type": "string", "enum": ["low", "high"]},
        "parts":  {"type": "array", "items": {"type": "string", "enum": ["docs", "code"]}}}}

Fields are texts, numbers, truth values, one choice or several; nothing is nested. Pure: no I/O.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from pydantic import JsonValue

from tta_interactive.errors import InvalidRequestError
from tta_interactive.text import one_line

LARGEST: Final = 1e300  # of a number, either way
MAX_FIELDS: Final = 20
MAX_CHOICES: Final = 50
MAX_CHOICE: Final = 200  # characters
MAX_TEXT: Final = 500  # of a title or a description
MAX_ANSWER: Final = 10_000  # characters of one text
FIELD_NAME: Final = re.compile(r"[^\W\d][\w-]{0,63}")
_WORDS: Final = {"title": str, "description": str}
# What may stand in a field of each type, beside its words.
_KEYS: Final[Mapping[str, Mapping[str, type | tuple[type, ...]]]] = {
    "string": {"minLength": int, "maxLength": int, "format": str, "enum": list, "default": str},
    "integer": {"minimum": (int, float), "maximum": (int, float), "default": int},
    "number": {"minimum": (int, float), "maximum": (int, float), "default": (int, float)},
    "boolean": {"default": bool},
    "array": {"items": dict, "minItems": int, "maxItems": int, "default": list},
}
_TRUE: Final = frozenset({"true", "yes", "y", "on", "1"})
_FALSE: Final = frozenset({"false", "no", "n", "off", "0"})

Field = Mapping[str, Any]


def fields_of(form: Mapping[str, Any]) -> Mapping[str, Field]:
    """The fields of a checked form, by name."""
    return form["properties"]


def choices_of(field: Field) -> Sequence[str]:
    """What a field lets choose from; empty: it is no choice."""
    source = field.get("items", {}) if field["type"] == "array" else field
    return source.get("enum", ())


def checked_choices(choices: object, where: str) -> list[str]:
    """Choices that can be shown.

    Raises:
        InvalidRequestError: They cannot.
    """
    found = cast("list[Any]", list(choices)) if isinstance(choices, (list, tuple)) else []  # pyright: ignore[reportUnknownArgumentType]
    if not 1 <= len(found) <= MAX_CHOICES:
        raise InvalidRequestError(f"{where} need a list of 1 to {MAX_CHOICES} texts.")
    for choice in found:
        if not isinstance(choice, str) or not 1 <= len(choice.strip()) <= MAX_CHOICE:
            raise InvalidRequestError(
                f"{where} have {repr(choice)[:80]}. Give texts of 1 to {MAX_CHOICE} characters."
            )
        if one_line(choice) != choice:
            # Each door could show it otherwise, and what is chosen must be what was meant.
            raise InvalidRequestError(
                f"{where} have {repr(choice)[:80]}. Give words on one line without characters "
                "that cannot be seen."
            )
    if len(set(found)) < len(found):
        raise InvalidRequestError(f"{where} name one thing twice.")
    return found


def checked_form(form: object) -> dict[str, JsonValue]:
    """The form, if every door can show it.

    Raises:
        InvalidRequestError: It is no schema of a flat object.
    """
    given = _mapping(form)
    properties = _mapping(given.get("properties"))
    if given.get("type", "object") != "object" or not 1 <= len(properties) <= MAX_FIELDS:
        raise InvalidRequestError(
            f"The form is no object with 1 to {MAX_FIELDS} properties. Give "
            '{"type": "object", "properties": {"name": {"type": "string"}}}.'
        )
    fields = {name: _checked_field(name, _mapping(field)) for name, field in properties.items()}
    required = cast("Sequence[Any]", given.get("required", []))
    is_list = isinstance(required, (list, tuple))
    if not is_list or not all(isinstance(name, str) and name in fields for name in required):
        raise InvalidRequestError("What the form requires is no list of its own fields.")
    return {"type": "object", "properties": {**fields}, "required": [*required]}


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _checked_field(name: str, field: Mapping[str, Any]) -> dict[str, JsonValue]:
    if not FIELD_NAME.fullmatch(name):
        raise InvalidRequestError(
            f"{name[:80]!r} is no name of a field. Begin with a letter; letters, digits, _ and - "
            "may follow, 64 in all."
        )
    kind = str(field.get("type"))
    keys = _KEYS.get(kind)
    if keys is None:
        raise InvalidRequestError(
            f"Field {name!r} has the type {kind[:40]!r}. Known: {', '.join(_KEYS)}."
        )
    for key, value in field.items():
        wanted = {**keys, **_WORDS, "type": str}.get(key)
        if wanted is None:
            raise InvalidRequestError(f"Field {name!r} says {key[:40]!r}, which a {kind} has not.")
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            raise InvalidRequestError(f"Field {name!r} has the {key} {repr(value)[:80]}.")
        if isinstance(value, (int, float)) and not abs(value) < LARGEST:  # NaN neither
            raise InvalidRequestError(f"Field {name!r} has a {key} that is no ordinary number.")
        if isinstance(value, str) and len(value) > (MAX_ANSWER if key == "default" else MAX_TEXT):
            raise InvalidRequestError(f"The {key} of field {name!r} is too long.")
    if kind == "array":
        items = _mapping(field.get("items"))
        if items.keys() - {"type", "enum"} or items.get("type", "string") != "string":
            raise InvalidRequestError(f"Field {name!r} has items that are no choice of texts.")
        checked_choices(items.get("enum"), f"The items of field {name!r}")
    if "enum" in field:
        checked_choices(field["enum"], f"The choices of field {name!r}")
    if "default" in field:
        _checked_value(name, field, field["default"])
    return dict(field)


def checked_values(form: Mapping[str, Any], value: object) -> dict[str, JsonValue]:
    """The values of a filled-in form: what is left out has its default, if there is one.

    Raises:
        InvalidRequestError: They do not fit; the sentence says which one and why.
    """
    if not isinstance(value, Mapping):
        names = ", ".join(fields_of(form))
        raise InvalidRequestError(f"The answer is no object. Give values for: {names}.")
    given = cast("Mapping[str, Any]", value)
    fields = fields_of(form)
    for name in given:
        if name not in fields:
            raise InvalidRequestError(
                f"The question has no field {name[:80]!r}. It has: {', '.join(fields)}."
            )
    found: dict[str, JsonValue] = {}
    for name, field in fields.items():
        if name in given:
            found[name] = _checked_value(name, field, given[name])
        elif "default" in field:
            found[name] = field["default"]
        elif name in form["required"]:
            raise InvalidRequestError(f"The answer needs a value for {name!r}.")
    return found


def _checked_value(name: str, field: Field, value: Any) -> JsonValue:
    complaint = _CHECKS[field["type"]](field, value)
    if complaint:
        raise InvalidRequestError(f"{name!r} is {repr(value)[:80]}. Give {complaint}.")
    return value


def _text_complaint(field: Field, value: object) -> str:
    if choices := choices_of(field):
        return "" if value in choices else f"one of: {quoted(choices)}"
    least, most = field.get("minLength", 0), min(field.get("maxLength", MAX_ANSWER), MAX_ANSWER)
    fits = isinstance(value, str) and least <= len(value) <= most
    return "" if fits else f"a text of {least} to {most} characters"


def _number_complaint(field: Field, value: object) -> str:
    is_whole = field["type"] == "integer"
    least, most = field.get("minimum"), field.get("maximum")
    if (
        isinstance(value, (int,) if is_whole else (int, float))
        and not isinstance(value, bool)
        and value - value == 0  # neither infinite nor NaN
        and abs(value) < LARGEST
        and (least is None or value >= least)
        and (most is None or value <= most)
    ):
        return ""
    bounds = [f"from {least:g}" if least is not None else "", f"to {most:g}" if most is not None else ""]  # fmt: skip
    return " ".join(["a whole number" if is_whole else "a number", *filter(None, bounds)])


def _truth_complaint(_: Field, value: object) -> str:
    return "" if isinstance(value, bool) else "true or false"


def _list_complaint(field: Field, value: object) -> str:
    choices = choices_of(field)
    least, most = field.get("minItems", 0), min(field.get("maxItems", MAX_CHOICES), MAX_CHOICES)
    items = cast("list[object]", value) if isinstance(value, list) else None
    if (
        items is not None
        and least <= len(items) <= most
        and all(item in choices for item in items)
        and len(set(map(str, items))) == len(items)
    ):
        return ""
    return f"a list of {least} to {most} of: {quoted(choices)}"


_CHECKS: Final[Mapping[str, Callable[[Field, object], str]]] = {
    "string": _text_complaint,
    "integer": _number_complaint,
    "number": _number_complaint,
    "boolean": _truth_complaint,
    "array": _list_complaint,
}


def quoted(choices: Sequence[str]) -> str:
    """Choices as a sentence shows them."""
    return ", ".join(repr(choice)[:80] for choice in choices)


def value_of_word(field: Field, word: str) -> JsonValue:
    """The value that a typed word means for a field; the word itself where it means none."""
    match field["type"]:
        case "integer" | "number":
            for number in (int, float):
                try:
                    return number(word)
                except ValueError:
                    continue
            return word
        case "boolean":
            lower = word.strip().lower()
            return True if lower in _TRUE else False if lower in _FALSE else word
        case "array":
            return [part.strip() for part in word.split(",") if part.strip()]
        case _:
            return word


def field_words(form: Mapping[str, Any], name: str) -> str:
    """What a field wants, on one safe line: `level (one of 'low', 'high'): how loud`."""
    field = fields_of(form)[name]
    what = _TYPE_WORDS[field["type"]]
    if choices := choices_of(field):
        what = f"{'some' if field['type'] == 'array' else 'one'} of {quoted(choices)}"
    if "default" in field:
        what += f", else {json.dumps(field['default'], ensure_ascii=False)}"
    elif name in form["required"]:
        what += ", needed"
    about = ": ".join(field[key] for key in ("title", "description") if field.get(key))
    return one_line(f"{name} ({what})" + (f": {about}" if about else ""), 800)


_TYPE_WORDS: Final[Mapping[str, str]] = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "yes or no",
    "array": "list",
}
