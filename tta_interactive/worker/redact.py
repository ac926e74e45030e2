"""Takes secrets out of what a task says: also one that was printed in two writes.

A secret is found as it is, and as JSON and Python's `repr` write it. One that the task changes
(base64, one character a line) is not: no filter could.
"""

import json
import re
from collections.abc import Collection
from typing import Any, Final, cast

MARK: Final = "[secret]"


class Redactor:
    """Replaces values in a stream of bytes, and in JSON values."""

    def __init__(self, values: Collection[str]) -> None:
        forms = {form for value in values for form in _forms(value)}
        # The longest first: one may begin like another.
        self._forms = sorted((form.encode() for form in forms), key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, self._forms)))
        self._text = re.compile("|".join(re.escape(form.decode()) for form in self._forms))
        self._held = b""

    def feed(self, block: bytes) -> bytes:
        """What may be shown so far; what could be the beginning of a secret is held back."""
        data = self._held + block
        cut = len(data) - self._suspicious(data)
        pieces: list[bytes] = []
        at = 0
        for found in self._pattern.finditer(data):
            if found.start() >= cut:
                break
            pieces += [data[at : found.start()], MARK.encode()]
            at = found.end()
        cut = max(cut, at)
        pieces.append(data[at:cut])
        self._held = data[cut:]
        return b"".join(pieces)

    def flush(self) -> bytes:
        """The rest: nothing follows."""
        data, self._held = self._held, b""
        return self._pattern.sub(MARK.encode(), data)

    def clean(self, value: Any) -> Any:
        """A JSON value without secrets, in keys neither."""
        if isinstance(value, str):
            return self._text.sub(MARK, value)
        if isinstance(value, list):
            return [self.clean(item) for item in cast(list[Any], value)]
        if isinstance(value, dict):
            items = cast(dict[str, Any], value).items()
            return {self._text.sub(MARK, key): self.clean(item) for key, item in items}
        return value

    def _suspicious(self, data: bytes) -> int:
        """The length of the longest end of `data` with which a secret begins."""
        for length in range(min(len(data), len(self._forms[0]) - 1), 0, -1):
            end = data[-length:]
            if any(len(form) > length and form.startswith(end) for form in self._forms):
                return length
        return 0


def _forms(value: str) -> set[str]:
    return {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1],
            repr(value)[1:-1], value.rstrip("\n")} - {""}  # fmt: skip
