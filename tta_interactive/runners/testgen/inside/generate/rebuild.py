"""An expression that makes an equal object again: `Point(x=1, y=2)`, `Decimal('1.0')`.

The text comes from the object's own `repr` (or from its `str`, for classes that read their own
text). It is used only if it is a plain call of known names and gives an equal object when run.
"""

import ast
import builtins
import importlib
import pathlib
import typing
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


def rebuilt(value: Any, names: Names, known: dict[type, str]) -> str | None:
    """The expression, or None if there is none that is sure to be equal."""
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
        texts = (repr(value), f"{known[cls]}({str(value)!r})")
    except Exception:  # boundary: code under test, asked for its text
        return None
    made = (_checked(value, text, names.space) for text in texts)
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
