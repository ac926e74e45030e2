"""What of an object's inside matters for how it behaves, roughly.

An attribute that is as it never was before makes its object worth going on from, also where no
new line was reached on the way to it. Attributes are looked at one by one: their combinations
would be endless.
"""

import enum
from typing import Any, cast

SHORT = 16
MAX_ATTRIBUTES = 12
MAX_STATES = 12  # of one attribute
SIZED = (list, tuple, set, frozenset, dict, bytes, bytearray)


class States:
    """What the attributes of objects were like, up to a bound for each attribute."""

    def __init__(self) -> None:
        self._seen: dict[tuple[type, str], set[object]] = {}

    def add(self, value: Any) -> bool:
        """Whether something of the value is as it never was."""
        is_new = False
        for name, like in attributes_of(value).items():
            seen = self._seen.setdefault((cast("type[Any]", type(value)), name), set())
            if like not in seen and len(seen) < MAX_STATES:
                seen.add(like)
                is_new = True
        return is_new


def attributes_of(value: Any) -> dict[str, object]:
    """Attribute -> what it is like. Runs no code of the object's class."""
    try:
        inside: Any = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    held = cast("dict[str, Any]", inside) if type(inside) is dict else {}
    return {name: _like(held[name]) for name in list(held)[:MAX_ATTRIBUTES]}


def _like(part: Any) -> object:
    """One value, with what hardly ever matters left out."""
    cls = cast("type[Any]", type(part))
    if part is None or cls is bool or isinstance(part, enum.Enum):
        return repr(part) if part is None or cls is bool else part.name
    if cls is str:
        return part if len(part) <= SHORT and part.isidentifier() else bool(part)
    if cls in (int, float):
        return (part > 0) - (part < 0)
    if cls in SIZED:
        return (cls.__name__, min(len(part), 2))
    return cls.__qualname__
