"""What sort of value an annotation allows.

A shape is a tuple: `("str",)`, `("list", item)`, `("tuple", first, second)`, `("many", item)` for
a tuple of any length, `("set", item)`, `("dict", key, value)`, `("literal", "'a'")`,
`("object", "Lexer")`, `("either", shape, shape)`, `("one of", "'a'", "'b'")` of expressions,
`("callable", arity, result)`, `("keyed", (("'key'", shape), ...))` for a dict of known keys,
`("stub", (("name", shape), ...))` for an object with some attributes, `("await", result)`,
`("async items", item)`, `("async callable", result)`, `("path",)`, `("path text",)`, `("match",)`,
`("type",)`.
Tuples compare and hash, so they serve as keys of the weights.
"""

import collections.abc
import enum
import inspect
import io
import os
import sys
import types
import typing
from typing import Any

from .hints import hints_of
from .recipes import PATHS, texts_of, type_name

Shape = tuple[Any, ...]

STR, INT, FLOAT, BOOL, NONE, BYTES, CALL = (
    ("str",),
    ("int",),
    ("float",),
    ("bool",),
    ("none",),
    ("bytes",),
    ("callable",),
)
PATH: Shape = ("path",)
PATH_TEXT: Shape = ("path text",)
MATCH: Shape = ("match",)
TYPE: Shape = ("type",)
TEXTS, NUMBERS = ("list", STR), ("list", INT)
ANYTHING: Shape = ("either", STR, INT, TEXTS, BOOL, NONE)
MAX_SUBCLASSES = 12
DICT: Shape = ("dict", STR, INT)
PLAIN: tuple[Shape, ...] = (
    STR,
    INT,
    TEXTS,
    NUMBERS,
    NONE,
    ("many", INT),
    ("dict", STR, INT),
    FLOAT,
    BOOL,
    ("set", INT),
    CALL,
)
_SIMPLE: dict[Any, Shape] = {
    str: STR,
    int: INT,
    float: FLOAT,
    bool: BOOL,
    bytes: BYTES,
    bytearray: BYTES,
    type: TYPE,
    None: NONE,
    type(None): NONE,
    complex: ("one of", "(1+2j)", "0j", "(-1.5+0j)"),
    os.PathLike: ("path",),
    typing.Hashable: STR,
    typing.AnyStr: STR,
    typing.SupportsInt: INT,
    typing.SupportsFloat: FLOAT,
    typing.SupportsIndex: INT,
}
_LISTS = (
    list,
    collections.abc.Iterable,
    collections.abc.Iterator,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Collection,
    collections.abc.Container,
    collections.abc.Reversible,
)
_SETS = (set, frozenset, collections.abc.Set, collections.abc.MutableSet)
_DICTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_CALLABLE: Any = collections.abc.Callable


def shapes_of(annotation: Any, known: dict[type, str]) -> list[Shape]:
    """The shapes that an annotation allows; empty if it says nothing we understand.

    Args:
        annotation: A type, or whatever stands there.
        known: Class -> the name to write for it: classes that we can make objects of.
    """
    try:
        simple = _SIMPLE.get(annotation)
    except TypeError:  # unhashable: no type
        return []
    if simple is not None:
        return [simple]
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return [shape for part in args for shape in shapes_of(part, known)]
    if origin in (typing.Annotated, typing.ClassVar, typing.Final, collections.abc.Generator):
        return shapes_of(args[0], known)
    if origin is typing.Literal:
        return [("literal", repr(value)) for value in args]
    # A NewType, or an alias that a `type` statement made.
    for inner in ("__supertype__", "__value__"):
        if hasattr(annotation, inner) and not isinstance(annotation, type):
            return shapes_of(getattr(annotation, inner), known)
    base = origin or annotation
    if isinstance(base, typing.TypeVar):
        bound: Any = base.__bound__
        if bound is not None:
            return shapes_of(bound, known)
        return [shape for part in base.__constraints__ for shape in shapes_of(part, known)]
    if base is type:
        below = [("one of", known[cls]) for cls in known if args and _is_below(cls, args[0])]
        # Of a variable or of an alias, `type[T]`: any will do.
        return below[:MAX_SUBCLASSES] or ([] if _is_class(args) else [TYPE])
    return _container(base, args, known) or (_class(base, known) if isinstance(base, type) else [])


