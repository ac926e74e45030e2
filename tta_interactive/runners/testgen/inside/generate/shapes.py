"""What sort of value a parameter takes, read from its annotation, name, default and use.

A shape is a tuple: `("str",)`, `("list", item)`, `("tuple", first, second)`, `("many", item)` for
a tuple of any length, `("set", item)`, `("dict", key, value)`, `("literal", "'a'")`,
`("object", "Lexer")`. Tuples compare and hash, so they serve as keys of the weights.
"""

import ast
import collections.abc
import enum
import inspect
import re
import types
import typing
from typing import Any

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
TEXTS, NUMBERS = ("list", STR), ("list", INT)
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
    None: NONE,
    type(None): NONE,
    complex: FLOAT,
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
_NAMED: tuple[tuple[str, Shape], ...] = (
    (r"str|text|name|expr|token|version|spec|pattern|line|path|char|key|word|sep|url|prefix", STR),
    (r"num|index|idx|count|size|width|pos|min|max|len|start|stop|offset|load|limit|^[nijk]$", INT),
    (r"iter|seq|list|values|items|args|other|elements", NUMBERS),
    (r"strings|texts|lines|names|words|parts", TEXTS),
    (r"func|callback|predicate|^f$|^fn$", CALL),
    (r"mapping|dict|kwargs|options", ("dict", STR, INT)),
    (r"bytes|data|buffer", BYTES),
)


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
    if origin is typing.Annotated:
        return shapes_of(args[0], known)
    if origin is typing.Literal:
        return [("literal", repr(value)) for value in args]
    base = origin or annotation
    if isinstance(base, typing.TypeVar):
        bound: Any = base.__bound__
        return shapes_of(bound, known) if bound is not None else []
    if isinstance(base, type) and base in known:
        return [("object", known[base])]
    if isinstance(base, type) and issubclass(base, enum.Enum):
        return []
    return _container(base, args, known)


def _container(base: Any, args: tuple[Any, ...], known: dict[type, str]) -> list[Shape]:
    def inner(at: int) -> Shape | None:
        found = shapes_of(args[at], known) if len(args) > at else []
        return found[0] if found else None

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
    if base is _CALLABLE:
        return [CALL]
    return []


def hints_of(function: Any, module_names: dict[str, Any]) -> dict[str, Any]:
    """Parameter name -> annotation as an object, as far as each can be evaluated."""
    function = inspect.unwrap(function)
    if isinstance(function, type):
        function = function.__init__
    raw: dict[str, Any] = dict(getattr(function, "__annotations__", {}))
    names = {**vars(typing), **vars(collections.abc), **module_names}
    found: dict[str, Any] = {}
    for name, annotation in raw.items():
        value = annotation
        if isinstance(annotation, str):
            try:
                # The module's own text, evaluated in its own names as `get_type_hints` does.
                value = eval(annotation, names)  # noqa: S307
            except Exception:  # boundary: names that exist only for type checkers
                simple = re.search(r"\b(str|int|bool|float|bytes)\b", annotation)
                value = {"str": str, "int": int, "bool": bool, "float": float, "bytes": bytes}.get(
                    simple.group() if simple else "", inspect.Parameter.empty
                )
        found[name] = value
    return found


def weights(
    parameter: inspect.Parameter, annotation: Any, known: dict[type, str], used: set[str]
) -> dict[Shape, float]:
    """How likely each shape is for a parameter, before anything was tried.

    Args:
        parameter: Its name and default speak too.
        annotation: From `hints_of`, or `Parameter.empty`.
        known: As for `shapes_of`.
        used: The attributes that the function's body asks of the parameter.
    """
    said = [] if annotation is parameter.empty else shapes_of(annotation, known)
    if said:
        # A little nonsense reaches the checks at the top of a function.
        return {**dict.fromkeys((NONE, STR, INT), 0.15), **dict.fromkeys(said, 6.0)}
    found: dict[Shape, float] = dict.fromkeys(PLAIN, 1.0)
    for name in known.values():
        found["object", name] = 1.0
    for pattern, shape in _NAMED:
        if re.search(pattern, parameter.name.lower()):
            found[shape] = found.get(shape, 0.0) + 5.0
    if parameter.default is not parameter.empty:
        simple = _SIMPLE.get(type(parameter.default))
        if simple:
            found[simple] = found.get(simple, 0.0) + 3.0
    examples: tuple[tuple[type, Shape], ...] = (
        (str, STR),
        (list, NUMBERS),
        (dict, ("dict", STR, INT)),
        (set, ("set", INT)),
        (bytes, BYTES),
    )
    for example, shape in examples:
        if used and all(hasattr(example, attribute) for attribute in used):
            found[shape] = found.get(shape, 0.0) + 6.0
    for cls, name in known.items():
        if used and all(hasattr(cls, attribute) for attribute in used):
            found["object", name] += 6.0
    return found


def attributes_used(tree: ast.AST) -> dict[tuple[int, str], set[str]]:
    """(first line of a function, parameter) -> the attributes that its body asks of it."""
    found: dict[tuple[int, str], set[str]] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
        every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        names = {argument.arg for argument in every}
        for part in ast.walk(node):
            owner = part.value if isinstance(part, ast.Attribute) else None
            if (
                isinstance(part, ast.Attribute)
                and isinstance(owner, ast.Name)
                and owner.id in names
            ):
                found.setdefault((first, owner.id), set()).add(part.attr)
    return found
