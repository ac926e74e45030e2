"""Annotations as objects, also those that stand as text or are imported for type checkers only."""

import ast
import collections.abc
import contextlib
import importlib
import inspect
import re
import types
import typing
from collections.abc import Iterator
from types import ModuleType
from typing import Any

MAX_ARGUMENTS = 40
_PLAIN: dict[str, Any] = {"str": str, "int": int, "float": float, "bool": bool, "bytes": bytes}


def names_for_hints(module: ModuleType, tree: ast.Module) -> dict[str, Any]:
    """What annotations may name: the module's names, and those it imports `if TYPE_CHECKING`."""
    found: dict[str, Any] = {**vars(typing), **vars(collections.abc)}
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            for part in node.body:
                if isinstance(part, ast.Import | ast.ImportFrom):
                    found |= _imported(part, module)
    return found | vars(module)


def _imported(node: ast.Import | ast.ImportFrom, module: ModuleType) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for alias in node.names:
        with contextlib.suppress(Exception):  # boundary: what is imported may be anything
            if isinstance(node, ast.Import):
                importlib.import_module(alias.name)
                name = alias.asname or alias.name.partition(".")[0]
                found[name] = importlib.import_module(alias.name if alias.asname else name)
            else:
                home = "." * node.level + (node.module or "")
                there = importlib.import_module(home, module.__package__)
                found[alias.asname or alias.name] = getattr(there, alias.name)
    return found


def hints_of(function: Any, names: dict[str, Any]) -> dict[str, Any]:
    """Parameter name -> annotation as an object, as far as each can be evaluated."""
    with contextlib.suppress(ValueError):  # a wrapper that wraps itself
        function = inspect.unwrap(function)
    if isinstance(function, type):
        function = _maker(function)
    raw: dict[str, Any] = dict(getattr(function, "__annotations__", {}))
    return {name: _evaluated(annotation, names) for name, annotation in raw.items()}


def _maker(cls: type[Any]) -> Any:
    return cls.__new__ if cls.__init__ is object.__init__ else cls.__init__


def _evaluated(annotation: Any, names: dict[str, Any]) -> Any:
    holder = types.SimpleNamespace(__annotations__={"value": annotation})
    try:
        # The module's own text, evaluated in its own names; also the text inside of `list["Box"]`.
        return typing.get_type_hints(holder, names, include_extras=True)["value"]
    except Exception:  # boundary: names that exist only for type checkers
        if not isinstance(annotation, str):
            return annotation
    try:
        return eval(annotation, names)  # noqa: S307
    except Exception:  # boundary: as above
        simple = re.search(r"\b(str|int|bool|float|bytes)\b", annotation)
        return _PLAIN[simple.group()] if simple else inspect.Parameter.empty


def classes_in(annotation: Any, depth: int = 0) -> Iterator[type[Any]]:
    """The classes that an annotation names."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        yield annotation
    elif depth < 4:
        origin = typing.get_origin(annotation)
        if isinstance(origin, type):
            yield origin
        for part in typing.get_args(annotation)[:MAX_ARGUMENTS]:
            yield from classes_in(part, depth + 1)
        bound = getattr(annotation, "__bound__", None)
        if bound is not None:
            yield from classes_in(bound, depth + 1)
