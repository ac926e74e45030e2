"""Names and first lines that say what a test checks."""

import ast
import keyword
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tta_interactive.runners.testgen.reads.outline import Outline
from tta_interactive.runners.testgen.reads.shape import Hole
from tta_interactive.runners.testgen.reads.subject import snake

SPOKEN = {
    "__eq__": "equality", "__ne__": "inequality", "__lt__": "less_than", "__le__": "at_most",
    "__gt__": "greater_than", "__ge__": "at_least", "__len__": "length", "__bool__": "truth",
    "__iter__": "iteration", "__contains__": "membership", "__getitem__": "item",
    "__setitem__": "item_assignment", "__delitem__": "item_deletion", "__call__": "call",
    "__init__": "", "__new__": "",
}  # fmt: skip
# What a special method means, for a class.
MEANT = {
    "__eq__": "When a `{}` equals another value", "__ne__": "When a `{}` differs from a value",
    "__lt__": "When a `{}` is less than another", "__le__": "When a `{}` is at most another",
    "__gt__": "When a `{}` is greater than another", "__ge__": "When a `{}` is at least another",
    "__len__": "How long a `{}` is", "__bool__": "When a `{}` counts as true",
    "__iter__": "What a `{}` yields", "__reversed__": "What a `{}` yields, last first",
    "__contains__": "What is in a `{}`", "__getitem__": "What stands where in a `{}`",
    "__setitem__": "A `{}` takes a new item", "__delitem__": "A `{}` lets an item go",
    "__str__": "A `{}` as text", "__repr__": "A `{}` as it is shown",
    "__hash__": "A `{}` keeps its hash", "__copy__": "A copy of a `{}` holds the same",
    "__reduce__": "A copy of a `{}` holds the same",
    "__getstate__": "A copy of a `{}` holds the same",
    "__setstate__": "A copy of a `{}` holds the same",
    "__deepcopy__": "A deep copy of a `{}` holds the same",
}  # fmt: skip
OUTPUTS = ("expected", "message")
OUTCOMES = {True: "is_true", False: "is_false", None: "is_none"}
MAX_SLUG = 24
MAX_NAME = 80
MAX_SHOWN = 60
MARKS = 4  # of code in a sentence
MAX_LINE = 66  # of what varies in a docstring, so that the whole fits


@dataclass
class Told:
    """One finished test: its rows, and its statements with a name for what varies."""

    subject: str
    body: list[ast.stmt]
    parameters: list[str]
    rows: list[list[Hole]]
    fixtures: list[str]
    is_async: bool
    setup: list[str]
    """Names of the methods that are called before the one that is looked at."""
    given: str
    """The arguments of the call that is looked at, as source."""
    raises: str
    changes: bool
    """Whether the object is looked at afterwards, and not what the call returned."""


def slug(text: str) -> str:
    """The text as a part of a name."""
    words = re.sub(r"_+", "_", re.sub(r"\W+", "_", text)).strip("_").lower()
    return words if words.isascii() else ""


def names(tests: Sequence[Told]) -> list[str]:
    """A name for each, all different; what sets it apart from others is in it where needed."""
    stems = [_stem(test) for test in tests]
    for qualifier in (_after, _keywords, _literal, _outcome):
        clashing = {stem for stem in stems if stems.count(stem) > 1}
        stems = [_with(stem, qualifier(test)) if stem in clashing else stem
                 for stem, test in zip(stems, tests, strict=True)]  # fmt: skip
    taken: set[str] = set()
    for at, stem in enumerate(stems):
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem}_{number}"
        taken.add(name)
        stems[at] = name
    return stems


def _with(stem: str, more: str) -> str:
    return f"{stem}_{more}" if more and len(stem) + len(more) < MAX_NAME else stem


def _stem(test: Told) -> str:
    owner, _, name = test.subject.rpartition(".")
    spoken = SPOKEN.get(name, slug(snake(name)))
    parts = ["test", *map(snake, owner.split(".")), spoken]
    if test.raises:
        parts.append("raises_" + snake(test.raises.rpartition(".")[2]))
    stem = "_".join(part for part in parts if part)
    return f"{stem}_" if keyword.iskeyword(stem) else stem


def _after(test: Told) -> str:
    return "after_" + "_and_".join(dict.fromkeys(map(slug, test.setup))) if test.setup else ""


def _keywords(test: Told) -> str:
    """The options of the call."""
    found = [
        keyword.arg
        for part in test.body[-2:]
        for node in ast.walk(part)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg and keyword.arg != "match" and ast.unparse(keyword.value) != "None"
    ]
    return "with_" + "_and_".join(dict.fromkeys(map(slug, found))) if 0 < len(found) < 4 else ""


