"""Values that come again: what a call gave is the argument of another, and one value stands twice.

Random values are hardly ever equal, and much code asks whether two are: a key of a dict and the
name that is looked up in it, the key of a signature and that of its check. So what one candidate
has drawn may be drawn again, and texts that the module's own functions gave (`make_token(...)`)
are offered where a parameter's or a function's name asks for them (`token`, `check_token`).
"""

import ast
import functools
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from .shapes import Shape

MAX_ECHO = 80  # characters of a constant
MAX_WORDS = 4  # of a text: a template's variable, the key in a line
MAX_RESULTS = 40  # of each type
PER_CALL = 3
AGAIN, NAMED_AGAIN = 0.12, 0.5  # how often what was drawn before is drawn again
ASKED, OFFERED = (
    0.35,
    0.03,
)  # how often a result is taken where its name is asked for, and where not
PLAIN: dict[str, type] = {"str": str, "bytes": bytes, "int": int}
TYPES: dict[str, type] = {
    "str": str,
    "bytes": bytes,
    "list": list,
    "dict": dict,
    "keyed": dict,
    "tuple": tuple,
    "many": tuple,
}
SAYS_NOTHING = {"get", "make", "from", "the", "value", "with", "for", "and", "new", "object"}
INVERSES = (
    ("encode", "decode"),
    ("dump", "load"),
    ("pack", "unpack"),
    ("compress", "decompress"),
    ("quote", "unquote"),
    ("escape", "unescape"),
    ("serialize", "deserialize"),
    ("encrypt", "decrypt"),
    ("format", "parse"),
    ("render", "parse"),
    ("make", "parse"),
    ("write", "read"),
    ("sign", "verify"),
    ("make", "check"),
    ("join", "split"),
    ("to", "from"),
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


@dataclass(frozen=True)
class _Result:
    """What a call gave."""

    words: frozenset[str]
    """Of the function's name."""
    text: str
    names: tuple[tuple[str, str], ...]
    """(parameter, argument) of the call."""


class Echoes:
    """What one search knows of values that came before."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._said: dict[type, list[str]] = {}
        self._named: dict[str, str] = {}
        self._results: dict[type, list[_Result]] = {}

    def begin(self, *texts: str) -> None:
        """A new candidate; these expressions it has already."""
        self._said, self._named = {}, {}
        for text in texts:
            self.note(text)

    def note(self, text: str) -> None:
        """The candidate has this expression: its constants may come again."""
        for cls, constant in constants_in(text):
            said = self._said.setdefault(cls, [])
            if constant not in said:
                said.append(constant)

    def again(self, shape: Shape) -> str | None:
        """Now and then a constant of the shape that the candidate has already, as source."""
        said = self._said.get(PLAIN.get(shape[0], object))
        return self._draw.choice(said) if said and self._draw.random() < AGAIN else None

    def argument(self, parameter: str, target: str, shape: Shape) -> str | None:
        """Now and then what came before, for the parameter of a target."""
        cls = TYPES.get(shape[0])
        named = self._named.get(parameter)
        same = named in self._said.get(PLAIN.get(shape[0], object), ())
        if same and self._draw.random() < NAMED_AGAIN:
            return named
        results = self._results.get(cls) if cls else None
        if not results:
            return self.again(shape)
        asked = words_in(parameter)
        wanted = [
            one for one in results if asked & one.words or _inverse(one.words, words_in(target))
        ]
        dice = self._draw.random()
        if not (dice < ASKED if wanted else dice < OFFERED):
            return self.again(shape)
        one = self._draw.choice(wanted or results)
        self.note(one.text)
        self._named.update(one.names)
        return one.text

    def named(self, parameter: str, text: str) -> None:
        """What the parameter got: one of the same name may get the same."""
        self._named[parameter] = text

    def learn(
        self, function: str, value: Any, text: str, arguments: Sequence[tuple[str, str]]
    ) -> None:
        """A call gave this."""
        cls = cast("type[Any]", type(value))
        if cls not in TYPES.values() or not value:
            return
        results = self._results.setdefault(cls, [])
        words = words_in(function)
        same = [one for one in results if one.words == words]
        if len(results) < MAX_RESULTS and len(same) < PER_CALL:
            results.append(_Result(words, text, tuple(arguments)))


@functools.lru_cache(maxsize=4096)
def constants_in(text: str) -> tuple[tuple[type, str], ...]:
    """(type, source) of the short constants of an expression, and of the words of its texts."""
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return ()
    found: dict[tuple[type, str], None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and type(node.value) in (str, bytes, int):
            written = repr(node.value)
            if 0 < len(written) <= MAX_ECHO:
                found[type(node.value), written] = None
            if type(node.value) is str and not node.value.isalnum():
                words = re.findall(r"\w+", node.value[:MAX_ECHO])
                found.update(((str, repr(word)), None) for word in words[:MAX_WORDS])
    return tuple(found)


@functools.lru_cache(maxsize=1024)
def words_in(name: str) -> frozenset[str]:
    """The words of an identifier that say something."""
    words = (word.lower() for word in _WORD.findall(name))
    return frozenset(word for word in words if len(word) > 1 and word not in SAYS_NOTHING)


def _inverse(made: Iterable[str], asked: Iterable[str]) -> bool:
    """Whether one function undoes the other: `dumps` and `loads`."""
    there, here = set(made), set(asked)

    def has(words: set[str], stem: str) -> bool:
        return any(word in (stem, stem + "s") for word in words)

    return any(
        (has(there, one) and has(here, other)) or (has(there, other) and has(here, one))
        for one, other in INVERSES
    )
