"""An expression that makes an equal object again: `Point(x=1, y=2)`, `Decimal('1.0')`.

The text comes from the object's own `repr` (or from its `str`, for classes that read their own
text). It is used only if it is a plain call of known names and gives an equal object when run.
"""

import ast
import builtins
import dataclasses
import importlib
import inspect
import pathlib
import typing
from collections.abc import Callable, Iterator
from typing import Any, cast

from .names import Names

# Classes of the standard library whose `repr` can be read back.
READABLE = ("collections", "datetime", "decimal", "fractions", "ipaddress", "pathlib", "uuid")
PLAIN = (range, complex, bytearray, slice)
MAX_TEXT = 300
IN_HINTS = (
    ast.Expression,
    ast.Name,
    ast.Attribute,
    ast.Subscript,
    ast.Tuple,
    ast.List,
    ast.BinOp,
    ast.BitOr,
    ast.Constant,
    ast.expr_context,
)


def rebuilt(
    value: Any, names: Names, known: dict[type, str], literal: Callable[[Any], str | None]
) -> str | None:
    """The expression, or None if there is none that is sure to be equal.

    Args:
        value: What is to be written.
        names: What the expression may name.
        known: The classes that can be made, as written.
        literal: Writes what the object holds.
    """
    cls = cast("type[Any]", type(value))
    if cls.__module__ in ("types", "typing"):
        return _hint(value)
    if cls in PLAIN:
        return _checked(value, repr(value), {})
    if cls.__eq__ is object.__eq__ or isinstance(value, pathlib.Path):
        return None
    home = cls.__module__.lstrip("_").split(".")[0]
    if home in READABLE and getattr(importlib.import_module(home), cls.__name__, None) is cls:
        return _of_library(value, home, names)
    if cls not in known:
        return None
    try:
        given = _by_fields(value, literal)
        texts = (f"{known[cls]}({given})", repr(value), f"{known[cls]}({str(value)!r})")
    except Exception:  # boundary: code under test, asked for its text
        return None
    tries = (*(texts[:1] if given is not None else ()), *map(_without_defaults(cls), texts[1:2]))
    made = (_checked(value, text, names.space) for text in (*tries, *texts[1:]))
    return next((text for text in made if text), None)


def _hint(value: Any) -> str | None:
    """An annotation that is a value: `int | None`, `typing.Literal['a']`."""
    text = repr(value)
    try:
        nodes = list(ast.walk(ast.parse(text, mode="eval")))
        if not all(isinstance(node, IN_HINTS) for node in nodes):
            return None
        made = eval(compile(text, "<rebuilt>", "eval"), {"typing": typing})  # noqa: S307  (no calls)
        same = type(made) is type(value) and (made == value) is True
    except Exception:  # boundary: a text that is no Python, or names what is not there
        return None
    return text if same and len(text) <= MAX_TEXT else None


def has_fields(cls: type[Any]) -> bool:
    """Whether a decorator wrote its `==` and its `repr`: a dataclass or a class of attrs."""
    return hasattr(cls, "__dataclass_fields__") or hasattr(cls, "__attrs_attrs__")


def _by_fields(value: Any, literal: Callable[[Any], str | None]) -> str | None:
    """The arguments that differ from the defaults; None: it has no fields, or one cannot be told.

    What must be given is given by position, as far as that goes.
    """
    cls = cast("type[Any]", type(value))
    if not has_fields(cls):
        return None
    given: list[str] = []
    by_name = False
    for name, argument, default, is_keyword in _fields(cls):
        held = getattr(value, name)
        by_name = by_name or is_keyword or bool(default)
        if default and type(default[0]) is type(held) and (default[0] == held) is True:
            continue
        text = literal(held)
        if text is None:
            return None
        given.append(f"{argument}={text}" if by_name else text)
    return ", ".join(given)


