"""Find the module that is to be tested, without importing anything and without being fooled.

A path is opened component by component from the workspace, never through a link: what is read
is what lies there, whoever changes names in the meantime.
"""

import ast
import importlib.machinery
import importlib.util
import keyword
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.interpreter import Interpreter, as_found, our_interpreter
from tta_interactive.runners.testgen.naming import root_of
from tta_interactive.runners.testgen.reading import NotRegularError, open_regular

MAX_SOURCE = 1024 * 1024
DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


@dataclass(frozen=True)
class Source:
    """A module that was found."""

    name: str
    """What `import` calls it: `jmespath.lexer`."""
    file: Path
    """Where it really lies."""
    root: Path
    """The directory that must be on `sys.path`."""
    data: bytes
    """Its bytes, as they were read once."""
    in_workspace: bool

    @property
    def relative(self) -> Path:
        """The file below its root."""
        return self.file.relative_to(self.root)

    @property
    def text(self) -> str:
        """Its source."""
        return importlib.util.decode_source(self.data)

    @property
    def short_name(self) -> str:
        return self.name.rpartition(".")[2]


def find_module(
    module_path: str, workspace: Path, interpreter: Interpreter | None = None
) -> Source:
    """The module behind a path in the workspace or a dotted name.

    Args:
        module_path: What was asked for.
        workspace: Where paths start.
        interpreter: Finds what is installed; default: the one that runs this.

    Raises:
        TaskFailure: It is not there, must not be read, or is no module.
    """
    interpreter = interpreter or our_interpreter()
    if "/" in module_path or os.sep in module_path or module_path.endswith(".py"):
        source = _by_path(module_path, workspace, interpreter)
    else:
        source = _by_name(module_path, workspace, interpreter)
    _check_content(source, interpreter)
    return source


def _by_path(
    module_path: str, workspace: Path, interpreter: Interpreter, root: Path | None = None
) -> Source:
    """The module in a file; `root`: below this directory, as its dotted name has told."""
    relative = inside(module_path, workspace)
    if relative.suffix != ".py":
        raise _refused(module_path, "is no Python file", "Name a file that ends in .py.")
    data = _read(relative, workspace, module_path)
    if root is None:
        on_path = {Path(entry).resolve() for entry in interpreter.path}
        root = root_of(relative, workspace, data, on_path)
    parts = [*relative.relative_to(root).parts[:-1], relative.stem]
    if parts[-1] == "__init__":
        if len(parts) == 1:
            raise _refused(
                module_path,
                "is the package of the whole workspace and has no name there",
                "Use the directory above it as the workspace.",
            )
        del parts[-1]
    for part in parts:
        if not part.isidentifier() or keyword.iskeyword(part):
            raise TaskFailure(
                "bad_path",
                f"The module {module_path!r} cannot be imported: {part!r} is no name for `import`.",
                "Rename the file or directory to letters, digits and underscores.",
            )
    if parts[0] in sys.stdlib_module_names:
        raise TaskFailure(
            "bad_path",
            f"The module {module_path!r} would be imported as {parts[0]!r}, which is a module of "
            "Python's own.",
            "Rename it, or put it into a package.",
        )
    return Source(".".join(parts), workspace / relative, workspace / root, data, True)


def inside(path: str, workspace: Path) -> Path:
    """The path relative to the workspace, checked as text only.

    Raises:
        TaskFailure: It leaves the workspace, or is no path at all.
    """
    if (
        not path
        or len(path) > 4096
        or any(ord(letter) < 32 or ord(letter) == 127 for letter in path)
    ):
        raise _refused(path, "is no usable path", "Give a path without control characters.")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise _refused(path, "is no usable path", "Give a path in UTF-8.") from None
    base = os.path.normpath(workspace)
    whole = os.path.normpath(os.path.join(base, path))
    if whole == base or not whole.startswith(base.rstrip(os.sep) + os.sep):
        raise _refused(
            path, f"leads out of the workspace {base!r}", "Give a path inside of the workspace."
        )
    return Path(os.path.relpath(whole, base))


def _read(relative: Path, workspace: Path, said: str) -> bytes:
    data = read_beneath(relative, workspace, said)
    try:
        importlib.util.decode_source(data)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise TaskFailure(
            "not_python", f"The file {said!r} is not Python text: {error}.", "Check its encoding."
        ) from None
    return data


