"""What the words of a magic's line name: variables of the caller, and tasks."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from IPython.core.error import UsageError

from tta_interactive.notebook.handle import TaskHandle
from tta_interactive.notebook.line import Spot
from tta_interactive.task import Task
from tta_interactive.text import one_line


class Names:
    """The names that a line can use: the notebook's, and the caller's own in a function."""

    def __init__(self, shell: Any, local_ns: Mapping[str, object] | None) -> None:
        self._global: dict[str, Any] = shell.user_global_ns
        self._local: dict[str, Any] = dict(local_ns or shell.user_ns)

    def evaluate(self, expression: str) -> object:
        # The user's own text, in the user's own kernel, which runs any text of theirs anyway.
        return eval(expression, self._global, self._local)  # noqa: S307

    def variable(self, name: str) -> object:
        """The value of a variable."""
        for scope in (self._local, self._global):
            if name in scope:
                return scope[name]
        raise UsageError(f"--in names {name!r}, which is not defined here.")

    def ids(self, words: Sequence[str]) -> list[str]:
        """The tasks that words name: ids, prefixes, names, handles, lists of handles."""
        found: list[str] = []
        for word in words:
            if isinstance(word, Spot):
                found += _ids_in(word.value, word)
            elif (known := self._local.get(word)) is not None and _is_handles(known):
                found += _ids_in(known, word)
            else:
                found += [part for part in word.split(",") if part] or [word]
        for one in found:
            if not one.strip():
                raise UsageError("'' is no task. Give an id, a name or a handle.")
        return found


def _is_handles(value: object) -> bool:
    if isinstance(value, list | tuple):
        parts = cast("Sequence[object]", value)
        return bool(parts) and all(isinstance(one, TaskHandle) for one in parts)
    return isinstance(value, TaskHandle)


def _ids_in(value: object, typed: str) -> list[str]:
    if isinstance(value, TaskHandle | Task):
        return [value.id]
    if isinstance(value, str):
        return [value]
    if isinstance(value, list | tuple):
        parts = cast("Sequence[object]", value)
        return [one for part in parts for one in _ids_in(part, typed)]
    raise UsageError(
        f"{one_line(typed, 80)} is an object of type {type(value).__name__} and no task. "
        "Give an id, a name or a handle."
    )
