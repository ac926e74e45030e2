"""Which function a task of kind `call` calls: one that can be imported, or a pickled one.

Loaded by `child` from the file beside it. Runs in the task's process, in any Python from 3.9
on, standard library only.
"""

from __future__ import annotations

import base64
import importlib
import os
import pickle
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


class RefusedError(Exception):
    """The function cannot be had: what is wrong, and what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message, self.remedy = message, remedy


def function_of(
    payload: Mapping[str, Any], text_of: Callable[[Any], str]
) -> tuple[Callable[..., Any], Any, Any]:
    """The function, and what it is called with: positional and named arguments.

    Args:
        payload: {"pickle": base64} or {"function": "module:name", "args": ..., "kwargs": ...}.
        text_of: Gives a foreign object's text, whatever its code does.
    """
    if payload.get("pickle") is not None:
        return _unpickled(str(payload["pickle"]), text_of)
    function = _imported(str(payload["function"]))
    return function, payload.get("args", ()), payload.get("kwargs", {})


def _imported(name: str) -> Callable[..., Any]:
    module_name, _, path = name.partition(":")
    try:
        found = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name + ".").startswith(error.name + "."):
            raise RefusedError(
                f"Module {module_name!r} cannot be found from {os.getcwd()!r} by {sys.executable}.",
                "Check the name, the workspace and the interpreter.",
            ) from None
        raise
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise RefusedError(f"Module {module_name!r} has no {path!r}.") from None
    if not callable(found):
        raise RefusedError(f"{name!r} is a {type(found).__name__}, which cannot be called.")
    return found


def _unpickled(text: str, text_of: Callable[[Any], str]) -> tuple[Callable[..., Any], Any, Any]:
    try:
        # Only trusted doors accept a pickle, and it is opened only here, in the task's process.
        function, args, kwargs = pickle.loads(base64.b64decode(text))  # noqa: S301
    except ModuleNotFoundError as error:
        raise RefusedError(
            f"The pickled function needs the module {error.name!r}, which {sys.executable} "
            "does not have.",
            "Install it there, or submit with the interpreter that has it.",
        ) from None
    except Exception as error:  # boundary: opening a pickle runs foreign code
        words = f"The pickled function cannot be loaded: {text_of(error)[:1000]}"
        raise RefusedError(words) from error
    return function, args, kwargs
