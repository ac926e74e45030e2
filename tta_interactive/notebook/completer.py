"""What Tab offers on a magic's line: options, their values, kinds, ids, names, variables."""

import re
from collections.abc import Callable, Sequence
from typing import Final

from tta_interactive.kinds import kind_names
from tta_interactive.notebook.options import PARSERS, parser_of

_MAGIC: Final = re.compile(r"(?:^|=)\s*%%?(tta_[a-z]+)(?:\s+(.*))?$", re.DOTALL)
TAKES_TASKS: Final = (
    *("tta_status", "tta_wait", "tta_cancel", "tta_retry", "tta_answer", "tta_logs"),
)


def offers(
    text: str, tasks: Callable[[], Sequence[str]], variables: Callable[[], Sequence[str]]
) -> list[str] | None:
    """What may stand where the cursor is; None: it is on no line of ours.

    Args:
        text: The line up to the cursor.
        tasks: Gives ids and names of tasks; called only where one is wanted.
        variables: The same for variables of the notebook.
    """
    match = _MAGIC.search(text)
    if match is None or match[1] not in PARSERS or match[2] is None:
        return None
    name, rest = match[1], match[2]
    words = rest.split()
    if "--" in words:
        return []
    typed = words.pop() if words and not rest[-1:].isspace() else ""
    if words and words[-1] == "--in":
        *before, typed = typed.split(",")
        start = "".join(f"{one}," for one in before)
        return [start + one for one in variables() if one.startswith(typed) and one not in before]
    return [one for one in _all(name, words, typed, tasks) if one.startswith(typed)]


def _all(
    name: str, words: Sequence[str], typed: str, tasks: Callable[[], Sequence[str]]
) -> Sequence[str]:
    options = parser_of(name)._option_string_actions  # pyright: ignore[reportPrivateUsage]
    if typed.startswith("-"):
        return sorted(options)
    before = options.get(words[-1]) if words else None
    if before is not None and before.nargs != 0:
        return [str(choice) for choice in before.choices or ()]
    if name in TAKES_TASKS:
        return tasks()
    return kind_names() if name == "tta_submit" and not words else []