def _fields(cls: type[Any]) -> Iterator[tuple[str, str, list[Any], bool]]:
    """(field, parameter, its default or nothing, whether it must be named) of what is given."""
    for one in getattr(cls, "__attrs_attrs__", ()):
        if one.init:
            factory = getattr(one.default, "factory", None)
            is_plain = factory is None or not one.default.takes_self
            has_none = getattr(one.default, "name", "") == "NOTHING"
            default = [factory() if factory else one.default] if is_plain and not has_none else []
            yield one.name, one.alias, default, one.kw_only
    if hasattr(cls, "__dataclass_fields__"):
        for one in dataclasses.fields(cls):
            if one.init:
                default = [] if one.default is dataclasses.MISSING else [one.default]
                if one.default_factory is not dataclasses.MISSING:
                    default = [one.default_factory()]
                yield one.name, one.name, default, one.kw_only is True


def _without_defaults(cls: type[Any]) -> Callable[[str], str]:
    """Takes out of a call of the class what would be so anyway: `Version(major=3, build=None)`."""

    def shorter(text: str) -> str:
        try:
            call = ast.parse(text, mode="eval").body
            parameters = inspect.signature(cls).parameters
        except (SyntaxError, ValueError, TypeError):
            return text
        if not isinstance(call, ast.Call):
            return text
        call.keywords = [
            one
            for one in call.keywords
            if one.arg is None
            or one.arg not in parameters
            or ast.unparse(one.value) != _shown(parameters[one.arg])
        ]
        return ast.unparse(call)

    return shorter


def _shown(parameter: inspect.Parameter) -> str:
    return "" if parameter.default is parameter.empty else repr(parameter.default)


def _of_library(value: Any, home: str, names: Names) -> str | None:
    name, text = type(value).__name__, repr(value)
    if text.startswith(f"{home}."):
        name, where = home, ""
        thing: Any = importlib.import_module(home)
    else:
        thing, where = cast("Any", type(value)), home
    if names.space.get(name, thing) is not thing or hasattr(builtins, name):
        return None
    made = _checked(value, text, {**names.space, name: thing})
    if made and not names.knows(name):
        names.add(name, thing, where, name)
    return made


def _checked(value: Any, text: str, space: dict[str, Any]) -> str | None:
    """The text, if it is harmless and gives an equal object of the same class."""
    if len(text) > MAX_TEXT or not text.isprintable():
        return None
    try:
        tree = ast.parse(text, mode="eval").body
        if not _is_plain(tree, space):
            return None
        made = eval(compile(text, "<rebuilt>", "eval"), dict(space))  # noqa: S307  (plain calls)
        same = type(made) is type(value) and (made == value) is True and (made != value) is False
    except Exception:  # boundary: code under test, asked to make and to compare
        return None
    return text if same and not bool(_equals_anything(made)) else None


def _equals_anything(made: Any) -> bool:
    try:
        return bool(made == object())
    except Exception:  # boundary: code under test, asked to compare
        return True


def _is_plain(node: ast.expr, space: dict[str, Any]) -> bool:
    """Calls of classes that the test may use, and literals; nothing else."""
    match node:
        case ast.Constant():
            return True
        case ast.UnaryOp(operand=inner):
            return _is_plain(inner, space)
        case ast.BinOp(left=ast.Constant(), right=ast.Constant()):
            return True  # 1+2j
        case ast.Tuple() | ast.List() | ast.Set():
            return all(_is_plain(item, space) for item in node.elts)
        case ast.Dict():
            items = [*node.keys, *node.values]
            return all(item is not None and _is_plain(item, space) for item in items)
        case ast.Call():
            return (
                _is_class(node.func, space)
                and all(_is_plain(one, space) for one in node.args)
                and all(one.arg and _is_plain(one.value, space) for one in node.keywords)
            )
        case ast.Attribute():
            return _is_class(node.value, space)  # a member: Colour.RED, datetime.timezone.utc
        case _:
            return False


def _is_class(node: ast.expr, space: dict[str, Any]) -> bool:
    match node:
        case ast.Name(id=name):
            found = space.get(name, getattr(builtins, name, None))
        case ast.Attribute(value=ast.Name(id=module), attr=name):
            found = getattr(space.get(module), name, None)
        case _:
            return False
    return isinstance(found, type)
