"""What of the module can be called."""

import enum
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, ModuleType
from typing import Any, Literal

from .names import Names

Sort = Literal["function", "class", "static", "method", "property", "operator", "helper"]

# Special method -> how people write it; {a} is the other operand.
OPERATORS = {
    "__eq__": "{o} == {a}",
    "__ne__": "{o} != {a}",
    "__lt__": "{o} < {a}",
    "__le__": "{o} <= {a}",
    "__gt__": "{o} > {a}",
    "__ge__": "{o} >= {a}",
    "__str__": "str({o})",
    "__repr__": "repr({o})",
    "__bytes__": "bytes({o})",
    "__len__": "len({o})",
    "__bool__": "bool({o})",
    "__int__": "int({o})",
    "__float__": "float({o})",
    "__iter__": "list({o})",
    "__reversed__": "list(reversed({o}))",
    "__contains__": "{a} in {o}",
    "__getitem__": "{o}[{a}]",
    "__add__": "{o} + {a}",
    "__sub__": "{o} - {a}",
    "__mul__": "{o} * {a}",
    "__truediv__": "{o} / {a}",
    "__floordiv__": "{o} // {a}",
    "__mod__": "{o} % {a}",
    "__and__": "{o} & {a}",
    "__or__": "{o} | {a}",
    "__xor__": "{o} ^ {a}",
    "__radd__": "{a} + {o}",
    "__rsub__": "{a} - {o}",
    "__rmul__": "{a} * {o}",
    "__rand__": "{a} & {o}",
    "__ror__": "{a} | {o}",
    "__rxor__": "{a} ^ {o}",
    "__neg__": "-{o}",
    "__pos__": "+{o}",
    "__abs__": "abs({o})",
    "__invert__": "~{o}",
    "__call__": "{o}({a})",
    "__hash__": "hash({o}) == hash({o})",
    "__copy__": "copy.copy({o})",
    "__reduce__": "copy.copy({o})",
    "__getstate__": "copy.copy({o})",
    "__setstate__": "copy.copy({o})",
    "__deepcopy__": "copy.deepcopy({o})",
    # These change the object; what it is afterwards is looked at.
    "__setitem__": "{o}[{a}] = {b}",
    "__delitem__": "del {o}[{a}]",
    "__iadd__": "{o} += {a}",
    "__isub__": "{o} -= {a}",
    "__iand__": "{o} &= {a}",
    "__ior__": "{o} |= {a}",
    "__ixor__": "{o} ^= {a}",
    "__imul__": "{o} *= {a}",
}
CHANGING = ("__setitem__", "__delitem__")


@dataclass(frozen=True)
class Target:
    """One thing to call."""

    sort: Sort
    owner: str
    """The class, as a test writes it; empty for a function."""
    name: str
    """As defined: `tokenize`, `__eq__`."""
    ref: str
    """As a test writes it without an object: `parse`, `Version.from_parts`."""
    function: Any
    """What has the signature; None for a property."""
    lines: frozenset[int]
    """The lines of its own body."""
    takes_self: bool = False

    @property
    def key(self) -> str:
        return f"{self.owner}.{self.name}" if self.owner else self.name

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.function)


def find_targets(module: ModuleType, names: Names) -> tuple[list[Target], dict[type, str]]:
    """The targets of a module, and the classes that objects can be made of."""
    own = [
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__
        and callable(value)
        and getattr(value, "__name__", name) == name
    ]
    public = [name for name in own if not name.startswith("_")] or own
    known: dict[type, str] = {}
    targets: list[Target] = []
    for name in sorted(public):
        value = vars(module)[name]
        if isinstance(value, type):
            written = names.own(name)
            if _can_be_made(value):
                known[value] = written
            targets.extend(_of_class(value, written))
        elif callable(value):
            targets.append(_of_function(value, names.own(name)))
    package = module.__name__.split(".")[0]
    for name, value in sorted(vars(module).items()):
        # Neighbours that the module works with: made, passed, not tested.
        home = getattr(value, "__module__", "")
        if (
            isinstance(value, type)
            and home != module.__name__
            and home.split(".")[0] == package
            and not name.startswith("_")
            and not names.knows(name)
            and _can_be_made(value)
        ):
            known[value] = names.add(name, value, home, value.__name__)
            targets.append(Target("helper", "", name, name, value, frozenset()))
    return targets, known


def enum_members(known: dict[type, str]) -> Iterator[tuple[str, list[str]]]:
    """Written class -> its members, for the enumerations among the classes."""
    for cls, written in known.items():
        if issubclass(cls, enum.Enum):
            yield written, [f"{written}.{member}" for member in cls.__members__]


def _can_be_made(cls: type) -> bool:
    made_otherwise = getattr(cls, "_is_protocol", False) or hasattr(cls, "__total__")
    return not inspect.isabstract(cls) and not made_otherwise


def _of_function(value: Callable[..., Any], written: str) -> Target:
    return Target("function", "", written, written, value, lines_of(value))


def _of_class(cls: type, written: str) -> Iterator[Target]:
    if not _can_be_made(cls):
        return
    yield Target("class", "", written, written, cls, lines_of(vars(cls).get("__init__")))
    bases = [base for base in cls.__mro__ if base.__module__ == cls.__module__]
    for name in sorted({name for base in bases for name in vars(base)}):
        static = inspect.getattr_static(cls, name)
        is_spoken = name in OPERATORS or name == "__replace__" or not name.startswith("_")
        if not is_spoken:
            continue
        if isinstance(static, staticmethod | classmethod):
            target = getattr(cls, name)
            yield Target("static", written, name, f"{written}.{name}", target, lines_of(target))
        elif hasattr(static, "__get__") and not callable(static):
            getter = getattr(static, "fget", None) or getattr(static, "func", None)
            yield Target("property", written, name, name, None, lines_of(getter))
        elif callable(static) and not isinstance(static, type):
            sort: Sort = "operator" if name in OPERATORS else "method"
            yield Target(sort, written, name, name, static, lines_of(static), takes_self=True)


def lines_of(function: Any) -> frozenset[int]:
    """The lines of a function's body, nested functions included."""
    try:
        code = getattr(inspect.unwrap(function), "__code__", None)
    except ValueError:  # a wrapper that wraps itself
        code = None
    return frozenset(_code_lines(code)) if isinstance(code, CodeType) else frozenset()


def _code_lines(code: CodeType) -> Iterator[int]:
    for _, _, line in code.co_lines():
        if line is not None and line != code.co_firstlineno:
            yield line
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_lines(constant)
