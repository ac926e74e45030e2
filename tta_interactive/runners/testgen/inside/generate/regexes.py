"""Strings that match a regular expression: the shortest way past a parser's front door."""

import importlib
import random
import re
from typing import Any

try:
    parser: Any = importlib.import_module("re._parser")  # no public parser exists
except ImportError:  # another Python may name it otherwise: then no strings from patterns
    parser = None

MAX_REPEAT = 3
MAX_LENGTH = 80
EXAMPLES = 24
_CLASSES = {
    "CATEGORY_DIGIT": "0123456789",
    "CATEGORY_SPACE": " \t",
    "CATEGORY_WORD": "abcXYZ019_",
    "CATEGORY_NOT_DIGIT": "ab-",
    "CATEGORY_NOT_SPACE": "ab0",
    "CATEGORY_NOT_WORD": "-. ",
}


def strings_of(pattern: Any, draw: random.Random) -> list[Any]:
    """Up to 24 strings (bytes, of bytes) that the compiled pattern matches, the empty one never."""
    if parser is None:
        return []
    found: set[Any] = set()
    is_text = isinstance(pattern.pattern, str)
    try:
        tree: Any = parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)
        for _ in range(EXAMPLES):
            text: Any = _Writer(draw).write(tree)[:MAX_LENGTH]
            if not is_text:
                text = text.encode("latin-1", "replace")
            if text and pattern.match(text):
                found.add(text)
    except Exception:  # boundary: the parser is private to Python and may change
        return []
    return sorted(found)


class _Writer:
    """Walks a parsed pattern once and writes one string that should match."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._groups: dict[int, str] = {}

    def write(self, tree: Any) -> str:
        return "".join(self._one(str(code), argument) for code, argument in tree)

    def _one(self, code: str, argument: Any) -> str:
        draw = self._draw
        if code == "LITERAL":
            return chr(argument)
        if code == "NOT_LITERAL":
            return "a" if argument != ord("a") else "b"
        if code == "ANY":
            return draw.choice("ab0 .")
        if code == "IN":
            return self._in(argument)
        if code == "BRANCH":
            return self.write(draw.choice(argument[1]))
        if code == "SUBPATTERN":
            self._groups[argument[0]] = text = self.write(argument[3])
            return text
        if code == "ATOMIC_GROUP":
            return self.write(argument)
        if code in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            least, most, body = argument
            count = draw.randint(int(least), min(int(most), int(least) + MAX_REPEAT))
            return "".join(self.write(body) for _ in range(count))
        if code == "GROUPREF":
            return self._groups.get(argument, "")
        return ""  # anchors and look-arounds write nothing; the match at the end decides

    def _in(self, items: Any) -> str:
        choices = ""
        negated = False
        for code, argument in items:
            kind = str(code)
            if kind == "NEGATE":
                negated = True
            elif kind == "LITERAL":
                choices += chr(argument)
            elif kind == "RANGE":
                first, last = argument
                choices += chr(first) + chr(last) + chr(self._draw.randint(first, last))
            elif kind == "CATEGORY":
                choices += _CLASSES.get(str(argument), "")
        if negated:
            choices = "".join(set("ab0 .-_\x7f") - set(choices)) or "é"
            choices = "".join(sorted(choices))
        return self._draw.choice(choices) if choices else ""
