"""What of the module can be called."""

import builtins
import enum
import inspect
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from types import CodeType, ModuleType
from typing import Any, Literal, cast

from .names import Names
from .operators import CHANGING, OPERATORS

Sort = Literal[
    "function",
    "class",
    "static",
    "method",
    "property",
    "setter",
    "operator",
    "helper",
    "changer",
]
"""A helper is a class of a neighbour, a changer one of its methods: used, not tested."""


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
    is_private: bool = False
    """A test of it says less than one of its callers: only for what they do not reach."""
    is_inherited: bool = False
    """Whether a public class has it from another one of the module, which has tests of its own."""

    @property
    def key(self) -> str:
        name = f"{self.name} = " if self.sort == "setter" else self.name
        return f"{self.owner}.{name}" if self.owner else name

    @property
    def may_change(self) -> bool:
        """Whether calling it may make an object another than it was."""
        return self.sort in ("method", "setter") or self.name in CHANGING

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.function)


def find_targets(
    module: ModuleType, names: Names, defined: Collection[str] = ()
) -> tuple[list[Target], dict[type, str]]:
    """The targets of a module, and the classes that objects can be made of.

    Args:
        module: Where to look.
        names: Learns how a test writes each.
        defined: What the module's text defines: some packages write another home into
            `__module__` of what they export.
    """
    own = [
        name
        for name, value in vars(module).items()
        if (getattr(value, "__module__", None) == module.__name__ or name in defined)
        and callable(value)
        and getattr(value, "__name__", name) == name
        and not name.startswith("__")
    ]
    classes = {value for name in own if isinstance(value := vars(module)[name], type)}
    has_public = any(not name.startswith("_") for name in own)
    known: dict[type, str] = {}
    targets: list[Target] = []
    for name in sorted(own, key=lambda name: (name.startswith("_"), name)):
        value = vars(module)[name]
        is_private = has_public and name.startswith("_")
        if isinstance(value, type):
            made = _made(value, names.own(name), names)
            if made is not None:
                known[made[0]] = made[1]
                found = _of_class(*made, classes)
                targets += (replace(one, is_private=True) if is_private else one for one in found)
        elif callable(value):
            target = _of_function(value, names.own(name))
            targets.append(replace(target, is_private=is_private))
    package = module.__name__.split(".")[0]
    neighbours = [
        value
        for name, value in sorted(vars(module).items())
        if isinstance(value, type)
        and value not in classes
        and value.__module__.split(".")[0] == package
        and not name.startswith("_")
    ]
    targets += add_helpers(neighbours, names, known)
    return targets, known


def add_helpers(classes: Iterable[type], names: Names, known: dict[type, str]) -> list[Target]:
    """Neighbours that the module works with: made, passed, not tested."""
    found: list[Target] = []
    for cls in classes:
        name, home = cls.__name__, cls.__module__
        there = getattr(sys.modules.get(home), name, None)
        if cls in known or there is not cls or names.knows(name) or hasattr(builtins, name):
            continue
        made = _made(cls, names.add(name, cls, home, name), names)
        if made is not None:
            known[made[0]] = written = made[1]
            found.append(Target("helper", "", written, written, made[0], frozenset()))
            every = _of_class(*made, made[0].__mro__[:-1])
            found += (replace(one, sort="changer") for one in every if one.may_change)
    return found


def _made(cls: type, written: str, names: Names) -> tuple[type, str] | None:
    """The class, or a concrete one below it if it is abstract, and how a test writes it."""
    if not inspect.isabstract(cls):
        return (cls, written) if _can_be_made(cls) else None
    if getattr(cls, "_is_protocol", False):
        return None
    words = [written] if written != written.lower() else written.split("_")
    name = f"Concrete{''.join(word[:1].upper() + word[1:] for word in words).strip('_')}"
    lines = [f"class {name}({written}):"]
    for part in sorted(cast("Any", cls).__abstractmethods__):
        static = inspect.getattr_static(cls, part)
        function: Any = getattr(static, "__func__", static)
        if callable(function):
            word = "async def" if inspect.iscoroutinefunction(function) else "def"
            lines += ["", f"    {word} {part}(self, *args, **options):", "        return None"]
        else:
            lines.append(f"    {part} = None")
    names.support(name, "\n".join(lines))
    return names.space[name], name


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


def _of_class(cls: type, written: str, own: Collection[type]) -> Iterator[Target]:
    makers = [vars(cls).get(name) for name in ("__new__", "__init__", "__post_init__")]
    lines = frozenset[int]().union(*(lines_of(maker) for maker in makers))
    yield Target("class", "", written, written, cls, lines)
    bases = [base for base in cls.__mro__ if base in own]
    for name in sorted({name for base in bases for name in vars(base)}):
        static = inspect.getattr_static(cls, name)
        is_special = name.startswith("__") and name.endswith("__")
        if "__" in name and name not in OPERATORS and name not in ("__replace__", "__call__"):
            continue
        is_private = name.startswith("_") and not is_special
        home = next(base for base in bases if name in vars(base))
        is_inherited = home is not cls and _can_be_made(home) and not home.__name__.startswith("_")
        if isinstance(static, staticmethod | classmethod):
            function = getattr(cls, name)
            target = Target(
                "static", written, name, f"{written}.{name}", function, lines_of(function)
            )
            yield replace(target, is_private=is_private, is_inherited=is_inherited)
        elif hasattr(static, "__get__") and not callable(static):
            getter = getattr(static, "fget", None) or getattr(static, "func", None)
            target = Target("property", written, name, name, None, lines_of(getter))
            yield replace(target, is_private=is_private, is_inherited=is_inherited)
            setter = getattr(static, "fset", None)
            if setter is not None:
                lines = lines_of(setter)
                target = Target("setter", written, name, name, setter, lines, takes_self=True)
                yield replace(target, is_private=is_private, is_inherited=is_inherited)
        elif callable(static) and not isinstance(static, type):
            sort: Sort = "operator" if name in OPERATORS else "method"
            target = Target(sort, written, name, name, static, lines_of(static), takes_self=True)
            yield replace(target, is_private=is_private, is_inherited=is_inherited)


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
