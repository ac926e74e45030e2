"""From what was seen to what a test asserts: only what is the same in every process."""

import builtins
import enum
import inspect
import math
import re
import sys
from collections.abc import Callable
from typing import Any, cast

from . import numeric
from .names import Names
from .rebuild import has_fields, rebuilt
from .unordered import sets_shown

MAX_LITERAL = 800
MAX_ITEMS = 60
MAX_ATTRIBUTES = 8
MAX_DEPTH = 2  # objects within objects, by their attributes
MAX_MESSAGE = 100
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+|/tmp/|/proc/|/home/|/root/")
GAP = "\0"
UNSTABLE = r"\0| at 0x[0-9a-fA-F]+>?|(?:/tmp|/proc|/home|/root)/\S*"
SCALARS: tuple[Any, ...] = (str, bytes, int, float, list, dict, tuple, set, frozenset)
# Words of Python's own that have stood for many releases.
LASTING = (
    "not supported between instances of",
    "unsupported operand type(s) for",
    "index out of range",
    "invalid literal for int() with base",
    "could not convert string to float",
    "is not iterable",
    "is not subscriptable",
    "missing 1 required positional argument",
    "got an unexpected keyword argument",
    "has no attribute",
)


class Expectations:
    """Writes assertions in the names of one test file."""

    def __init__(
        self, module_name: str, names: Names, known: dict[type, str], hidden: list[str]
    ) -> None:
        self._package = module_name.split(".", maxsplit=1)[0]
        self._names, self._known = names, known
        self._hidden = [text for text in hidden if len(text) > 3]

    def written_class_of(self, value: Any) -> str | None:
        """The value's class as a test writes it, if objects of it can be made."""
        return self._known.get(_type(value))

    def of_value(self, value: Any, subject: str = "result") -> list[str]:
        """The assertions about a returned value; at least one."""
        if value is None or isinstance(value, bool) or value is NotImplemented:
            return [f"assert {subject} is {value!r}"]
        cls = _type(value)
        if cls is float and math.isnan(value):
            return [f"assert {subject} != {subject}"]
        if isinstance(value, type):
            return [self._is_class(value, subject)]
        if lines := numeric.assertions(value, subject):
            return lines
        written = self.literal(value)
        if written is not None:
            is_own = cls in self._known and not isinstance(value, enum.Enum)
            # `==` of a class may take others for equal; that of a dataclass does not.
            kind = [cls] if is_own and not has_fields(cls) and _is_like_others(value) else []
            return [*(self._is_a(one, subject) for one in kind), f"assert {subject} == {written}"]
        if cls in (list, tuple, dict, set, frozenset):
            return self._of_items(value, subject)
        return [self._is_a(cls, subject), *self.of_state(value, subject)]

    def of_state(
        self, value: Any, subject: str, depth: int = 0, *, by_parts: bool = False
    ) -> list[str]:
        """The assertions about an object of the package: its text, items and attributes.

        Args:
            value: The object.
            subject: Its variable.
            depth: In how many others it is.
            by_parts: Whether each field is to be told for itself.
        """
        cls = _type(value)
        base = next((one for one in SCALARS if isinstance(value, one)), None)
        if base is not None and cls is not base:
            content = self.literal(_asked(lambda: base(value)))
            return [f"assert {subject} == {content}"] if content not in (None, "None") else []
        if lines := numeric.assertions(value, subject):
            return lines
        if str(cls.__module__).split(".")[0] != self._package:
            return []
        written = None if by_parts and has_fields(cls) else self.literal(value)
        if written is not None:
            return [f"assert {subject} == {written}"]
        lines: list[str] = []
        text = self._own_text(value)
        if text is not None:
            lines.append(f"assert str({subject}) == {text!r}")
        elif hasattr(cls, "__iter__") and hasattr(cls, "__len__"):
            items = self.literal(_asked(lambda: list(value)))
            if items not in (None, "None"):
                lines.append(f"assert list({subject}) == {items}")
        head = len(lines)
        for name in self._attributes(value):
            if len(lines) >= MAX_ATTRIBUTES:
                break
            lines += self._of_attribute(value, name, subject, depth)
        said = {_answer(line) for line in lines[head:]}
        return [
            line
            for at, line in enumerate(lines)
            if at >= head or not line.startswith("assert list(") or _answer(line) not in said
        ]

    def of_error(self, error: Exception, raised_by_module: bool) -> tuple[str, str, list[str]]:
        """(exception as written, a part of its message, assertions about the caught error)."""
        written = self._exception(type(error))
        text = _asked(lambda: str(error))
        if not isinstance(text, str):
            return written, "", []
        if not raised_by_module:
            # Python's own messages change from release to release; the module's are its own words.
            return written, next((words for words in LASTING if words in text), ""), []
        asserts: list[str] = []
        if type(error) in self._known or str(type(error).__module__).startswith(self._package):
            said = [
                name for name, held in vars(error).items() if type(held) is str and held == text
            ]
            for name in sorted(n for n in vars(error) if not (n.startswith("_") or n in said))[:3]:
                asserts += self._of_attribute(error, name, "caught.value", MAX_DEPTH)
        return written, self._fragment(text), asserts

    def literal(self, value: Any, depth: int = 0) -> str | None:
        """The value as source, or None if it has no short and stable one."""
        written = self._literal(value, depth)
        return written if written is not None and len(written) <= MAX_LITERAL else None

    def _literal(self, value: Any, depth: int) -> str | None:
        cls = _type(value)
        if value is None or cls in (bool, int):
            return repr(value)
        if cls in (str, bytes):
            return repr(value) if self._is_stable(repr(value), str(value)) else None
        if cls is float:
            return _number(value)
        if depth > 4:
            return None
        if isinstance(value, enum.Enum):
            return f"{self._known[cls]}.{value.name}" if cls in self._known else None
        if cls in (list, tuple, set, frozenset, dict):
            return self._container(value, depth + 1) if len(value) <= MAX_ITEMS else None
        if isinstance(value, type):
            return self._class_name(value) if self._class_name(value).isidentifier() else None
        inner = depth + 1
        made = rebuilt(value, self._names, self._known, lambda held: self._literal(held, inner))
        return made if made is not None and self._is_stable(made) else None

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

    def _of_items(self, value: Any, subject: str) -> list[str]:
        """About a container with something in it that cannot be written down."""
        length = f"assert len({subject}) == {len(value)}"
        if _type(value) not in (list, tuple, dict) or len(value) > MAX_ITEMS:
            return [length]
        items: list[Any] = list(value.values() if _type(value) is dict else value)
        shown = [self._own_text(item) for item in items]
        if any(text is None for text in shown):
            kinds = [_type(item).__name__ for item in items]
            shown, ask = cast("list[str | None]", kinds), "type(item).__name__"
        else:
            ask = "str(item)"
        if _type(value) is dict:
            keys = [self.literal(key) for key in value]
            if None in keys:
                return [length]
            pairs = ", ".join(f"{key}: {text!r}" for key, text in zip(keys, shown, strict=True))
            each = f"{{key: {ask} for key, item in {subject}.items()}}"
            return [f"assert {each} == {{{pairs}}}"]
        return [f"assert [{ask} for item in {subject}] == {shown!r}"]

    def _of_attribute(self, value: Any, name: str, subject: str, depth: int) -> list[str]:
        attribute = _asked(lambda: getattr(value, name))
        written = self.literal(attribute)
        if written is None and _type(attribute) is _type(value):
            # What is in it is told of the object around it: `interval.enclosure.enclosure`.
            text = self._own_text(attribute)
            if text is not None:
                return [f"assert str({subject}.{name}) == {text!r}"]
        if written is None:
            is_deep = depth < MAX_DEPTH and _type(attribute) not in SCALARS
            return self.of_state(attribute, f"{subject}.{name}", depth + 1) if is_deep else []
        if len(written) > MAX_LITERAL / 4:
            return []
        same = "is" if attribute is None or isinstance(attribute, bool) else "=="
        return [f"assert {subject}.{name} {same} {written}"]

    def _attributes(self, value: Any) -> list[str]:
        names = _asked(lambda: dir(value))
        if not isinstance(names, list) or isinstance(value, BaseException | enum.Enum):
            return []
        cls = _type(value)
        return [
            name
            for name in cast("list[object]", names)
            if isinstance(name, str)
            and name.isidentifier()
            and not name.startswith("_")
            and not callable(_asked(lambda name=name: getattr(value, name)))
            and (name in getattr(value, "__dict__", {}) or _is_of_each(cls, name))
        ]

    def _is_class(self, cls: type, subject: str) -> str:
        written = self._class_name(cls)
        if written.isidentifier():
            return f"assert {subject} is {written}"
        return f"assert {subject}.__name__ == {cls.__name__!r}"

    def _is_a(self, cls: type, subject: str) -> str:
        written = self._class_name(cls)
        if written.isidentifier():
            return f"assert type({subject}) is {written}"
        return f"assert type({subject}).__name__ == {cls.__name__!r}"

    def _class_name(self, cls: type) -> str:
        """The class as a test writes it; else words that are no name."""
        if cls in self._known:
            return self._known[cls]
        if getattr(builtins, cls.__name__, None) is cls and cls.__name__ not in self._names.space:
            return cls.__name__
        return f"the {cls.__name__}"

    def _own_text(self, value: Any) -> str | None:
        """Its `str`, if its class has one of its own and it says the same in every process."""
        cls = _type(value)
        if cls.__str__ is object.__str__ and (cls.__repr__ is object.__repr__ or has_fields(cls)):
            return None  # what a decorator wrote says what the fields say
        text = _asked(lambda: str(value))
        return text if isinstance(text, str) and self._is_stable(text, text) else None

    def _fragment(self, message: str) -> str:
        """The first telling line of a message, or the longest part that is always the same."""
        line = next((part for part in message.splitlines() if len(part.strip()) > 3), "")
        line = _without_sets(line[:MAX_LITERAL])
        hidden = sorted(self._hidden, key=len, reverse=True)
        unstable = "|".join([UNSTABLE, *(re.escape(text) + r"\S*" for text in hidden)])
        parts = [part.strip() for part in re.split(unstable, line)]
        best = max(parts, key=len)[:MAX_MESSAGE].strip()
        is_worth_it = len(best) > 2 and best.isprintable() and self._is_stable(best)
        return best if is_worth_it else ""

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

    def _is_stable(self, text: str, shown: str = "") -> bool:
        """Whether every process has the same text; `shown`: where sets may have been written."""
        if len(text) > MAX_LITERAL or ADDRESS.search(text) or any(sets_shown(shown)):
            return False
        try:
            text.encode()
        except UnicodeEncodeError:
            return False  # lone surrogates: no file can hold them
        return not any(hidden in text for hidden in self._hidden)


