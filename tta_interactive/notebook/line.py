"""A magic's line, split into words: pure.

Words are separated by blanks and quoted as in a POSIX shell. Beyond that:

    {expr}, name={expr}, --option={expr}    the value of a Python expression, as an object
    $name, name=$name                       the same for a variable
    # at the start of a word                a comment to the end of the line
    --                                      all that follows is taken as it is

Only a whole, unquoted word is an expression: `'{x}'` is text, and so is everything after
`--`. IPython's own expansion is off: it works for all expressions of a line or, silently,
for none, and eats the braces of JSON.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Self

Evaluate = Callable[[str], object]
"""Gives the value of a Python expression, or raises whatever that raises."""

_BEFORE_VALUE: Final = re.compile(r"(?:--[a-z][a-z-]*|[^\W\d]\w*)=")
_VARIABLE: Final = re.compile(r"\$([^\W\d]\w*)(?=\s|$)")
_END: Final = re.compile(r"\s|$")
_PYTHON_STRING: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)


class LineError(ValueError):
    """The line cannot be read: `args[0]` is the whole sentence."""


class Spot(str):
    """An expression as it was typed, together with the object that it gave.

    A text for argparse, which thus can never take a value for an option.
    """

    __slots__ = ("name", "value")
    name: str | None
    """The word before the `=`; None: a bare word."""
    value: object

    @classmethod
    def of(cls, source: str, name: str | None, value: object) -> Self:
        spot = cls(source)
        spot.name, spot.value = name, value
        return spot


@dataclass(frozen=True)
class Line:
    """The words of one line."""

    words: list[str]
    """Before `--`; expressions are `Spot`."""
    verbatim: list[str] | None
    """After `--`; None: there was none."""


def read_line(line: str, evaluate: Evaluate) -> Line:
    """Split a line and evaluate its expressions.

    Raises:
        LineError: A quote or brace is left open, or an expression has no value.
    """
    words: list[str] = []
    reader = _Reader(line, evaluate)
    for word in reader.words():
        if word == "--" and not reader.was_quoted:
            reader.is_verbatim = True
            return Line(words, list(reader.words()))
        words.append(word)
    return Line(words, None)


class _Reader:
    def __init__(self, line: str, evaluate: Evaluate) -> None:
        self._line, self._evaluate = line, evaluate
        self._at = 0
        self.is_verbatim = False
        self.was_quoted = False

    def words(self) -> Iterator[str]:
        while True:
            while self._at < len(self._line) and self._line[self._at].isspace():
                self._at += 1
            if self._at == len(self._line):
                return
            if self._line[self._at] == "#" and not self.is_verbatim:
                self._at = len(self._line)
                return
            if self.is_verbatim:
                yield self._plain()
            else:
                yield from self._expression() or [self._plain()]

    def _expression(self) -> list[str] | None:
        """The word here, if it is an expression: one Spot, with its option before it."""
        before = _BEFORE_VALUE.match(self._line, self._at)
        start = before.end() if before else self._at
        if variable := _VARIABLE.match(self._line, start):
            source, end = variable[1], variable.end()
        elif (end := _closing_brace(self._line, start)) and _END.match(self._line, end):
            source = self._line[start:end]
        else:
            return None
        typed = self._line[start:end]
        value = self._value(source, typed)
        self._at = end
        self.was_quoted = False
        name = before[0][:-1] if before else None
        if name is not None and name.startswith("--"):
            return [name, Spot.of(typed, None, value)]
        return [Spot.of(typed, name, value)]

    def _value(self, source: str, typed: str) -> object:
        """`{expr}` is the expression; `{"a": 1}`, which is none, is the dictionary itself."""
        inner = source[1:-1] if source.startswith("{") else source
        for text in (inner.strip(), source):
            try:
                compile(text, "<magic>", "eval")
            except (SyntaxError, ValueError):
                continue
            try:
                return self._evaluate(text)
            # Boundary: the expression is the user's own and may raise anything.
            except Exception as error:
                raise LineError(
                    f"{typed[:200]} has no value: {type(error).__name__}: {str(error)[:200]}. "
                    f"To pass it as text, quote it or put it after --."
                ) from None
        raise LineError(f"{typed[:200]} is no Python expression. To pass it as text, quote it.")

    def _plain(self) -> str:
        """A word with the rules of a POSIX shell; nothing is expanded."""
        word: list[str] = []
        self.was_quoted = False
        line, end = self._line, len(self._line)
        while self._at < end and not line[self._at].isspace():
            character = line[self._at]
            self._at += 1
            if character == "'":
                word.append(self._until_quote("'"))
            elif character == '"':
                word.append(self._until_quote('"'))
            elif character == "\\" and self._at < end:
                word.append(line[self._at])
                self._at += 1
            else:
                word.append(character)
        return "".join(word)

    def _until_quote(self, quote: str) -> str:
        start, text = self._at, list[str]()
        self.was_quoted = True
        while self._at < len(self._line):
            character = self._line[self._at]
            self._at += 1
            if character == quote:
                return "".join(text)
            if character == "\\" and quote == '"' and self._line[self._at : self._at + 1] in '"\\':
                character = self._line[self._at : self._at + 1]
                self._at += 1
            text.append(character)
        raise LineError(
            f"The quote {quote} before {self._line[start : start + 40]!r} is never closed. "
            "Close it, or write a backslash before it."
        )


def _closing_brace(line: str, start: int) -> int | None:
    """Where the word `{...}` that starts here ends; None: there is none."""
    if line[start : start + 1] != "{":
        return None
    depth, at = 0, start
    while at < len(line):
        if text := _PYTHON_STRING.match(line, at):
            at = text.end()
            continue
        depth += {"{": 1, "}": -1}.get(line[at], 0)
        at += 1
        if depth == 0:
            return at
    raise LineError(
        f"The brace before {line[start + 1 : start + 41]!r} is never closed. "
        "Close it, or quote the word to pass it as text."
    )
