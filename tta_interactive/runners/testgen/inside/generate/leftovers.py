"""What calls leave behind in a module: registries, counters, filled caches. Looked at and undone.

A test must not rest on what another one left, so each run begins with the module as its import
left it. Only data is watched: the names of the module, of those modules of its package that its
names come from and of its classes, the containers that these hold, and the package's objects among
them. It is compared by identity, and what is another is put back where it was, into the same
containers: others hold them too.
"""

import collections
import enum
import itertools
import re
import sys
import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from operator import is_
from types import ModuleType
from typing import Any, Literal, cast

MAX_CONTAINERS = 200
MAX_ITEMS = 4000  # of a larger container only its size is looked at
MAX_DEPTH = 4
CODE = (
    type,
    ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    staticmethod,
    classmethod,
    property,
)
MAPPINGS: tuple[Any, ...] = (collections.OrderedDict, dict)
ROWS: tuple[Any, ...] = (list, collections.deque, bytearray)
COUNTING = re.compile(r"count\((-?\d+)(?:, (-?\d+))?\)")
MISSING: Any = object()
How = Literal["value", "new", "contents", "inner"]
"""Another value stands under a name, or the name is new; or a container holds something else, or
one in it does."""


@dataclass(frozen=True, order=True)
class Name:
    """A name by which something that was left can be reached."""

    module: str
    path: str
    """In the module: a name, or a class and its attribute."""


class Leftovers:
    """Watches one module.

    Args:
        module: As its import left it.
        assigned: Its names that functions assign.
    """

    def __init__(self, module: ModuleType, assigned: Collection[str] = ()) -> None:
        self._module, self._assigned = module, assigned
        self._package = module.__name__.split(".")[0]
        self._watched: list[_Names | _Contents] = list(self._all())
        self._memos: list[_Contents] = []
        self.ever: dict[Name, set[How]] = {}
        """The names that ever led to something that was left behind, and what of it was."""

    @property
    def were_there(self) -> bool:
        """Whether anything was ever left behind."""
        return bool(self.ever)

    def take(self) -> None:
        """The module as it is now is as it should be."""
        for one in self._watched:
            one.take()

    def undo(self, only: Collection[Name] | None = None) -> None:
        """Put back what is another, or of that only what these names lead to."""
        for one in self._watched:
            if one.differs():
                for name, how in one.changed():
                    self.ever.setdefault(name, set()).add(how)
                one.put_back(only)

    def left(self) -> dict[Name, set[How]]:
        """The names that lead to what is another now, and what of each is."""
        found: dict[Name, set[How]] = {}
        for one in self._watched:
            for name, how in one.changed() if one.differs() else ():
                found.setdefault(name, set()).add(how)
        return dict(sorted(found.items()))

    def added(self) -> Iterator[tuple[Name, Any, Any]]:
        """(name, what it stood for before, what it stands for now) of what is another in itself."""
        for one in self._watched:
            if one.differs():
                yield from one.added()

    def spare(self, names: Collection[Name]) -> None:
        """Leave alone what these names lead to: tables of results that come again."""
        for one in list(self._watched):
            if isinstance(one, _Names):
                one.spare(names)
            elif one.names <= set(names):
                self._watched.remove(one)
                self._memos.append(one)

    def forget(self) -> None:
        """Undo all, also what is spared otherwise."""
        self.undo()
        for one in self._watched:
            if isinstance(one, _Names):
                one.forget()
        for one in self._memos:
            one.put_back()

    def _all(self) -> Iterator["_Names | _Contents"]:
        inner: list[tuple[Name, Any]] = []
        for home, prefix, holder in self._holders():
            is_own = holder is self._module
            names = _Names(home, prefix, holder, self._assigned if is_own else ())
            yield names
            inner += names.values()
        seen: set[int] = set()
        for depth in range(MAX_DEPTH):
            deeper: list[tuple[Name, Any]] = []
            for name, value in inner:
                if id(value) in seen or len(seen) > MAX_CONTAINERS:
                    continue
                contents = self._inside(name, value, is_inner=depth > 0)
                if contents is not None:
                    seen.add(id(value))
                    yield contents
                    deeper += ((name, part) for part in contents.parts)
            inner = deeper

    def _holders(self) -> Iterator[tuple[str, str, Any]]:
        """(module, class and a dot, what has the names), the module itself first."""
        yield self._module.__name__, "", self._module
        modules: dict[str, None] = {}
        for name, value in list(vars(self._module).items()):
            home = _home(value)
            if home.split(".")[0] != self._package:
                continue
            modules[home] = None
            if _is(value, type) and type(value).__setattr__ is type.__setattr__:
                yield self._module.__name__, f"{name}.", value
        for home in modules:
            module = sys.modules.get(home)
            if module is not None and module is not self._module:
                yield home, "", module

    def _inside(self, name: Name, value: Any, *, is_inner: bool) -> "_Contents | None":
        """What is inside a value, if it can be another later."""
        for kind in (*MAPPINGS, set, *ROWS):
            if _is(value, kind):
                return _Contents(name, value, kind, is_inner=is_inner)
        cls = cast("type[Any]", type(value))
        home: object = getattr(cls, "__module__", None)
        is_own = isinstance(home, str) and home.split(".")[0] == self._package
        if not is_own or _is(value, enum.Enum, type):
            return None
        try:
            inside: object = object.__getattribute__(value, "__dict__")
        except AttributeError:
            return None
        # Objects are put back whole, whichever of their attributes is another.
        return _Contents(name, inside, dict, is_inner=True) if type(inside) is dict else None


