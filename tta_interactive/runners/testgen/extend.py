"""Add tests below an existing file and touch nothing above: the text of it. Pure.

    ... the file as it was, byte for byte ...

    # Added by tta-interactive for shop.prices; hash of the lines below: 0123...

    imports that the added tests need, and the file has not
    the added tests

A later run replaces what stands below the mark, if nobody has edited it since.
"""

import ast
import hashlib
import io
import json
import re
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from tta_interactive.runners.testgen.split import Imported, Suite, split

MARK = re.compile(
    r"^# Added by tta-interactive for ([\w.]+); hash of the lines below: ([0-9a-f]{32})\r?\n", re.M
)
AUTOUSE = "@pytest.fixture(autouse=True)\n"
NEW_MARK = "# Added by tta-interactive for {}; hash of the lines below: {}\n"


@dataclass(frozen=True)
class Above:
    """What stands in the file and is not ours."""

    text: str
    """All of it, with the line ends that it has."""
    is_edited: bool
    """Whether tests of ours stood below, and were edited since: they count as its own."""

    @property
    def newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"


def above_mark(text: str, module: str) -> Above:
    """The file without the tests that an earlier run has added for the module."""
    marks = list(MARK.finditer(text))
    if not marks or marks[-1].group(1) != module:
        return Above(text, is_edited=False)
    found = marks[-1]  # an edited block can stand above another mark
    if _hash(text[found.end() :]) != found.group(2):
        return Above(text, is_edited=True)
    newline = "\r\n" if "\r\n" in text else "\n"
    return Above(text[: found.start()].removesuffix(2 * newline), is_edited=False)


def with_block(above: Above, block: str, module: str) -> str:
    """The whole file: what was there, the mark, and the block."""
    body = block.replace("\r\n", "\n").replace("\n", above.newline)
    gap = "" if not above.text or above.text.endswith("\n") else above.newline
    mark = NEW_MARK.format(module, _hash(body)).replace("\n", above.newline)
    return f"{above.text}{gap}{2 * above.newline}{mark}{body}"


def _hash(text: str) -> str:
    lines = text.replace("\r\n", "\n")
    return hashlib.sha256(lines.encode()).hexdigest()[:32]


def beside(tests: Suite, above: str) -> tuple[Suite, frozenset[Imported]]:
    """The tests with names that the file above has not, and the imports that it has already.

    A name that means the same in both stays; one that means something else above gets a number.

    Args:
        tests: To be added.
        above: Python text.
    """
    tree = ast.parse(above)
    bound, imported = _bound(tree), _imported(tree)
    fresh: dict[str, str] = {}
    for name in _own_names(tests, imported):
        if name in bound:
            fresh[name] = _unused(name, {*bound, *fresh.values()})
    if not fresh:
        return _without_autouse(tests), imported
    imports = tuple(
        one if one in imported else replace(one, here=fresh.get(one.here, one.here))
        for one in tests.imports
    )
    helpers = tuple(renamed(text, fresh) for text in tests.helpers)
    units = tuple(
        replace(unit, name=fresh.get(unit.name, unit.name), source=renamed(unit.source, fresh))
        for unit in tests.units
    )
    return _without_autouse(Suite(imports, helpers, units)), imported


def with_resets(tests: Suite, resets: str) -> Suite:
    """The tests, each of which begins with the module as its import left it.

    Args:
        tests: To be added behind others, which may leave anything behind.
        resets: Fixtures that see to it, and what they need.
    """
    found = split(resets)
    new = {name for text in found.helpers for name in _defined(text)}
    rest = [text for text in tests.helpers if new.isdisjoint(_defined(text))]
    imports = tuple(dict.fromkeys((*tests.imports, *found.imports)))
    return Suite(imports, (*found.helpers, *rest), tests.units)


def _without_autouse(tests: Suite) -> Suite:
    """The same with fixtures that each of these tests asks for: the tests above ask for none."""
    helpers, asked = list[str](), list[str]()
    for text in tests.helpers:
        if text.startswith(AUTOUSE):
            asked += [one.name for one in ast.parse(text).body if isinstance(one, ast.FunctionDef)]
        helpers.append(text.replace(AUTOUSE, "@pytest.fixture\n", 1))
    if not asked:
        return tests
    ask = f"@pytest.mark.usefixtures({', '.join(map(json.dumps, asked))})\n"
    units = tuple(replace(unit, source=ask + unit.source) for unit in tests.units)
    return Suite(tests.imports, tuple(helpers), units)


def renamed(source: str, fresh: Mapping[str, str]) -> str:
    """The text with these names changed: no attribute, no keyword and no text in quotes."""
    lines = source.splitlines(keepends=True)
    words = list(tokenize.generate_tokens(io.StringIO(source).readline))
    depth, changes = 0, list[tuple[int, int, str]]()
    for before, word, after in zip([None, *words], words, [*words[1:], None], strict=False):
        if word.type == tokenize.OP:
            depth += (word.string in "([{") - (word.string in ")]}")
        if word.type != tokenize.NAME or word.string not in fresh:
            continue
        is_attribute = before is not None and before.string == "."
        is_keyword = depth > 0 and after is not None and after.string == "="
        if not is_attribute and not is_keyword:
            changes.append((*word.start, word.string))
    for row, column, name in reversed(changes):
        line = lines[row - 1]
        lines[row - 1] = line[:column] + fresh[name] + line[column + len(name) :]
    return "".join(lines)


def _own_names(tests: Suite, imported: frozenset[Imported]) -> Iterable[str]:
    """The names that the tests bind at the top of a file."""
    names = [one.here.split(".")[0] for one in tests.imports if one not in imported]
    for text in tests.helpers:
        names += _defined(text)
    return dict.fromkeys([*names, *(unit.name for unit in tests.units)])


def _defined(text: str) -> list[str]:
    """The names that a statement beside tests gives to something."""
    (node,) = ast.parse(text).body
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    named = (part for part in ast.walk(node) if isinstance(part, ast.Name))
    return [part.id for part in named if not isinstance(part.ctx, ast.Load)]


def _bound(tree: ast.Module) -> set[str]:
    """Every name that a module binds or uses, wherever in it: more than needed harms nobody."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).split(".")[0])
    return names


def _imported(tree: ast.Module) -> frozenset[Imported]:
    """The imports at the top of the module that nothing else in it rebinds."""
    found: list[Imported] = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            found += [Imported("", one.name, one.asname or one.name) for one in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found += [Imported(node.module, one.name, one.asname or one.name) for one in node.names]
    stored = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    }
    stored |= {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    names = [one.here for one in found]
    return frozenset(one for one in found if one.here not in stored and names.count(one.here) == 1)


def _unused(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
