"""The variables of `--in` and `--out`: from the kernel to a task and back.

To the task: JSON where that gives the value back exactly, else a pickle (protocol 5: arrays and
data frames as they lie in memory), made by the user's own kernel and opened in the process that
runs the user's own text. A small one travels in the request, a larger one as a file of the
store; the size is watched while pickling, so what is too large is never copied.

Back: JSON, bytes and NumPy arrays as plain data, which cannot act. Anything else is a pickle,
and `trust.py` says whose is opened.
"""

import base64
import importlib
import io
import json
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from tta_interactive.errors import InvalidRequestError, TTAError
from tta_interactive.notebook.trust import distrust
from tta_interactive.runners.cell import Counted, TooLargeError, is_plain, pickler, size_words
from tta_interactive.task import Task
from tta_interactive.text import one_line
from tta_interactive.worker.logs import attempt_directory
from tta_interactive.worker.values import left_value, new_value


class ValueRefused(TTAError):  # noqa: N818  (the word that its reader sees in the notebook)
    """A variable is not brought into this kernel: one line in the notebook, no traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"ValueRefused: {one_line(str(self), 2000)}"]


class _File(Protocol):
    def write(self, data: bytes, /) -> object: ...


def carried(values: Mapping[str, object], home: Path, limit: int) -> dict[str, dict[str, str]]:
    """The `inputs` of kind `python`.

    Args:
        values: Name -> the variable.
        home: The store's directory; large values become files of it.
        limit: Most bytes of one.

    Raises:
        InvalidRequestError: One cannot be carried; it is named.
    """
    return {name: _sent(name, value, home, limit) for name, value in values.items()}


def _sent(name: str, value: object, home: Path, limit: int) -> dict[str, str]:
    # Here: most cells carry nothing, and the models of this kind take 20 ms to build.
    from tta_interactive.kinds.python import MAX_INLINE  # noqa: PLC0415

    if is_plain(value):
        text = json.dumps(value)
        if len(text) <= min(MAX_INLINE, limit):
            return {"text": text}
    memory = io.BytesIO()
    try:
        _dump(value, memory, min(MAX_INLINE // 4 * 3, limit))  # base64: 4 for 3
    except TooLargeError:
        pass
    except Exception as error:  # boundary: pickling runs the code of the user's objects
        raise _refused(name, value, error) from None
    else:
        return {"pickle": base64.b64encode(memory.getbuffer()).decode("ascii")}
    try:
        with new_value(home) as file:
            _dump(value, file, limit)
            return {"file": file.keep()}
    except TooLargeError:
        raise InvalidRequestError(
            f"The variable {name!r} (of type {type(value).__name__}) has "
            f"{size_words(value, limit)}; allowed are {limit:,}. Save it to a file and send the "
            "path, or set TTA_MAX_VALUE_BYTES higher."
        ) from None


def _dump(value: object, file: _File, limit: int) -> None:
    pickler()(Counted(file, limit), protocol=5).dump(value)


def _refused(name: str, value: object, error: Exception) -> InvalidRequestError:
    return InvalidRequestError(
        f"The variable {name!r} (of type {type(value).__name__[:80]}) cannot be sent to a task: "
        f"{type(error).__name__}: {str(error)[:200]}. Make it in the cell instead, or send what "
        "it is made from."
    )


def brought_back(
    task: Task, name: str, home: Path, limit: int, *, unasked: bool, trusted: bool = False
) -> object:
    """A variable that a completed task carries back.

    Args:
        task: As it stands in the store.
        name: The variable's.
        home: The store's directory.
        limit: Most bytes.
        unasked: Whether a pickle of this task is opened without being asked for.
        trusted: Whether somebody asked for it.

    Raises:
        ValueRefused: There is none, or it may not be opened.
    """
    where = attempt_directory(home, task.id, task.attempt)
    try:
        left = left_value(where, name, limit)
    except (OSError, ValueError) as error:
        raise ValueRefused(f"The value {name!r} cannot be read: {error}.") from None
    if left is None:
        raise ValueRefused(
            f"Task {task.id[:10]} left no value {name!r}. It carries back: "
            f"{', '.join(outputs_of(task)) or 'nothing'}."
        )
    form, data = left
    if form == "pickle":
        _check_trust(task, name, unasked=unasked, trusted=trusted)
    try:
        return _opened(form, data)
    except Exception as error:  # boundary: a pickle runs the code of its objects
        raise ValueRefused(
            f"The value {name!r} cannot be opened here: {type(error).__name__}: "
            f"{str(error)[:300]}. The task's interpreter is {task.python}."
        ) from None


def _check_trust(task: Task, name: str, *, unasked: bool, trusted: bool) -> None:
    if why := distrust(task):
        raise ValueRefused(
            f"The value {name!r} of task {task.id[:10]} is a pickle, which can run code here, and "
            f"{why}. Let the task carry back numbers, texts, lists or arrays, or write a file."
        )
    if not (unasked or trusted):
        raise ValueRefused(
            f"The value {name!r} of task {task.id[:10]} is a pickle, which can run code here, and "
            f"another kernel submitted it. If it is yours: handle.value({name!r}, trusted=True)."
        )


def _opened(form: str, data: bytes) -> object:
    if form == "json":
        return json.loads(data)
    if form == "bin":
        return data
    if form == "npy":
        # By name: the project does not depend on it, so checkers may not know it.
        numpy: Any = importlib.import_module("numpy")
        return numpy.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    return pickle.loads(data)  # noqa: S301  (the user's own: `_check_trust`)


def outputs_of(task: Task) -> Sequence[str]:
    """The names of the variables that a task carries back."""
    names: Any = task.params.get("outputs") or ()
    return cast("Sequence[str]", names) if task.kind == "python" else ()
