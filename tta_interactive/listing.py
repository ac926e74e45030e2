"""A module with what its kept tests reach, line by line: for the doors that show it.

The result of a `tests` task has only ranges of lines and a hash of the module. The text is read
here, and only if it is still the text that was measured: so a result cannot have any other file
of the user shown in a notebook.
"""

import hashlib
import io
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import JsonValue

from tta_interactive.runners.testgen.reading import read_bytes
from tta_interactive.text import visible

Mark = Literal["covered", "missed", "partial", ""]
MAX_MODULE: Final = 1024 * 1024
MAX_WIDTH: Final = 400
MAX_LINE: Final = 1_000_000  # beyond it a range is no range of lines


@dataclass(frozen=True)
class Line:
    """One line of the module, safe to be shown."""

    number: int
    mark: Mark
    """Empty: nothing runs there."""
    text: str


def listing(result: JsonValue, workspace: str) -> list[Line] | None:
    """The module of a finished `tests` task; None: it is not there any more, or has changed."""
    if not isinstance(result, dict):
        return None
    file, digest = result.get("module_file"), result.get("module_hash")
    if not isinstance(file, str) or not isinstance(digest, str):
        return None
    data = read_bytes(Path(workspace) / file, MAX_MODULE)
    if data is None or hashlib.sha256(data).hexdigest() != digest:
        return None
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding, "replace")
    except (SyntaxError, LookupError):
        return None
    return marked(text, result)


def marked(text: str, result: Mapping[str, JsonValue]) -> list[Line]:
    """The lines of a text with the marks that a result has for them. Pure."""
    marks: dict[int, Mark] = {}
    named: Sequence[tuple[str, Mark]] = (
        ("covered", "covered"),
        ("partial", "partial"),
        ("uncovered", "missed"),
    )
    for field, mark in named:
        for first, last in ranges(result.get(field)):
            marks.update(dict.fromkeys(range(first, last + 1), mark))
    lines = text.replace("\r\n", "\n").split("\n")
    if lines and not lines[-1]:
        del lines[-1]
    return [
        Line(number, marks.get(number, ""), visible(line, MAX_WIDTH).replace("\n", " "))
        for number, line in enumerate(lines, 1)
    ]


def ranges(said: JsonValue) -> list[tuple[int, int]]:
    """`3, 7-9` as (first, last); what is none is left out."""
    found: list[tuple[int, int]] = []
    for part in said.split(",") if isinstance(said, str) else ():
        first, _, last = part.strip().partition("-")
        try:
            start = int(first)
            end = int(last or first)
        except ValueError:
            continue
        if 0 < start <= end <= MAX_LINE:
            found.append((start, end))
    return found


def timeline(result: JsonValue) -> list[tuple[float, float]]:
    """(seconds, percent of lines) as a result tells them; what is no such pair is left out."""
    said = result.get("timeline") if isinstance(result, dict) else None
    points: list[tuple[float, float]] = []
    for pair in said[:200] if isinstance(said, list) else ():
        match pair:
            case [int() | float() as at, int() | float() as share] if at >= 0 and 0 <= share <= 100:
                points.append((float(at), float(share)))
            case _:
                pass
    return sorted(points) if all(at < 1e7 for at, _ in points) else []
