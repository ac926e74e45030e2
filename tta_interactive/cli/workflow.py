"""`tta submit workflow FILE`: the steps come from a JSON file, or from standard input.

The file holds a list of steps, or an object with `steps` and what else the kind knows:

    {"on_failure": "stop", "steps": [{"name": "test", "kind": "shell", "params": {...}}, ...]}
"""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any, Final, cast

from tta_interactive.errors import InvalidRequestError
from tta_interactive.request import MAX_REQUEST_BYTES
from tta_interactive.targets import NAMED, Named

STDIN: Final = "-"


def with_steps(words: Sequence[str]) -> list[object]:
    """The words of `submit`, with the file of a workflow replaced by what it holds.

    Raises:
        InvalidRequestError: The file cannot be read, or is no workflow.
    """
    files = [word for word in words[1:] if not NAMED.fullmatch(word)]
    if words[:1] != ["workflow"] or not files:
        return list(words)
    if len(files) > 1:
        raise InvalidRequestError(
            f"A workflow is one file, but a second word is {files[1][:80]!r}. Params are written "
            "name=value."
        )
    held = [Named(name, value) for name, value in _read(files[0]).items()]
    return [words[0], *held, *(word for word in words[1:] if word != files[0])]


def _read(path: str) -> dict[str, Any]:
    said = "standard input" if path == STDIN else repr(path[:200])
    try:
        if path == STDIN:
            data = sys.stdin.buffer.read(MAX_REQUEST_BYTES + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(MAX_REQUEST_BYTES + 1)
    except OSError as error:
        raise InvalidRequestError(
            f"The workflow {said} cannot be read: {os.strerror(error.errno or 0)}. "
            "Give a JSON file, or - for standard input."
        ) from None
    if len(data) > MAX_REQUEST_BYTES:
        raise InvalidRequestError(
            f"The workflow {said} has more than {MAX_REQUEST_BYTES:,} bytes. "
            "Put large data into files and pass their paths."
        )
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(f"The workflow {said} is no JSON: {error}.") from None
    if isinstance(found, list):
        return {"steps": found}
    if not isinstance(found, dict):
        raise InvalidRequestError(
            f"The workflow {said} holds neither a list of steps nor an object with 'steps'."
        )
    return cast("dict[str, Any]", found)
