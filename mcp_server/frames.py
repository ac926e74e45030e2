"""One line from the wire: a JSON-RPC message, or the words of a refusal. Pure.

The SDK drops a line that it cannot read, and its caller waits until its own time-out; it takes
the last of two equal keys, where a gateway before us may have judged the first. Here every line
that will not be served has an answer, and what is served has one meaning: no duplicate keys, no
NaN or infinity, no integer that a store or another language cannot hold, no text that is not
Unicode, no nesting that exhausts a parser.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from mcp_types import INVALID_REQUEST, PARSE_ERROR, JSONRPCError
from mcp_types.jsonrpc import ErrorData, JSONRPCMessage, RequestId, jsonrpc_message_adapter
from pydantic import ValidationError

MAX_FRAME_BYTES: Final = 1024 * 1024 + 64 * 1024  # 1 MiB of arguments, and their envelope
MAX_DEPTH: Final = 64  # levels of arrays and objects; the deepest honest call has about ten
MAX_INTEGER: Final = 2**63 - 1  # what SQLite, and most other languages, can hold

# The id of a line that cannot be parsed: only where it stands before anything nested, so that
# no text inside the arguments can pass for it.
_HEAD_ID: Final = re.compile(
    rb'^\s*\{(?:\s*"(?:jsonrpc|method)"\s*:\s*"[^"\\]{0,128}"\s*,)*'
    rb'\s*"id"\s*:\s*(-?\d{1,15}|"[^"\\\x00-\x1f\x80-\xff]{0,128}")\s*[,}]'
)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class JsonError(ValueError):
    """Text that is no JSON, or JSON with more than one meaning: `args[0]` says what."""


@dataclass(frozen=True)
class Refusal:
    """A line that is not served, and the answer to it."""

    answer: JSONRPCError


def strict_json(text: str) -> Any:
    """The value of a JSON text that has exactly one meaning.

    Raises:
        JsonError: It is no JSON, or has duplicate keys, NaN, infinity, an integer over 63 bits,
            a lone surrogate or more than `MAX_DEPTH` levels.
    """
    value, offence = _parse(text)
    if offence:
        raise JsonError(offence)
    return value


def read_frame(line: bytes) -> JSONRPCMessage | Refusal | None:
    """The message that a line holds, a refusal of it, or None for an empty line."""
    if not line.strip():
        return None
    if len(line) > MAX_FRAME_BYTES:
        return too_long(line)
    try:
        parsed = _parse(line.decode())
    except UnicodeDecodeError:
        return _refusal(_head_id(line), PARSE_ERROR, "The message is not UTF-8.")
    except JsonError as error:
        return _refusal(_head_id(line), PARSE_ERROR, str(error))
    value: Any = parsed[0]
    offence = parsed[1]
    if type(value) is not dict:
        return _refusal(None, INVALID_REQUEST, "A message is one JSON object; batches are not.")
    if offence:
        return _refusal(_own_id(value), INVALID_REQUEST, offence)
    if "id" in value and _own_id(value) is None:
        # The SDK would take it for a notification and never answer.
        return _refusal(None, INVALID_REQUEST, "The id of a message is an integer or a text.")
    try:
        return jsonrpc_message_adapter.validate_python(value, by_name=False)
    except ValidationError:
        return _refusal(_own_id(value), INVALID_REQUEST, "The message is no JSON-RPC 2.0.")


def too_long(head: bytes) -> Refusal:
    """The refusal of a line of which only the beginning was kept."""
    return _refusal(
        _head_id(head),
        INVALID_REQUEST,
        f"The message has more than {MAX_FRAME_BYTES:,} bytes. "
        "Put the data into a file in the workspace and pass its path.",
    )


def _parse(text: str) -> tuple[Any, str]:
    """The value, and the first offence or an empty text."""
    offences: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) < len(items):
            names = [name for name, _ in items]
            twice = next(name for name in names if names.count(name) > 1)
            offences.append(f"The key {twice[:80]!a} occurs twice in one object. Give it once.")
        return found

    def integer(digits: str) -> int:
        # The length first: Python refuses to convert more than 4,300 digits.
        if len(digits) > 20 or not -MAX_INTEGER <= int(digits) <= MAX_INTEGER:
            offences.append(f"The integer {digits[:20]}... has more than 63 bits.")
            return 0
        return int(digits)

    def number(digits: str) -> float:
        value = float(digits)
        if value in (float("inf"), float("-inf")):
            offences.append(f"The number {digits[:20]} is too large.")
        return value

    def constant(name: str) -> float:
        offences.append(f"{name} is no JSON.")
        return 0.0

    try:
        value = json.loads(
            text,
            object_pairs_hook=pairs,
            parse_int=integer,
            parse_float=number,
            parse_constant=constant,
        )
    except RecursionError:
        raise JsonError(_too_deep()) from None
    except ValueError as error:
        raise JsonError(f"The message is no JSON: {str(error)[:200]}.") from None
    offences += _walk(value, r"\u" in text)
    return value, offences[0] if offences else ""


def _walk(value: Any, escapes: bool) -> list[str]:
    """What is wrong with the shape: depth, and text that no encoding takes."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            return [_too_deep()]
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += item.values()  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]  (from JSON)
                if escapes and any(map(_SURROGATE.search, item)):  # pyright: ignore[reportUnknownArgumentType]  (from JSON)
                    return [_surrogate()]
            elif isinstance(item, list):
                below += item
            elif escapes and isinstance(item, str) and _SURROGATE.search(item):
                return [_surrogate()]
        level = below
    return []


def _too_deep() -> str:
    return f"The message is nested deeper than {MAX_DEPTH} levels."


def _surrogate() -> str:
    return "The message holds half of a surrogate pair, which is no Unicode text."


def _head_id(line: bytes) -> RequestId | None:
    found = _HEAD_ID.match(line[:4096])
    return json.loads(found[1]) if found else None


def _own_id(message: Any) -> RequestId | None:
    value = message.get("id")
    return value if isinstance(value, int | str) and not isinstance(value, bool) else None


def _refusal(request_id: RequestId | None, code: int, message: str) -> Refusal:
    error = ErrorData(code=code, message=message)
    return Refusal(JSONRPCError(jsonrpc="2.0", id=request_id, error=error))
