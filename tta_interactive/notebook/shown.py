"""What a cell showed in its task, shown again in the notebook. Nothing in it is believed.

Pictures and text are shown whoever made them. HTML, SVG, Markdown and LaTeX can run scripts in
the page: they are shown where `trust.py` says so, else only the text form.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from pydantic import JsonValue

from tta_interactive.notebook.trust import distrust
from tta_interactive.notebook.view import report_of
from tta_interactive.task import Task
from tta_interactive.text import visible
from tta_interactive.worker.logs import attempt_directory
from tta_interactive.worker.values import shown

Bundle = dict[str, str]

TEXT: Final = "text/plain"
ACTIVE: Final = ("text/html", "image/svg+xml", "text/markdown", "text/latex")
PICTURES: Final = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
MOST_DISPLAYS: Final = 1000
FIGURES: Final = ("success", "kept", "line", "branch", "output_path")


class RichResult(dict[str, JsonValue]):
    """A result that JSON cannot say: its `repr` and `type`, and in a notebook its rich forms."""

    def __init__(self, result: Mapping[str, JsonValue], bundle: Bundle) -> None:
        super().__init__(result)
        self._bundle = bundle

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        printer.text(self._bundle[TEXT])  # or IPython would print it as a dictionary

    def _repr_mimebundle_(self, **_: object) -> Bundle:
        return dict(self._bundle)


class ReportResult(dict[str, JsonValue]):
    """The report of a `tests` task. A notebook shows its figures: the whole fills the page."""

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        figures = {name: self[name] for name in FIGURES if name in self}
        shown = visible(", ".join(f"{name!r}: {value!r}" for name, value in figures.items()), 600)
        printer.text(f"{{{shown}, and {len(self) - len(figures)} more}}")


def what_was_shown(task: Task, home: Path) -> tuple[list[Bundle], Bundle | None]:
    """What the cell displayed, in order, and the forms of its last value."""
    if task.kind != "python" or not task.is_final:
        return [], None
    data = shown(attempt_directory(home, task.id, task.attempt))
    try:
        found: Any = json.loads(data) if data else {}
        displays = found.get("displays")
        last = found.get("result")
    except (ValueError, RecursionError, AttributeError):
        return [], None
    active = not distrust(task)
    bundles = cast("list[object]", displays)[:MOST_DISPLAYS] if isinstance(displays, list) else []
    checked = [_checked(one, active=active) for one in bundles]
    return [one for one in checked if one], _checked(last, active=active)


def with_forms(task: Task, home: Path) -> JsonValue:
    """The task's result; what JSON cannot say is shown as the cell itself would show it."""
    result = task.result
    if isinstance(result, dict) and report_of(result) is not None:
        return ReportResult(result)
    if not (isinstance(result, dict) and result.keys() == {"repr", "type"}):
        return result
    _, bundle = what_was_shown(task, home)
    return RichResult(result, bundle or {TEXT: visible(str(result["repr"]))})


def _checked(said: object, *, active: bool) -> Bundle | None:
    """A bundle without what may not be shown; its text is always there."""
    if not isinstance(said, dict):
        return None
    forms = cast("dict[object, object]", said)
    text = forms.get(TEXT)
    bundle = {TEXT: visible(text) if isinstance(text, str) else ""}
    for mime, magic in PICTURES.items():
        picture = forms.get(mime)
        if isinstance(picture, str) and _is_picture(picture, magic):
            bundle[mime] = picture
    for mime in ACTIVE if active else ():
        form = forms.get(mime)
        if isinstance(form, str):
            bundle[mime] = form
    return bundle


def _is_picture(text: str, magic: bytes) -> bool:
    try:
        return base64.b64decode(text, validate=True).startswith(magic)
    except (binascii.Error, ValueError):
        return False
