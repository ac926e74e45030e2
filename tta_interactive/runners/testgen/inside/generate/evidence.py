"""How likely each shape is for a parameter: its annotation, name, default and use all speak."""

import datetime
import decimal
import inspect
import re
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, cast

from .clocks import CLOCKS, GIVEN
from .recipes import ARRAYS, FRAMES, texts_of
from .shapes import (
    BOOL,
    BYTES,
    CALL,
    DICT,
    FLOAT,
    INT,
    MATCH,
    NONE,
    NUMBERS,
    PATH,
    PATH_TEXT,
    PLAIN,
    STR,
    TEXTS,
    Shape,
    either,
    shapes_of,
)
from .usage import Usage

MAX_DEPTH = 3
MAX_LITERALS = 30
OBJECTS = 4.0  # the weight of all known classes together, for a parameter that nothing is said of
NUMBER: Shape = ("either", INT, INT, FLOAT)
MOMENT: Shape = ("one of", *texts_of(datetime.datetime), *texts_of(datetime.date))
_NAMED: tuple[tuple[str, Shape], ...] = (
    (r"str|text|name|expr|token|version|spec|pattern|line|path|char|key|word|sep|url|prefix", STR),
    (r"num|index|idx|count|size|width|pos|min|max|len|start|stop|offset|load|limit|^[nijk]$", INT),
    (r"iter|seq|list|values|items|args|other|elements", NUMBERS),
    (r"strings|texts|lines|names|words|parts", TEXTS),
    (r"func|callback|predicate|^f$|^fn$", CALL),
    (r"mapping|dict|kwargs|options", ("dict", STR, INT)),
    (r"bytes|data|buffer|chunk|payload", BYTES),
    (r"path|file|folder|directory|^fn$", PATH),
    (r"path|filename", PATH_TEXT),
    (
        r"stream|^fp$|^fh$|^f$|file",
        ("one of", "io.StringIO('a = 1\\nb\\n')", "io.BytesIO(b'a = 1')"),
    ),
    (
        r"amount|price|total|cost|rate|ratio|percent|quantity|qty|^age$|year|month|weight|height|"
        r"score|level|depth|timeout|delay|ttl|retries|radius|factor|step|balance|salary|number",
        NUMBER,
    ),
    (
        r"account|user|title|label|^tag|host|domain|mail|address|code|sku|country|city|state|status|"
        r"mode|kind|message|msg|content|body|query|command|cmd|source|target|category|description",
        STR,
    ),
    (r"(date|day|_at|since|until|deadline|^now|^when|^at|^start|^end)$", MOMENT),
    (r"flag|^is_|^has_|^use_|^allow|strict|verbose|ignore", BOOL),
    (r"exc|error", ("one of", "ValueError('oops')", "KeyError")),
    (r"cls|class|^type", ("one of", "int", "str", "dict", "list")),
)


# Function -> what it takes as an argument.
_TAKERS: tuple[tuple[str, tuple[Shape, ...]], ...] = (
    (
        r"open|os\.(stat|listdir|scandir|remove|rename|mkdir|unlink|chmod)|shutil\..*",
        (PATH_TEXT, PATH),
    ),
    (r"os\.path\..*|(pathlib\.)?Path|os\.fspath", (PATH_TEXT, PATH)),
    (r"range|abs|round|math\..*|chr|bin|hex", (INT, FLOAT)),
    (r"int|float|Decimal|decimal\.Decimal", (("one of", "'1'", "'1.5'", "'x'"), INT, FLOAT)),
    (r"ord|re\..*|json\.loads|.*_?re\.\w+|.*(match|search|sub|finditer)", (STR,)),
    (r"len|reversed", (STR, NUMBERS, TEXTS)),
    (r"sum|min|max|sorted|list|tuple|set|iter|enumerate|zip|any|all", (NUMBERS, TEXTS, DICT)),
    (r"map|filter|functools\..*", (CALL, NUMBERS)),
    (r"dict|.*\.update", (DICT,)),
    (r"callable", (CALL,)),
    (r"''\.join|.*\.join", (TEXTS,)),
    (r"(np|numpy)\.\w+", (("one of", *ARRAYS), NUMBERS)),
    (r"(pd|pandas)\.(DataFrame|Series|concat|merge|isna|isnull|to_\w+)", (("one of", *FRAMES),)),
)
_EXAMPLES: tuple[tuple[type, Shape], ...] = (
    (str, STR),
    (list, NUMBERS),
    (dict, DICT),
    (set, ("set", INT)),
    (bytes, BYTES),
    (datetime.datetime, ("one of", *texts_of(datetime.datetime))),
    (datetime.date, ("one of", *texts_of(datetime.date))),
    (datetime.timedelta, ("one of", *texts_of(datetime.timedelta))),
    (decimal.Decimal, ("one of", *texts_of(decimal.Decimal))),
)
_STREAM = {"read", "readline", "readlines", "write", "seek", "tell", "close", "flush"}
_MATCH = {"group", "groups", "start", "end", "span", "groupdict", "lastgroup"}
Resolve = Callable[[str], Any]
"""Source of a name of the module -> its value; None if there is no such."""


