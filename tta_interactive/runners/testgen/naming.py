"""What `import` calls a file: which directory above it has to be on the path.

The directories with an `__init__.py` are its package. Above them a directory without one can be
a namespace package: then something tells so (the path of the interpreter, a directory `src`, the
module's own imports).
"""

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

SOURCES = "src"


def root_of(relative: Path, workspace: Path, data: bytes, on_path: Collection[Path] = ()) -> Path:
    """The directory that has to be on the path, relative to the workspace.

    Args:
        relative: The file, relative to the workspace.
        workspace: Where the project is.
        data: The file's content.
        on_path: What the task's interpreter has on its path.
    """
    top = relative.parent
    while top != Path() and (workspace / top / "__init__.py").is_file():
        top = top.parent
    if top == Path():
        return top
    above = list(top.parents)
    for root in (top, *above):
        if root != Path() and (workspace / root).resolve() in on_path:
            return root
    if top.name == SOURCES:
        return top
    roots = [root for root in above if root.name == SOURCES]
    if roots:
        return roots[0]
    absolute, has_relative = _imports(data)
    for root in above:
        name = top.relative_to(root).parts[0]
        if name.isidentifier() and any(
            parts[0] == name and _is_there(workspace / root, parts) for parts in absolute
        ):
            return root
    is_bare = top == relative.parent  # no package around it: a relative import says that one is
    return Path() if is_bare and has_relative else top


def _imports(data: bytes) -> tuple[list[list[str]], bool]:
    """(the absolute imports as lists of names, whether there are relative ones)."""
    absolute: list[list[str]] = []
    has_relative = False
    for node in _nodes(data):
        if isinstance(node, ast.Import):
            absolute += [one.name.split(".") for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                has_relative = True
            elif node.module:
                absolute.append(node.module.split("."))
    return absolute, has_relative


def _nodes(data: bytes) -> Iterator[ast.AST]:
    try:
        return ast.walk(ast.parse(data))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return iter(())


def _is_there(root: Path, parts: list[str]) -> bool:
    """Whether the import leads to something below the directory."""
    place = root.joinpath(*parts)
    return place.is_dir() or place.with_suffix(".py").is_file()
