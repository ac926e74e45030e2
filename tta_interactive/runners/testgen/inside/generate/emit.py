"""Tests as text that one likes to read: sorted imports, telling names, lines that fit."""

import ast
import io
import keyword
import re
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import indent

from .targets import Names

WIDTH = 96


@dataclass(frozen=True)
class Written:
    """One test before it has a name."""

    target: str
    statements: tuple[str, ...]
    asserts: tuple[str, ...]
    raises: str = ""
    """The exception that the last statement ends with; empty if it returns."""
    needs_result: bool = True
    """Whether the last statement is an expression, whose value the assertions call `result`.

    Another last statement stands as it is: `del box[0]`, or a whole `with` block of several lines.
    """
    fixtures: tuple[str, ...] = ()
    """The test's parameters: `tmp_path`, `monkeypatch`, `capsys`."""
    support: tuple[str, ...] = ()
    """Classes and functions, as source, that stand above the tests."""


def as_file(tests: Sequence[Written], names: Names) -> str:
    """The text of a test file."""
    used: dict[str, int] = {}
    bodies = [_function(test, _name(test, used)) for test in tests]
    support = dict.fromkeys(source for test in tests for source in test.support)
    text = "\n\n\n".join([*support, *bodies])
    return _imports(text, names) + "\n\n\n" + text + "\n"


def _function(test: Written, name: str) -> str:
    lines = [f"def {name}({', '.join(test.fixtures)}):"]
    if test.raises:
        lines += [indent(line, "    ") for line in test.statements[:-1]]
        caught = " as caught" if test.asserts else ""
        lines.append(f"    with pytest.raises({test.raises}){caught}:")
        lines.append(indent(test.statements[-1], "        "))
    elif test.needs_result:
        lines += [indent(line, "    ") for line in test.statements[:-1]]
        if len(test.asserts) == 1 and len(test.statements[-1] + test.asserts[0]) < 70:
            lines.append("    " + _joined(test.statements[-1], test.asserts[0]))
            return "\n".join(part for line in lines for part in _laid_out(line))
        lines.append(f"    result = {test.statements[-1]}")
    else:
        lines += [indent(line, "    ") for line in test.statements]
    lines += [f"    {line}" for line in test.asserts]
    return "\n".join(part for line in lines for part in _laid_out(line))


def _joined(statement: str, assertion: str) -> str:
    """`assert result == 3` with the call itself in the place of `result`."""
    tree = ast.parse(statement, mode="eval").body
    simple = isinstance(tree, ast.Call | ast.Attribute | ast.Subscript | ast.Name)
    if isinstance(tree, ast.Compare) and assertion == "assert result is True":
        return f"assert {statement}"
    if isinstance(tree, ast.Compare) and assertion == "assert result is False":
        return f"assert not {statement}"
    inner = statement if simple else f"({statement})"
    return assertion.replace("result", inner, 1)


