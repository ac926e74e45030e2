"""From what was seen to what a test asserts: only what is the same in every process."""

import builtins
import enum
import math
import re
import sys
from collections.abc import Callable
from typing import Any, cast

from .targets import Names

MAX_LITERAL = 800
MAX_ITEMS = 60
MAX_ATTRIBUTES = 6
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+|/tmp/|/proc/|/home/|/root/")


class Expectations:
    """Writes assertions in the names of one test file."""

    def __init__(
        self, module_name: str, names: Names, known: dict[type, str], hidden: list[str]
    ) -> None:
        self._module_name, self._names, self._known = module_name, names, known
        self._hidden = [text for text in hidden if len(text) > 3]

    def written_class_of(self, value: Any) -> str | None:
        """The value's class as a test writes it, if objects of it can be made."""
        return self._known.get(_type(value))

    def of_value(self, value: Any, subject: str = "result") -> list[str]:
        """The assertions about a returned value; at least one."""
        if value is None or isinstance(value, bool) or value is NotImplemented:
            return [f"assert {subject} is {value!r}"]
        written = self.literal(value)
        if written is not None:
            return [f"assert {subject} == {written}"]
        cls = _type(value)
        if cls in self._known:
            lines = [f"assert type({subject}) is {self._known[cls]}"]
        elif cls in (list, tuple, dict, set, frozenset):
            lines = [f"assert len({subject}) == {len(value)}"]
        else:
            lines = [f"assert type({subject}).__name__ == {cls.__name__!r}"]
        return lines + self.of_state(value, subject)

    def of_state(self, value: Any, subject: str) -> list[str]:
        """The assertions about an object of the package: its text, items and attributes."""
        cls = _type(value)
        if str(cls.__module__).split(".")[0] != self._module_name.split(".")[0]:
            return []
        lines: list[str] = []
        own_text = cls.__str__ is not object.__str__ or cls.__repr__ is not object.__repr__
        text = _asked(lambda: str(value)) if own_text else None
        if isinstance(text, str) and self._is_stable(text):
            lines.append(f"assert str({subject}) == {text!r}")
        elif hasattr(cls, "__iter__") and hasattr(cls, "__len__"):
            written = self.literal(_asked(lambda: list(value)))
            if written not in (None, "None"):
                lines.append(f"assert list({subject}) == {written}")
        for name in self._attributes(value)[:MAX_ATTRIBUTES]:
            attribute = _asked(lambda name=name: getattr(value, name))
            written = self.literal(attribute)
            if written is None or len(written) > MAX_LITERAL / 4:
                continue
            same = "is" if attribute is None or isinstance(attribute, bool) else "=="
            lines.append(f"assert {subject}.{name} {same} {written}")
        return lines

    def of_error(self, error: Exception, raised_by_module: bool) -> tuple[str, list[str]]:
        """(exception as written, assertions about the caught `error`)."""
        written = self._exception(type(error))
        text = _asked(lambda: str(error))
        # Python's own messages change from release to release; the module's are its own words.
        if raised_by_module and isinstance(text, str) and text and self._is_stable(text):
            return written, [f"assert str(caught.value) == {text!r}"]
        return written, []

    def literal(self, value: Any, depth: int = 0) -> str | None:
        """The value as source, or None if it has no short and stable one."""
        written = self._literal(value, depth)
        return written if written is not None and len(written) <= MAX_LITERAL else None

    def _literal(self, value: Any, depth: int) -> str | None:
        cls = _type(value)
        if value is None or cls in (bool, int):
            return repr(value)
        if cls in (str, bytes):
            return repr(value) if self._is_stable(repr(value)) else None
        if cls is float:
            return f"pytest.approx({value!r})" if math.isfinite(value) else None
        if depth > 4:
            return None
        if isinstance(value, enum.Enum):
            return f"{self._known[cls]}.{value.name}" if cls in self._known else None
        if cls in (list, tuple, set, frozenset, dict) and len(value) <= MAX_ITEMS:
            return self._container(value, depth + 1)
        return None

    def _container(self, value: Any, depth: int) -> str | None:
        cls = _type(value)
        if cls is dict:
            pairs = [(self._literal(a, depth), self._literal(b, depth)) for a, b in value.items()]
            if any(a is None or b is None for a, b in pairs):
                return None
            return "{" + ", ".join(f"{a}: {b}" for a, b in pairs) + "}"
        items = [self._literal(item, depth) for item in value]
        written = [item for item in items if item is not None]
        if len(written) < len(items):
            return None
        if cls is list:
            return "[" + ", ".join(written) + "]"
        if cls is tuple:
            return "(" + ", ".join(written) + ("," if len(written) == 1 else "") + ")"
        if any("approx" in item for item in written):
            return None  # an approximate number has no hash
        body = "{" + ", ".join(sorted(written)) + "}" if written else ""
        return (body or "set()") if cls is set else f"frozenset({body})"

    def _attributes(self, value: Any) -> list[str]:
        names = _asked(lambda: dir(value))
        if not isinstance(names, list) or isinstance(value, BaseException | enum.Enum):
            return []
        cls = _type(value)
        return [
            name
            for name in cast("list[object]", names)
            if isinstance(name, str)
            and not name.startswith("_")
            and not callable(_asked(lambda name=name: getattr(value, name)))
            and (hasattr(cls, name) or name in getattr(value, "__dict__", {}))
        ]

    def _exception(self, cls: type[Exception]) -> str:
        for base in cls.__mro__:
            name, home = base.__name__, base.__module__
            if home == "builtins":
                return name
            if base in self._known:
                return self._known[base]
            if self._names.space.get(name) is base:
                return name
            is_public = getattr(sys.modules.get(home), name, None) is base
            is_free = not hasattr(builtins, name) and not self._names.knows(name)
            if is_public and is_free:
                return self._names.add(name, base, home, name)
        return "Exception"

    def _is_stable(self, text: str) -> bool:
        if len(text) > MAX_LITERAL or ADDRESS.search(text):
            return False
        try:
            text.encode()
        except UnicodeEncodeError:
            return False  # lone surrogates: no file can hold them
        return not any(hidden in text for hidden in self._hidden)


def _type(value: Any) -> type[Any]:
    return cast("type[Any]", type(value))


def _asked(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except Exception:  # boundary: code under test, asked for a text or an attribute
        return None