def _class(base: type[Any], known: dict[type, str]) -> list[Shape]:
    if type_name(base) in PATHS:
        return [PATH]
    if type_name(base) == "re.Match":
        return [MATCH]
    below = [("object", known[cls]) for cls in known if cls is not base and _is_below(cls, base)]
    if base in known:
        return [("object", known[base]), *below[:MAX_SUBCLASSES]]
    if issubclass(base, enum.Enum):
        return []
    texts = texts_of(base)
    if texts:
        return [("one of", *texts)]
    if hasattr(base, "__total__"):
        return [_keyed(base, known)]
    if below:
        return list(below[:MAX_SUBCLASSES])
    return [_protocol(base, known)] if getattr(base, "_is_protocol", False) else []


def _is_class(args: tuple[Any, ...]) -> bool:
    return bool(args) and isinstance(args[0], type)


def _is_below(cls: type[Any], base: Any) -> bool:
    try:
        return issubclass(cls, base)
    except TypeError:  # a protocol with data, or no class at all
        return False


def _keyed(base: type[Any], known: dict[type, str]) -> Shape:
    """A TypedDict as the dict that it is."""
    hints: dict[str, Any] = base.__annotations__
    pairs: list[tuple[str, Shape]] = []
    for key, hint in hints.items():
        if isinstance(hint, typing.ForwardRef):
            hint = {"str": str, "int": int, "bool": bool}.get(hint.__forward_arg__)  # noqa: PLW2901
        pairs.append((repr(key), either(shapes_of(hint, known))))
    return ("keyed", tuple(pairs))


def _protocol(base: type[Any], known: dict[type, str]) -> Shape:
    """A built-in value, or a stub, that has what the protocol asks for."""
    every = vars(base).items()
    names = [name for name, value in every if callable(value) and name != "__init__"]
    for example, shape in ((1, INT), ("a", STR), ([1], NUMBERS), ({"a": 1}, DICT)):
        if names and all(name.startswith("__") and hasattr(example, name) for name in names):
            return shape
    if {"read", "write", "readline"} & set(names):
        return ("one of", *texts_of(io.StringIO))
    if "__call__" in names:
        return ("callable",)
    public = [name for name in names if not name.startswith("_")]
    return ("stub", tuple((name, _answering(vars(base)[name], known)) for name in public))


def _answering(method: Any, known: dict[type, str]) -> Shape:
    """A function that answers what a method is said to return."""
    said = hints_of(method, vars(sys.modules.get(method.__module__))).get("return")
    result = either(shapes_of(said, known)) if said not in (None, Any) else CALL
    if inspect.iscoroutinefunction(method):
        return ("async callable", result if said is not None else NONE)
    return ("callable", -1, result) if result != CALL else CALL


def either(shapes: list[Shape]) -> Shape:
    """One shape for several."""
    some = tuple(dict.fromkeys(shapes))
    return some[0] if len(some) == 1 else ("either", *(some or (STR, INT, NONE)))


def _container(base: Any, args: tuple[Any, ...], known: dict[type, str]) -> list[Shape]:
    def inner(at: int) -> Shape | None:
        if len(args) > at and args[at] is Any:
            return ANYTHING
        found = shapes_of(args[at], known) if len(args) > at else []
        return either(found) if found else None

    if base in _LISTS:
        item = inner(0)
        return [("list", item)] if item else [TEXTS, NUMBERS]
    if base is tuple:
        if len(args) == 2 and args[1] is Ellipsis:
            return [("many", inner(0) or INT)]
        if args:
            return [("tuple", *(inner(at) or INT for at in range(len(args))))]
        return [("many", INT), ("many", STR)]
    if base in _SETS:
        item = inner(0)
        return [("set", item)] if item else [("set", INT), ("set", STR)]
    if base in _DICTS:
        return [("dict", inner(0) or STR, inner(1) or INT)]
    if base in (collections.abc.AsyncIterable, collections.abc.AsyncIterator):
        return [("async items", inner(0) or INT)]
    if base in (collections.abc.AsyncGenerator, collections.abc.AsyncIterator):
        return [("async items", inner(0) or INT)]
    if base in (collections.abc.Awaitable, collections.abc.Coroutine):
        return [("await", inner(len(args) - 1) or INT)]
    if base is _CALLABLE:
        return [_function(args, known)]
    return []


def _function(args: tuple[Any, ...], known: dict[type, str]) -> Shape:
    if len(args) != 2:
        return CALL
    result = typing.get_origin(args[1])
    found = shapes_of(args[1], known)
    if result in (collections.abc.Awaitable, collections.abc.Coroutine):
        return ("async callable", found[0][1])
    # A list of parameters, or `...` and the like, which say nothing of their number.
    arity = len(args[0]) if isinstance(args[0], list) else -1  # pyright: ignore[reportUnknownArgumentType]
    return ("callable", arity, either(found) if found else NONE)
