"""Tests as text: one function a test, plain. How they read in the end is decided outside of here.

Every test has one of three forms, so that tests of one shape can be put into one table:

    result = <last statement>       with pytest.raises(<error>, match=...):      <statements>
    assert result ...                   <last statement>                         assert box ...
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from textwrap import indent

from .names import Names, slug


@dataclass(frozen=True)
class Written:
    """One test before it has a name."""

    target: str
    statements: tuple[str, ...]
    asserts: tuple[str, ...]
    raises: str = ""
    """The exception that the last statement ends with; empty if it returns."""
    match: str = ""
    """Words of its message."""
    needs_result: bool = True
    """Whether the last statement is an expression, whose value the assertions call `result`.

    Another last statement stands as it is: `del box[0]`, or a whole `with` block of several lines.
    """
    fixtures: tuple[str, ...] = ()
    """The test's parameters: `tmp_path`, `monkeypatch`, `capsys`."""
    support: tuple[str, ...] = ()
    """Classes and functions, as source, that stand above the tests."""

    def agreed(self, again: "Written | None") -> "Written | None":
        """The test with what a second run said too; None: there is nothing to be relied on."""
        if again is None or replace(again, asserts=self.asserts) != self:
            return None
        asserts = tuple(line for line in self.asserts if line in again.asserts)
        return replace(self, asserts=asserts) if asserts or self.raises else None


@dataclass(frozen=True)
class File:
    """A file of tests."""

    text: str
    subjects: dict[str, str]
    """Test -> what it is about, as `Class.method`."""
    names: tuple[str, ...]
    """The tests in the order in which they were given."""


def as_file(tests: Sequence[Written], names: Names, fixtures: Sequence[str] = ()) -> File:
    """The file of these tests.

    Args:
        tests: In their order.
        names: What they name.
        fixtures: Functions that stand above all.
    """
    if not tests:
        return File("", {}, ())
    subjects = {f"test_{slug(test.target)}_{at}": test.target for at, test in enumerate(tests)}
    bodies = [_function(test, name) for test, name in zip(tests, subjects, strict=True)]
    support = dict.fromkeys(source for test in tests for source in test.support)
    text = "\n\n\n".join([*fixtures, *support, *bodies])
    return File(f"{_imports(text, names)}\n\n\n{text}\n", subjects, tuple(subjects))


def as_support(sources: Sequence[str], names: Names) -> str:
    """What stands above tests, as a file without tests."""
    text = "\n\n\n".join(sources)
    return f"{_imports(text, names)}\n\n\n{text}\n" if text else ""


def body_of(test: Written) -> list[str]:
    """The statements of a test, its assertions among them."""
    *before, last = test.statements
    if test.raises:
        match = f", match=re.escape({test.match!r})" if test.match else ""
        caught = " as caught" if test.asserts else ""
        last = f"with pytest.raises({test.raises}{match}){caught}:\n{indent(last, '    ')}"
    elif test.needs_result:
        last = f"result = {last}"
    return [*before, last, *test.asserts]


def _function(test: Written, name: str) -> str:
    lines = [indent(line, "    ") for line in body_of(test)]
    return "\n".join([f"def {name}({', '.join(test.fixtures)}):", *lines])


def _imports(body: str, names: Names) -> str:
    used = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    lines = ["import pytest"] if "pytest" in used else []
    for home, there, name in names.imports(used):
        shown = there if there == name else f"{there} as {name}"
        lines.append(f"from {home} import {shown}" if home else f"import {shown}")
    return "\n".join(lines)
