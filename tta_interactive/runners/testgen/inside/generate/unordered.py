"""Where a text shows a set: the order of its items is another one in each process.

Only what is written as a set can be found here, `{'a', 'b'}`. A list that was made of one looks
like any other: that is what the runs with other hash seeds are for.
"""

import ast
from collections.abc import Iterator
from typing import Any, cast

OPEN, CLOSE = "([{<", ")]}>"
NUMBERS = (int, float, complex)


def sets_shown(text: str) -> Iterator[tuple[int, int]]:
    """Where each set of several items begins and ends, the outermost ones only."""
    at = text.find("{")
    while at >= 0:
        end = _end(text, at)
        if end and _is_unordered(text[at + 1 : end - 1]):
            yield at, end
            at = text.find("{", end)
        else:
            at = text.find("{", at + 1)


def _end(text: str, start: int) -> int:
    """Where the bracket that opens here is closed; 0: nowhere."""
    depth, at = 0, start
    while at < len(text):
        sign = text[at]
        if sign in "'\"":
            at = _end_of_text(text, at) or at
        elif sign in OPEN:
            depth += 1
        elif sign in CLOSE:
            depth -= 1
            if not depth:
                return at + 1
        at += 1
    return 0


def _end_of_text(text: str, start: int) -> int:
    """Where the quoted text that begins here has its last quote; 0: nowhere."""
    at = start + 1
    while at < len(text):
        if text[at] == text[start]:
            return at
        at += 2 if text[at] == "\\" else 1
    return 0


def _is_unordered(inner: str) -> bool:
    items = list(_items(inner))
    return len(items) > 1 and not all(_is_hashed_alike(item) for item in items)


def _items(inner: str) -> Iterator[str]:
    """The items between the braces; none: it is a dict, or no display at all."""
    start = at = 0
    found: list[str] = []
    while at < len(inner):
        sign = inner[at]
        if sign in "'\"":
            at = _end_of_text(inner, at) or at
        elif sign in OPEN:
            at = max(_end(inner, at) - 1, at)
        elif inner.startswith(": ", at):
            return
        elif inner.startswith(", ", at):
            found.append(inner[start:at])
            start = at + 2
        at += 1
    yield from (*found, inner[start:])


def _is_hashed_alike(item: str) -> bool:
    """Whether its hash is the same in every process: that of a number is."""
    try:
        return _is_number(ast.literal_eval(item))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return False


def _is_number(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(_is_number(part) for part in cast("tuple[Any, ...]", value))
    return isinstance(value, NUMBERS)