class _Names:
    """The data among the names of a module or class, and which names there are."""

    def __init__(self, home: str, prefix: str, holder: Any, assigned: Collection[str]) -> None:
        self._home, self._prefix, self._holder = home, prefix, holder
        self._assigned = assigned
        self._memos: dict[str, Any] = {}
        self.take()

    def take(self) -> None:
        every = _held(self._holder)
        self._data = {
            name: value
            for name, value in list(every.items())
            if (name in self._assigned or _is_data(name, value)) and name not in self._memos
        }
        counts = {name: _counted(value) for name, value in self._data.items()}
        self._counts = {name: found for name, found in counts.items() if found}
        self._there = set(every)
        self.names = {self._name(name) for name in self._data}

    def values(self) -> list[tuple[Name, Any]]:
        return [(self._name(name), value) for name, value in self._data.items()]

    def changed(self) -> Iterator[tuple[Name, How]]:
        """Those that are another now."""
        for name in self._changed():
            how: How = "value" if name in self._data else "new"
            yield self._name(name), how

    def differs(self) -> bool:
        there = _held(self._holder)
        if len(there) == len(self._there) and not self._counts:
            found: Iterator[Any] = map(there.get, self._data)
            if all(map(is_, found, self._data.values())):
                return False
        return bool(self._changed())

    def added(self) -> Iterator[tuple[Name, Any, Any]]:
        there = _held(self._holder)
        for name in self._changed():
            if name in self._data and name in there:
                yield self._name(name), self._data[name], there[name]

    def put_back(self, only: Collection[Name] | None = None) -> None:
        for name in self._changed():
            if only is not None and self._name(name) not in only:
                continue
            if name in self._counts:
                self._data[name] = itertools.count(*self._counts[name])
            if name in self._data:
                setattr(self._holder, name, self._data[name])
            else:
                delattr(self._holder, name)

    def spare(self, names: Collection[Name]) -> None:
        some = [name for name in (*self._data, *self._changed()) if self._name(name) in names]
        self._memos |= {name: self._data.pop(name, MISSING) for name in some}
        self._there |= set(some)

    def forget(self) -> None:
        for name, value in self._memos.items():
            if value is not MISSING:
                setattr(self._holder, name, value)

    def _changed(self) -> list[str]:
        there = _held(self._holder)
        changed = [
            name
            for name, value in self._data.items()
            if there.get(name, MISSING) is not value
            or (name in self._counts and _counted(value) != self._counts[name])
        ]
        new = [name for name in there if name not in self._there]
        # A module of the package that is loaded late is no data.
        self._there |= {name for name in new if not _is_data(name, there[name])}
        return [*changed, *(name for name in new if name not in self._there)]

    def _name(self, name: str) -> Name:
        return Name(self._home, f"{self._prefix}{name}")


class _Contents:
    """What a container holds."""

    def __init__(self, name: Name, container: Any, kind: Any, *, is_inner: bool) -> None:
        self._container, self._kind, self.names = container, kind, {name}
        self._is_inner = is_inner
        self.take()

    def take(self) -> None:
        kind, container = self._kind, self._container
        # The methods of the built-in class: those of a class below it may do anything.
        self._keys: list[Any] = list(kind.__iter__(container))
        self.parts: list[Any] = list(kind.values(container)) if kind in MAPPINGS else self._keys

    def changed(self) -> Iterator[tuple[Name, How]]:
        how: How = "inner" if self._is_inner else "contents"
        for name in self.names:
            yield name, how

    def differs(self) -> bool:
        kind, container = self._kind, self._container
        size = len(self._keys)
        if kind.__len__(container) != size:
            return True
        if size > MAX_ITEMS or not size:
            return False
        if kind in MAPPINGS and not all(map(is_, kind.values(container), self.parts)):
            return True
        return not all(map(is_, kind.__iter__(container), self._keys))

    def added(self) -> Iterator[tuple[Name, Any, Any]]:
        if self._kind not in (dict, list, set) or self._is_inner:
            return
        before: Any = self._keys
        if self._kind is dict:
            before = dict(zip(self._keys, self.parts, strict=True))
        for name in self.names:
            yield name, before, self._container

    def put_back(self, only: Collection[Name] | None = None) -> None:
        if only is not None and self.names.isdisjoint(only):
            return
        kind, container = self._kind, self._container
        kind.clear(container)
        if kind in MAPPINGS:
            for key, part in zip(self._keys, self.parts, strict=True):
                kind.__setitem__(container, key, part)
        elif kind is set:
            kind.update(container, self._keys)  # pyright: ignore[reportUnknownMemberType]
            self.take()  # in an order of its own
        else:
            kind.extend(container, self._keys)


def _held(holder: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", vars(holder))


def _is_data(name: str, value: Any) -> bool:
    """Whether the name is neither Python's own nor that of code."""
    is_ours = not (name.startswith("__") and name.endswith("__")) and name != "_abc_impl"
    bases = cast("type[Any]", type(value)).__mro__
    return is_ours and not _is(value, *CODE) and not any("__get__" in vars(base) for base in bases)


def _is(value: Any, *kinds: Any) -> bool:
    """As `isinstance`, which asks a proxy for what it stands for."""
    return issubclass(type(value), kinds)


def _home(value: Any) -> str:
    """The module of a class or function, or the module itself; empty for other values."""
    if _is(value, ModuleType):
        return str(value.__name__)
    home: object = value.__module__ if _is(value, type, types.FunctionType) else ""
    return home if isinstance(home, str) else ""


def _counted(value: Any) -> tuple[int, ...]:
    """Where an `itertools.count` of whole numbers stands, and its step; empty if it is none."""
    if type(value) is not itertools.count:
        return ()
    found = COUNTING.fullmatch(str(cast("object", value)))
    return tuple(int(part) for part in found.groups() if part) if found else ()