def weights(
    parameter: inspect.Parameter,
    annotation: Any,
    known: dict[type, str],
    usage: Usage | None,
    resolve: Resolve,
) -> dict[Shape, float]:
    """How likely each shape is for a parameter, before anything was tried.

    Args:
        parameter: Its name and default speak too.
        annotation: From `hints_of`, or `Parameter.empty`.
        known: As for `shapes_of`.
        usage: What the function's body asks of the parameter.
        resolve: Finds what the usage names.
    """
    said = [] if annotation is parameter.empty else shapes_of(annotation, known)
    used = evidence(usage, known, resolve) if usage else {}
    if said and not any(parameter.default is one for one in CLOCKS):
        # A little nonsense reaches the checks at the top of a function.
        found = {**dict.fromkeys((NONE, STR, INT), 0.15), **dict.fromkeys(said, 6.0)}
        named = {shape for text, shape in _NAMED if re.search(text, parameter.name.lower())}
        if STR in said and (PATH_TEXT in named or PATH_TEXT in used):
            found[PATH_TEXT] = 6.0
        for shape, weight in used.items():
            if shape[0] in ("one of", "keyed"):
                found[shape] = max(weight, found.get(shape, 0.0))
        return found
    named = [shape for text, shape in _NAMED if re.search(text, parameter.name.lower())]
    any_other = 0.3 if used else 0.5 if named else 1.0
    found = dict.fromkeys(PLAIN, any_other)
    for name in known.values():
        found["object", name] = any_other * OBJECTS / max(OBJECTS, len(known))
    for shape in named:
        found[shape] = found.get(shape, 0.0) + (5.0 if not used else 2.0)
    if parameter.default is not parameter.empty:
        if any(parameter.default is one for one in CLOCKS):
            found["one of", *GIVEN] = 8.0
        for shape in shapes_of(type(parameter.default), known):
            found[shape] = found.get(shape, 0.0) + (3.0 if shape != NONE else 0.0)
    for shape, weight in used.items():
        found[shape] = found.get(shape, 0.0) + weight
    return found


def evidence(
    usage: Usage, known: dict[type, str], resolve: Resolve, depth: int = 0
) -> dict[Shape, float]:
    """What a usage says, as weights; empty if nothing."""

    def inner(part: Usage | None) -> Shape:
        if part is None or depth >= MAX_DEPTH:
            return either([])
        some = evidence(part, known, resolve, depth + 1)
        return either(sorted(some, key=lambda shape: -some[shape])[:4])

    found: dict[Shape, float] = {}
    for shape, weight in chain(
        _of_constants(usage, resolve),
        _of_functions(usage, known, resolve),
        _of_actions(usage, inner),
        _of_attributes(usage, known, inner) if usage.attributes else (),
    ):
        found[shape] = found.get(shape, 0.0) + weight
    return found


def _of_constants(usage: Usage, resolve: Resolve) -> Iterable[tuple[Shape, float]]:
    literals = list(dict.fromkeys([*usage.literals, *_listed(usage.names, resolve)]))
    if literals:
        yield ("one of", *literals[:MAX_LITERALS]), 7.0
        for text in literals[:MAX_LITERALS]:
            yield INT if text.lstrip("-").isdigit() else BYTES if text[0] == "b" else STR, 1.0


