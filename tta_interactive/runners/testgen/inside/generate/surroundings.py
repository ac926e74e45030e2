"""What stands around the module's own code: classes that it names, objects that it made."""

import ast
import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, cast

from .hints import classes_in, hints_of
from .names import Names
from .recipes import PATHS, texts_of, type_name
from .targets import Target
from .usage import Usage

MAX_CLASSES = 25
NO_HELP = ("builtins", "typing", "abc", "collections.abc", "types", "subprocess", "socket", "enum")


def classes_named(
    targets: list[Target], uses: dict[tuple[int, str], Usage], names: dict[str, Any]
) -> list[type[Any]]:
    """Classes of other modules that annotations and `isinstance` name, in order."""
    found: dict[type[Any], None] = {}
    for target in targets:
        if target.function is not None:
            for annotation in hints_of(target.function, names).values():
                found |= dict.fromkeys(classes_in(annotation))
    for usage in uses.values():
        for source in usage.types:
            value = _evaluated(source, names)
            for part in cast("tuple[Any, ...]", value) if isinstance(value, tuple) else (value,):
                if isinstance(part, type):
                    found[part] = None
    return [cls for cls in found if _can_help(cls)][:MAX_CLASSES]


def instances(module: ModuleType, known: dict[type, str]) -> Iterator[tuple[str, str]]:
    """(class as written, name) of each public object at the module's top."""
    for name, value in sorted(vars(module).items()):
        written = known.get(cast("type[Any]", type(value)))
        if written and name.isidentifier() and not name.startswith("_"):
            yield written, name


def imported(node: ast.ImportFrom | ast.Import, names: Names) -> bool:
    """Whether all that an example imports stands at the top of the test file instead."""
    if isinstance(node, ast.Import):
        return all(_module_imported(one, names) for one in node.names)
    if node.level or not node.module:
        return False
    for alias in node.names:
        here = alias.asname or alias.name
        try:
            value = getattr(importlib.import_module(node.module), alias.name)
        except Exception:  # boundary: what an example imports may be anything
            return False
        if names.knows(here):
            if names.space[here] is not value:
                return False
        else:
            names.add(here, value, node.module, alias.name)
    return True


def _module_imported(alias: ast.alias, names: Names) -> bool:
    """`import numpy as np`; of `import a.b` only what binds one name is taken."""
    here = alias.asname or alias.name
    value = sys.modules.get(alias.name)
    if value is None or "." in here:
        return False
    if not names.knows(here):
        home, _, name = alias.name.rpartition(".")
        names.add(here, value, home, name)
    return names.space[here] is value


def _can_help(cls: type[Any]) -> bool:
    name = type_name(cls)
    plain = cls.__module__.lstrip("_").split(".")[0] in NO_HELP or cls.__module__ in NO_HELP
    return not plain and name not in PATHS and not texts_of(cls)


def _evaluated(source: str, names: dict[str, Any]) -> Any:
    try:
        return eval(source, names)  # noqa: S307  (the module's own text)
    except Exception:  # boundary: it may name anything, local variables included
        return None
