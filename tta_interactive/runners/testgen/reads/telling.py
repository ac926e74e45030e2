"""Names of tests and of rows that say what is checked."""

import ast
import keyword
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tta_interactive.runners.testgen.reads.acts import Acts
from tta_interactive.runners.testgen.reads.shape import Hole
from tta_interactive.runners.testgen.reads.subject import snake

SPOKEN = {
    "__eq__": "equality", "__ne__": "inequality", "__lt__": "less_than", "__le__": "at_most",
    "__gt__": "greater_than", "__ge__": "at_least", "__len__": "length", "__bool__": "truth",
    "__iter__": "iteration", "__contains__": "membership", "__getitem__": "item",
    "__setitem__": "item_assignment", "__delitem__": "item_deletion", "__call__": "call",
    "__init__": "", "__new__": "",
}  # fmt: skip
OUTPUTS = ("expected", "message")
MAX_SLUG = 24
MAX_NAME = 80
MAX_SHOWN = 60
MESSAGE_WORDS = 4
MANY = 4  # parameters in a name are too many
WRAPPING = ("list", "str", "repr", "len", "type", "asyncio.run")


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
    passed: list[str]
    """The parameters of the call that get a value."""
    acts: Acts
    """With the parameters in the place of what varies."""
    first: Acts
    """With the values of the first row."""


def slug(text: str) -> str:
    """The text as a part of a name."""
    words = re.sub(r"_+", "_", re.sub(r"\W+", "_", text)).strip("_").lower()
    return words if words.isascii() else ""


def names(tests: Sequence[Told]) -> list[str]:
    """A name for each, all different; what sets it apart from others is in it where needed."""
    stems = [_stem(test) for test in tests]
    for qualifier in QUALIFIERS:
        groups: dict[str, list[int]] = {}
        for at, stem in enumerate(stems):
            groups.setdefault(stem, []).append(at)
        for stem, places in groups.items():
            said = {at: qualifier(tests[at]) for at in places}
            for at, tries in said.items():
                others = [one for other, some in said.items() if other != at for one in some]
                own = [one for one in tries if one not in others]
                if len({tuple(some) for some in said.values()}) > 1:
                    stems[at] = _with(stem, *(own or tries)[:1])
    taken: set[str] = set()
    for at, stem in enumerate(stems):
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f"{stem}_{number}"
        taken.add(name)
        stems[at] = name
    return stems


def _with(stem: str, more: str = "") -> str:
    return f"{stem}_{more}" if more and len(stem) + len(more) < MAX_NAME else stem


def _stem(test: Told) -> str:
    owner, _, name = test.subject.rpartition(".")
    spoken = SPOKEN.get(name, slug(snake(name)))
    if name.endswith(" = "):
        spoken = f"set_{spoken}"
    parts = ["test", *map(snake, owner.split(".")), spoken]
    if test.acts.error:
        parts.append("raises_" + snake(test.acts.error.rpartition(".")[2]))
    stem = "_".join(part for part in parts if part)
    return f"{stem}_" if keyword.iskeyword(stem) else stem


def _after(test: Told) -> list[str]:
    steps = "_and_".join(dict.fromkeys(map(slug, test.setup)))
    return [f"after_{steps}"] if steps else []


def _message(test: Told) -> list[str]:
    """The first words of the error's message, but those that are values."""
    match test.acts.message:
        case ast.Constant(value=str(text)):
            words = re.sub(r"'[^']*'|\"[^\"]*\"|\([^)]*\)|<[^>]*>|\d+", " ", text).split()
            said = [slug(word) for word in words]
            return ["_".join([word for word in said if word][:MESSAGE_WORDS])]
        case _:
            return []


def _keywords(test: Told) -> list[str]:
    """The options of the call."""
    act = test.acts.expression
    found = [
        one.arg
        for node in (ast.walk(act) if act else ())
        if isinstance(node, ast.Call)
        for one in node.keywords
        if one.arg and ast.unparse(one.value) != "None"
    ]
    names = "_and_".join(dict.fromkeys(map(slug, found)))
    return [f"with_{names}"] if 0 < len(found) < 4 else []


def _literals(test: Told) -> list[str]:
    """The short texts and numbers that are passed, if it is one row."""
    if len(test.rows) > 1:
        return []
    act = test.first.expression
    given = _given(act) if act else []
    found: list[str] = []
    for node in (node for value in (*given, *test.first.before) for node in ast.walk(value)):
        match node:
            case ast.Constant(value=""):
                found.append("of_empty_text")
            case ast.Constant(value=str() | int() | float() as value) if not isinstance(
                value, bool
            ):
                words = slug(str(value))
                if words and len(words) <= MAX_SLUG:
                    found.append(f"of_{words}")
            case _:
                pass
    return list(dict.fromkeys(found))


def _given(act: ast.expr) -> list[ast.expr]:
    """What is passed to the call, or compared with."""
    match act:
        case ast.Call(func=func, args=[inner], keywords=[]) if ast.unparse(func) in WRAPPING:
            return _given(inner)
        case ast.Call(args=args, keywords=keywords):
            return [*args, *(one.value for one in keywords)]
        case ast.Compare(comparators=others):
            return others
        case ast.Subscript(slice=key):
            return [key]
        case _:
            return []


def _outcome(test: Told) -> list[str]:
    if test.acts.error:
        return []
    if test.acts.is_silent:
        return []
    verb = "returns" if isinstance(test.acts.expression, ast.Call) else "is"
    match test.acts.answer:
        case ast.Constant(value=bool() | None as value):
            return [f"{verb}_{str(value).lower()}"]
        case ast.List(elts=[]) | ast.Dict(keys=[]) | ast.Tuple(elts=[]) | ast.Constant(value=""):
            return [f"{verb}_{'nothing' if verb == 'returns' else 'empty'}"]
        case _:
            return []


def _answer(test: Told) -> list[str]:
    """A short answer, if it is one row."""
    match test.first.answer:
        case ast.Constant(value=bool()):
            return []  # the verb has said it
        case ast.Constant(value=str() | int() | float() as value) if len(test.rows) == 1:
            words = slug(str(value))
            return [f"gives_{words}"] if words and len(words) <= MAX_SLUG else []
        case _:
            return []


def _changed(test: Told) -> list[str]:
    """The one attribute that is looked at afterwards."""
    names = [one.name for one in test.acts.found if one.kind == "attribute"]
    return [f"changes_{slug(names[0])}"] if len(names) == 1 else []


def _sort(test: Told) -> list[str]:
    """Yes or no, if that is what all rows expect."""
    answers = [hole.value for row in test.rows for hole in row if hole.name == "expected"]
    is_yes_no = answers and all(
        isinstance(one, ast.Constant) and isinstance(one.value, bool) for one in answers
    )
    return ["returns_bool"] if is_yes_no and len(test.rows) > 1 else []


def _passed(test: Told) -> list[str]:
    """The parameters after the first that get something."""
    names = "_and_".join(dict.fromkeys(map(slug, test.passed[1:])))
    return [f"with_{names}"] if 1 < len(test.passed) < MANY else []


QUALIFIERS = (
    _outcome,
    _message,
    _after,
    _keywords,
    _sort,
    _passed,
    _literals,
    _answer,
    _changed,
)
"""What may set a test apart, the most telling first."""


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
