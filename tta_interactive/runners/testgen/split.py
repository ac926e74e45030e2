"""Take a file of tests apart into single tests, and put some of them together again. Pure.

One bad test must not sink a file: whoever wrote it, each test is judged alone.
"""

import ast
import builtins
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

WIDTH = 96
_TESTS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Unit:
    """One test function, or one class of tests, as it was written."""

    name: str
    source: str
    subject: str = ""
    """What it is about, as `Class.method`, if whoever wrote it said so."""
    is_sharper: bool = False
    """Whether it is there for what it checks, not for the lines that it reaches."""
    rows: int = 1
    """How many tests were put together in it."""


@dataclass(frozen=True)
class Imported:
    """One name that an import statement binds."""

    module: str
    """Empty for `import x`."""
    there: str
    here: str


@dataclass(frozen=True)
class Suite:
    """A file of tests, taken apart."""

    imports: tuple[Imported, ...]
    helpers: tuple[str, ...]
    """Other statements at the top: constants, fixtures, functions that are no tests."""
    units: tuple[Unit, ...]

    @property
    def rows(self) -> int:
        """How many tests there are when each row of a table counts."""
        return sum(unit.rows for unit in self.units)

    def only(self, names: Iterable[str]) -> "Suite":
        """These tests and no others, in the same order."""
        wanted = set(names)
        return replace(self, units=tuple(unit for unit in self.units if unit.name in wanted))

    def with_helpers(self, helpers: Sequence[str]) -> "Suite":
        """The same tests beside other statements."""
        return replace(self, helpers=tuple(helpers))

    def joined(self, other: "Suite") -> "Suite":
        """Both; a test of `other` whose name is taken gets a number."""
        taken = {unit.name for unit in self.units}
        units = list(self.units)
        for unit in other.units:
            fresh = _renamed(unit, taken)
            taken.add(fresh.name)
            units.append(fresh)
        return Suite(
            tuple(dict.fromkeys((*self.imports, *other.imports))),
            tuple(dict.fromkeys((*self.helpers, *other.helpers))),
            tuple(units),
        )


def split(
    text: str, subjects: Mapping[str, str] | None = None, sharper: Collection[str] = ()
) -> Suite:
    """Take a file apart; a later test of the same name gets a number.

    Args:
        text: The file.
        subjects: Test -> what it is about.
        sharper: Tests that are there for what they check.

    Raises:
        SyntaxError: It is not Python.
    """
    tree = ast.parse(text)
    imports: list[Imported] = []
    helpers: list[str] = []
    units: list[Unit] = []
    taken: set[str] = set()
    for at, node in enumerate(tree.body):
        if isinstance(node, ast.Import):
            imports += [Imported("", one.name, one.asname or one.name) for one in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module != "__future__":
            imports += [
                Imported(node.module or "", one.name, one.asname or one.name) for one in node.names
            ]
        elif isinstance(node, _TESTS) and node.name.lower().startswith("test"):
            about = (subjects or {}).get(node.name, "")
            unit = Unit(node.name, _source(text, node), about, node.name in sharper)
            unit = _renamed(unit, taken)
            taken.add(unit.name)
            units.append(unit)
        elif not (at == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            helpers.append(_source(text, node))
    return Suite(tuple(dict.fromkeys(imports)), tuple(helpers), tuple(units))


def compose(
    tests: Suite,
    head: str = "",
    before_imports: str = "",
    bound: Collection[Imported] = (),
) -> str:
    """The text of a file with these tests, and the imports that they need.

    Args:
        head: Docstring and comments of the file.
        before_imports: A statement that must run before the module is imported; it may use
            `sys` and `Path`.
        bound: What is imported already where the text will stand.
    """
    body = [*tests.helpers, *(unit.source for unit in tests.units)]
    text = "\n\n\n".join(body)
    used = names_in(text)
    used_imports = [one for one in tests.imports if one.here.split(".")[0] in used]
    if before_imports:
        used_imports += [Imported("", "sys", "sys"), Imported("pathlib", "Path", "Path")]
    if not tests.helpers and "pytest" in used and not any(i.here == "pytest" for i in used_imports):
        used_imports.append(Imported("", "pytest", "pytest"))
    used_imports = [one for one in used_imports if one not in bound]
    blocks = [head.rstrip()] if head else []
    blocks += _import_blocks(used_imports, before_imports)
    first = "\n\n".join(blocks)
    return f"{first}\n\n\n{text}\n" if first else f"{text}\n"


def names_in(source: str) -> set[str]:
    """The names that statements use or bind."""
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


def _import_blocks(imports: Sequence[Imported], before: str) -> list[str]:
    def is_own(one: Imported) -> bool:
        return (one.module or one.there).split(".")[0] not in sys.stdlib_module_names

    blocks: list[str] = []
    own = [one for one in imports if is_own(one)]
    groups = [
        [one for one in imports if not is_own(one)],
        [one for one in own if one.here == "pytest"],
        [one for one in own if one.here != "pytest"],
    ]
    for at, group in enumerate(groups):
        if at == 2 and before:
            blocks.append(before.rstrip())
        if group:
            blocks.append("\n".join(import_lines(group)))
    return blocks


def import_lines(group: Sequence[Imported]) -> list[str]:
    """The statements that bind these names, sorted."""
    lines: list[str] = []
    for one in sorted({one for one in group if not one.module}, key=lambda one: one.there):
        alias = "" if one.there == one.here else f" as {one.here}"
        lines.append(f"import {one.there}{alias}")
    for module in sorted({one.module for one in group if one.module}):
        names = sorted(
            one.there if one.there == one.here else f"{one.there} as {one.here}"
            for one in group
            if one.module == module
        )
        line = f"from {module} import {', '.join(names)}"
        if len(line) > WIDTH:
            line = f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"
        lines.append(line)
    return lines


def _source(text: str, node: ast.stmt) -> str:
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(mark.lineno for mark in decorators)])
    return "\n".join(text.splitlines()[first - 1 : node.end_lineno]).rstrip()


def _renamed(unit: Unit, taken: set[str]) -> Unit:
    if unit.name not in taken and not hasattr(builtins, unit.name):
        return unit
    number = 2
    while f"{unit.name}_{number}" in taken:
        number += 1
    name = f"{unit.name}_{number}"
    source = unit.source
    for word in ("def ", "class "):
        if f"{word}{unit.name}" in source:
            source = source.replace(f"{word}{unit.name}", f"{word}{name}", 1)
            break
    return replace(unit, name=name, source=source)