def _of_functions(
    usage: Usage, known: dict[type, str], resolve: Resolve
) -> Iterable[tuple[Shape, float]]:
    for text in usage.types:
        yield from ((shape, 4.0) for shape in _types(resolve(text), known))
    for taker in dict.fromkeys(usage.taken_by):
        for pattern, shapes in _TAKERS:
            if re.fullmatch(pattern, taker):
                yield from ((shape, 3.0) for shape in shapes)


def _of_actions(
    usage: Usage, inner: Callable[[Usage | None], Shape]
) -> Iterable[tuple[Shape, float]]:
    if usage.is_number:
        yield from ((INT, 4.0), (FLOAT, 2.0))
    if usage.returned is not None:
        if usage.returned.awaited:
            yield ("async callable", inner(usage.returned)), 8.0
        yield ("callable", usage.arity, inner(usage.returned)), 8.0
    if usage.awaited:
        yield ("await", INT), 6.0
    if usage.looped_async:
        yield ("async items", inner(usage.item)), 6.0
    elif usage.item is not None:
        count = usage.item.unpacked
        item = ("tuple", *[either([STR, INT])] * count) if count else inner(usage.item)
        yield ("list", item), 6.0
    if usage.entered:
        yield ("one of", "contextlib.nullcontext(1)", "io.StringIO('a')"), 4.0
    if usage.keys:
        keyed = tuple((key, inner(part)) for key, part in usage.keys.items())
        yield ("keyed", keyed), 7.0
    if usage.is_key:
        yield from ((STR, 3.0), (INT, 0.5))
    if usage.is_shown:
        yield STR, 1.5


def _of_attributes(
    usage: Usage, known: dict[type, str], inner: Callable[[Usage | None], Shape]
) -> Iterable[tuple[Shape, float]]:
    asked = set(usage.attributes)
    plain = False
    for example, shape in _EXAMPLES:
        if all(hasattr(example, name) for name in asked):
            plain = True
            yield shape, 6.0
    for cls, written in known.items():
        # What `__init__` sets is no attribute of the class: most of them must do.
        there = sum(hasattr(cls, name) or name in _fields(cls) for name in asked)
        if there and there * 2 > len(asked):
            yield ("object", written), 8.0 * there / len(asked)
    if asked <= _STREAM:
        yield (
            ("one of", "io.StringIO('a = 1\\nb\\n')", "io.BytesIO(b'a = 1\\n')", "io.StringIO()"),
            6.0,
        )
    if asked <= _MATCH and not plain:
        yield MATCH, 8.0
    parts = [
        (name, ("callable", -1, inner(part.returned)) if part.returned else inner(part))
        for name, part in usage.attributes.items()
        if not name.startswith("__")
    ]
    if parts:
        yield ("stub", tuple(parts)), 0.5 if plain else 5.0


def _fields(cls: type[Any]) -> Iterable[str]:
    return getattr(cls, "__annotations__", ())


def _listed(names: list[str], resolve: Resolve) -> Iterable[str]:
    """Keys and items of the module's tables that something is looked up in."""
    for name in names:
        value = resolve(name)
        if isinstance(value, str | int | bytes):
            value = [value]
        if isinstance(value, dict | list | tuple | set | frozenset):
            items = [*_plain_items(value)]
            if isinstance(value, dict):  # a table of tables
                for part in cast("dict[Any, Any]", value).values():
                    items += _plain_items(part) if isinstance(part, dict | list | tuple) else ()
            items = list(dict.fromkeys(items))
            yield from (repr(item) for item in items[:MAX_LITERALS] if len(repr(item)) < 60)


def _plain_items(table: Any) -> Iterable[Any]:
    items = [item for item in cast("Iterable[Any]", table) if type(item) in (str, int, bytes)]
    return sorted(items, key=repr) if isinstance(table, set | frozenset) else items


def _types(value: Any, known: dict[type, str]) -> Iterable[Shape]:
    for part in cast("tuple[Any, ...]", value) if isinstance(value, tuple) else (value,):
        if isinstance(part, type):
            yield from shapes_of(part, known)
