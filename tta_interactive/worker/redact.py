"""Takes secrets out of what a task says: also one that was printed in two writes.

A secret is found in the forms that `disguises` lists: those in which programs print a value
without wanting to hide it. One that the task hides (backwards, compressed, one character a line)
is not: no filter could.
"""

import re
from collections.abc import Collection
from typing import Any, Final, cast

from tta_interactive.worker.disguises import disguises

MARK: Final = "[secret]"
LEAD: Final = 8  # bytes by which the beginning of a secret is looked for


class Redactor:
    """Replaces values in a stream of bytes, and in JSON values."""

    def __init__(self, values: Collection[str]) -> None:
        forms = {form for value in values for form in disguises(value)}
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
        for found in self._found(data):
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

    def _found(self, data: bytes) -> Collection[re.Match[bytes]]:
        # To look for each form is quicker than the pattern, and nearly always enough.
        if not any(form in data for form in self._forms):
            return ()
        return list(self._pattern.finditer(data))

    def _suspicious(self, data: bytes) -> int:
        """The length of the longest end of `data` with which a secret begins."""
        return max(_beginning(form, data) for form in self._forms)


def _beginning(form: bytes, data: bytes) -> int:
    """The length of the longest end of `data` that is a beginning of `form`, but not all of it."""
    lead = form[:LEAD]
    at = max(len(data) - len(form) + 1, 0)
    while (at := data.find(lead, at)) >= 0:
        if form.startswith(data[at:]):
            return len(data) - at
        at += 1
    for length in range(min(len(data), len(lead) - 1), 0, -1):
        if lead.startswith(data[-length:]):
            return length
    return 0