def _name(test: Written, used: dict[str, int]) -> str:
    subject = _slug(test.target)
    if test.raises:
        about = "raises_" + _slug(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", test.raises))
    else:
        about = _about(test)
    name = f"test_{subject}_{about}".rstrip("_")
    used[name] = used.get(name, 0) + 1
    return name if used[name] == 1 else f"{name}_{used[name]}"


def _about(test: Written) -> str:
    """What is special: the first short literal that is passed, else what comes out."""
    for node in ast.walk(ast.parse(test.statements[-1])):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            slug = _slug(node.value)
            if 1 < len(slug) <= 20 and slug.isascii():
                return f"of_{slug}"
            if not node.value:
                return "of_empty_text"
    first = test.asserts[0] if test.asserts else ""
    for ending, word in (
        ("is True", "is_true"),
        ("is False", "is_false"),
        ("is None", "is_none"),
        ("== []", "is_empty"),
        ("== {}", "is_empty"),
        ("== ''", "is_empty_text"),
        ("is NotImplemented", "is_not_implemented"),
    ):
        if first.endswith(ending):
            return word
    return ""


def _slug(text: str) -> str:
    slug = re.sub(r"_+", "_", re.sub(r"\W+", "_", text)).strip("_").lower()
    return f"{slug}_" if keyword.iskeyword(slug) else slug


def _imports(body: str, names: Names) -> str:
    used = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    plain: list[str] = []
    groups: dict[str, list[str]] = {}
    for home, there, name in names.imports(used):
        if not home:
            plain.append(f"import {name}")
        else:
            groups.setdefault(home, []).append(there if there == name else f"{there} as {name}")
    blocks = ["\n".join(sorted(plain))] if plain else []
    if "pytest" in used:
        blocks.append("import pytest")
    froms: list[str] = []
    for home in sorted(groups):
        line = f"from {home} import {', '.join(groups[home])}"
        if len(line) > WIDTH:
            listed = "".join(f"    {name},\n" for name in groups[home])
            line = f"from {home} import (\n{listed})"
        froms.append(line)
    if froms:
        blocks.append("\n".join(froms))
    return "\n\n".join(blocks)


def _laid_out(line: str) -> list[str]:
    """The line, or several that fit the width; a block of several lines stays as it is."""
    if "\n" in line:
        return [line]
    line = double_quoted(line)
    text = line.strip()
    indent = line[: len(line) - len(text)]
    if len(line) <= WIDTH or text.startswith(("def ", "with ")):
        return [line]
    tree = ast.parse(text).body[0]
    value = None
    if isinstance(tree, ast.Assert) and isinstance(tree.test, ast.Compare):
        value = tree.test.comparators[0]
    elif isinstance(tree, ast.Assign | ast.Expr):
        value = tree.value
    if value is None:
        return [line]
    head = text.encode()[: value.col_offset].decode()
    return [f"{indent}{part}" for part in _block(head, value, text, "")]


def _block(head: str, node: ast.expr, text: str, tail: str) -> list[str]:
    """`head` + the expression + `tail`, one element a line where it does not fit."""

    def source(part: ast.AST) -> str:
        return ast.get_source_segment(text, part) or ast.unparse(part)

    whole = f"{head}{source(node)}{tail}"
    if len(whole) <= WIDTH - 8:
        return [whole]
    if isinstance(node, ast.List | ast.Set | ast.Tuple) and node.elts:
        brackets = {ast.List: "[]", ast.Set: "{}", ast.Tuple: "()"}[type(node)]
        inner = [part for item in node.elts for part in _block("", item, text, ",")]
    elif isinstance(node, ast.Dict) and node.keys:
        brackets = "{}"
        inner = [
            part
            for key, value in zip(node.keys, node.values, strict=True)
            for part in _block(f"{source(key)}: " if key else "**", value, text, ",")
        ]
    elif isinstance(node, ast.Call) and (node.args or node.keywords):
        head += source(node.func)
        brackets = "()"
        inner = [part for item in node.args for part in _block("", item, text, ",")]
        inner += [
            part for key in node.keywords for part in _block(f"{key.arg}=", key.value, text, ",")
        ]
    else:
        return [whole]
    return [head + brackets[0], *(f"    {line}" for line in inner), brackets[1] + tail]


def double_quoted(line: str) -> str:
    """The line with double quotes around its strings, where that needs no escapes."""
    out = line
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(line.strip()).readline))
    except (tokenize.TokenError, IndentationError, SyntaxError):
        return line
    offset = len(line) - len(line.lstrip())
    for token in tokens:
        text = token.string
        start = text.find("'")
        if token.type != tokenize.STRING or start < 0 or start > 1 or '"' in text:
            continue
        if "\\'" in text or not text.endswith("'"):
            continue
        at = offset + token.start[1]
        swapped = text[:start] + '"' + text[start + 1 : -1] + '"'
        out = out[:at] + swapped + out[at + len(text) :]
    return out