def _is_like_others(value: Any) -> bool:
    """Whether it equals something of another class, such as its text."""
    # Only texts and plain bases: to iterate over what the module made may never end.
    others: list[Any] = [str, repr, *(base for base in SCALARS if isinstance(value, base))]

    def is_equal(make: Any) -> bool:
        other = make(value)
        return type(other) is not type(value) and bool(value == other)

    return any(_asked(lambda make=make: is_equal(make)) for make in others)


def _answer(line: str) -> str:
    return line.partition(" == ")[2]


def _is_of_each(cls: type[Any], name: str) -> bool:
    """Whether objects of the class have it for themselves: a constant of the class is no state."""
    return hasattr(inspect.getattr_static(cls, name, None), "__get__")


def _without_sets(line: str) -> str:
    """The line with a gap, as for an address, where a set is shown."""
    for start, end in reversed(list(sets_shown(line))):
        line = f"{line[:start]}{GAP}{line[end:]}"
    return line


def _number(value: float) -> str | None:
    if math.isinf(value):
        return "float('inf')" if value > 0 else "float('-inf')"
    if math.isnan(value):
        return None
    return repr(value) if value.is_integer() else f"pytest.approx({value!r})"


def _type(value: Any) -> type[Any]:
    return cast("type[Any]", type(value))


def _asked(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except Exception:  # boundary: code under test, asked for a text or an attribute
        return None