def _literal(test: Told) -> str:
    """A short text or a number that is passed, if it is one row."""
    if len(test.rows) > 1:
        return ""
    given: list[ast.expr] = [ast.parse(f"_({test.given})", mode="eval").body]
    made = [hole.value for hole in test.rows[0] if hole.name not in OUTPUTS]
    for node in (node for value in (given if test.given else made) for node in ast.walk(value)):
        if not isinstance(node, ast.Constant) or isinstance(node.value, bool | bytes | None):
            continue
        if node.value == "":
            return "of_empty_text"
        words = slug(str(node.value))
        if words and len(words) <= MAX_SLUG:
            return f"of_{words}"
    return ""


def _outcome(test: Told) -> str:
    if len(test.rows) > 1 or test.raises:
        return ""
    for hole in test.rows[0]:
        if hole.name != "expected":
            continue
        match hole.value:
            case ast.Constant(value=bool() | None as value):
                return OUTCOMES[value]
            case (
                ast.List(elts=[]) | ast.Dict(keys=[]) | ast.Tuple(elts=[]) | ast.Constant(value="")
            ):
                return "is_empty"
            case _:
                pass
    return ""


def docstring(test: Told, outline: Outline, is_first: bool) -> str:
    """One line that says the behaviour.

    Args:
        test: What is described.
        outline: The module's own words.
        is_first: Whether it is the first plain test of its subject, which takes those words.
    """
    entry = outline.find(test.subject)
    owner, _, name = test.subject.rpartition(".")
    after = f" after `{'` and `'.join(dict.fromkeys(test.setup))}`" if test.setup else ""
    given = _each(test)
    if len(test.subject) + len(given) + len(after) > MAX_LINE:
        given = ""
    if test.raises:
        return f"`{test.subject}` raises `{test.raises}`{given}{after}."
    if name in MEANT and owner:
        return MEANT[name].format(owner) + f"{after}."
    is_class = outline.is_class(test.subject)
    if not is_class and is_first and entry and entry.doc and not test.setup:
        return entry.doc
    if not test.setup and (said := _said(test.body)):
        return said
    if is_class:
        return f"A new `{test.subject}` has the state that is recorded{given}."
    ends = "changes the object as recorded" if test.changes else "gives the recorded result"
    return f"`{test.subject}` {ends}{given}{after}."


def _said(body: Sequence[ast.stmt]) -> str:
    """All that a test of one short assertion says; empty: it says more, or cannot be read."""
    match body:
        case [ast.Assert(test=ast.Compare(ast.Call() as call, [ast.Eq() | ast.Is()], [right]))]:
            said = f"`{ast.unparse(call)}` is `{ast.unparse(right)}`."
        case [ast.Assert(test=ast.Call() as call)]:
            said = f"`{ast.unparse(call)}` is true."
        case [ast.Assert(test=ast.UnaryOp(ast.Not(), ast.Call() as call))]:
            said = f"`{ast.unparse(call)}` is false."
        case _:
            return ""
    names = {node.id for node in ast.walk(body[0]) if isinstance(node, ast.Name)}
    is_plain = said.isprintable() and "\\" not in said and said.count("`") <= MARKS
    is_whole = not names & {*OUTPUTS, "pytest", "result"}
    return said if len(said) <= MAX_LINE and is_plain and is_whole else ""


def _each(test: Told) -> str:
    inputs = [name for name in test.parameters if name not in OUTPUTS]
    if inputs:
        return f" for each `{inputs[0]}`" if len(inputs) == 1 else " in each case"
    is_short = test.given and len(test.given) <= MAX_SHOWN
    is_plain = test.given.isprintable() and "\\" not in test.given and "`" not in test.given
    return f" for `{test.given}`" if is_short and is_plain else ""


def row_id(row: Sequence[Hole], taken: Callable[[str], bool]) -> str:
    """An id for a row that pytest would call `items0-expected0`, or by a whole page of text."""
    inputs = [hole.value for hole in row if hole.name not in OUTPUTS]
    said = [str(hole.value.value) for hole in row if isinstance(hole.value, ast.Constant)]
    if len(said) >= len(inputs) > 0 and sum(map(len, said)) <= MAX_SHOWN:
        return ""
    for words in (*map(_words, inputs), *(_words(hole.value) for hole in row)):
        if words and not taken(words):
            return words
    return ""


def _words(value: ast.expr) -> str:
    """A few words for a literal."""
    match value:
        case ast.List(elts=[]) | ast.Dict(keys=[]) | ast.Tuple(elts=[]) | ast.Constant(value=""):
            return "empty"
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=number)):
            return f"minus-{number}"
        case _:
            pass
    found: list[str] = []
    for node in ast.walk(value):
        if isinstance(node, ast.Constant) and not isinstance(node.value, bytes):
            words = slug(str(node.value)).replace("_", "-")
            if words and sum(map(len, found)) + len(words) <= MAX_SLUG:
                found.append(words)
    return "-".join(found)