def read_beneath(relative: Path, base: Path, said: str) -> bytes:
    """The bytes of a regular file of at most 1 MiB, reached without following any link.

    Raises:
        TaskFailure: There is no such file.
    """
    folder = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in relative.parts[:-1]:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            below = os.open(part, flags, dir_fd=folder)
            os.close(folder)
            folder = below
        with open_regular(relative.name, dir_fd=folder) as file:
            data = file.read(MAX_SOURCE + 1)
    except FileNotFoundError:
        raise TaskFailure(
            "not_found",
            f"There is no file {said!r} in the workspace {str(base)!r}.",
            "Check the path; it is relative to the workspace.",
        ) from None
    except NotRegularError:
        raise _refused(said, "is no regular file", "Name a Python file.") from None
    except OSError as error:
        raise _refused(
            said,
            f"cannot be opened ({error.strerror})",
            "Name the file itself: symbolic links are not followed.",
        ) from None
    finally:
        os.close(folder)
    if len(data) > MAX_SOURCE:
        raise _refused(said, "is larger than 1 MiB", "Split the module, or name a smaller one.")
    return data


def _by_name(name: str, workspace: Path, interpreter: Interpreter) -> Source:
    if not DOTTED.fullmatch(name) or any(keyword.iskeyword(part) for part in name.split(".")):
        raise TaskFailure(
            "bad_path",
            f"{name[:200]!r} is neither the path of a Python file nor a dotted module name.",
            "Write for example src/auth.py or package.module.",
        )
    parts = name.split(".")
    for base in (Path(), Path("src")):
        for file in (Path(*parts).with_suffix(".py"), Path(*parts, "__init__.py")):
            if (workspace / base / file).is_file():
                return _by_path(str(base / file), workspace, interpreter, base)
    return _installed(name, parts, interpreter)


def _installed(name: str, parts: list[str], interpreter: Interpreter) -> Source:
    """The module as the task's interpreter would find it; nothing of it is executed."""
    missing = TaskFailure(
        "not_found",
        f"There is no module {name!r}: neither in the workspace nor in the interpreter.",
        "Check the name, install the package, or give the path of the file.",
    )
    found = interpreter.find(parts[0])
    for at in range(1, len(parts)):
        if found is None or found.folders is None:
            raise missing
        whole = ".".join(parts[: at + 1])
        try:
            spec = importlib.machinery.PathFinder.find_spec(whole, list(found.folders))
        except (ImportError, ValueError):
            raise missing from None
        found = as_found(spec)
    if found is None:
        raise missing
    if not found.origin or not found.origin.endswith(".py"):
        raise TaskFailure(
            "not_python",
            f"The module {name!r} has no Python source ({found.origin or 'no file'}).",
            "Only modules written in Python can be tested.",
        )
    if parts[0] in sys.stdlib_module_names:
        raise TaskFailure(
            "bad_path",
            f"The module {name!r} belongs to Python itself.",
            "Copy it into the workspace under another name.",
        )
    file = Path(found.origin).resolve()
    up = len(parts) if file.name == "__init__.py" else len(parts) - 1
    root = file.parents[up]
    data = _read(file.relative_to(root), root, str(file.relative_to(root)))
    return Source(name, file, root, data, False)


def _check_content(source: Source, interpreter: Interpreter) -> None:
    try:
        tree = ast.parse(source.text)
    except SyntaxError as error:
        if interpreter.version > sys.version_info[:3]:
            return  # it may know more words than we do: its import will tell
        raise TaskFailure(
            "not_python",
            f"The module {source.name!r} is not Python {sys.version_info[0]}.{sys.version_info[1]}: "
            f"line {error.lineno}: {error.msg}.",
            "Mend it, or name another interpreter with python=PATH.",
        ) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise TaskFailure(
            "not_python", f"The module {source.name!r} is not Python text: {error}.", "Mend it."
        ) from None
    if all(
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in tree.body
    ):
        raise TaskFailure(
            "nothing_to_test",
            f"The module {source.name!r} is empty: it holds no statement.",
            "Name a module that defines functions or classes.",
        )


def _refused(path: str, why: str, remedy: str) -> TaskFailure:
    return TaskFailure("bad_path", f"The path {path[:200]!r} {why}.", remedy)
