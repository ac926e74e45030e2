"""Laws that every caller counts on, tried on the values that a search made.

What one function writes, another of the fitting name reads; objects that are equal have the same
hash; of two objects at most one comes before the other. A text that is only written in another way
the second time (`encode("A")`, decoded and encoded again) breaks no law.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .emit import Written
from .targets import Target
from .trace import Outcome, Runner

PAIRS = (
    ("loads", "dumps"), ("load", "dump"), ("parse", "format"), ("parse", "unparse"),
    ("decode", "encode"), ("deserialize", "serialize"), ("unescape", "escape"),
    ("unquote", "quote"), ("unpack", "pack"), ("decompress", "compress"), ("from", "to"),
)  # fmt: skip
# A class method -> how its objects are written.
READERS = {
    "parse": "str({})",
    "from_str": "str({})",
    "from_string": "str({})",
    "fromisoformat": "{}.isoformat()",
    "from_dict": "{}.to_dict()",
    "from_json": "{}.to_json()",
    "from_bytes": "bytes({})",
}
OF_TWO = (
    ("equality", "__hash__", "what is equal has the same hash", "{a} == {b} and hash({a}) != hash({b})"),
    ("equality", "__eq__", "equality holds both ways", "({a} == {b}) is not ({b} == {a}) and {a} == {b}"),
    ("order", "__lt__", "at most one of two comes before the other", "{a} < {b} and {b} < {a}"),
    ("order", "__gt__", "at most one of two comes after the other", "{a} > {b} and {b} > {a}"),
)  # fmt: skip
MOST_VALUES = 12
MOST_SHOWN = 300
NEEDED = {"__hash__": "__eq__", "__eq__": "__eq__", "__lt__": "__lt__", "__gt__": "__gt__"}


@dataclass(frozen=True)
class _Pair:
    """Two that undo each other, by their names."""

    back: Target
    said: str
    there: str
    """An expression with the value as `{}`."""
    values: Sequence[str]


class Laws:
    """Tries the laws of one module.

    Args:
        targets: What can be called.
        runner: Runs the tries.
        arguments: Single arguments of a function, as source.
        objects: Class, as written -> expressions of its objects.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        runner: Runner,
        arguments: Callable[[Target], Sequence[str]],
        objects: dict[str, list[str]],
    ) -> None:
        self._targets = [one for one in targets if not one.is_private]
        self._runner, self._arguments, self._objects = runner, arguments, objects
        self._held: set[str] = set()
        """Targets and statements that show what is broken."""
        trips = (self._round_trip(pair) for pair in self._pairs())
        self.broken = [*(one for one in trips if one), *self._of_classes()]
        """What does not hold: the first case of each pair or class."""

    def let_pass(self, test: Written) -> bool:
        """Whether the test enshrines nothing that is broken."""
        return self._held.isdisjoint((test.target, test.statements[-1]))

    def _pairs(self) -> Iterator[_Pair]:
        functions = {one.name: one for one in self._targets if one.sort == "function"}
        for name, back in functions.items():
            words = name.split("_")
            for read, write in PAIRS:
                other = functions.get("_".join(write if word == read else word for word in words))
                if read in words and other is not None:
                    said = f"{back.ref} undoes {other.ref}, by their names"
                    yield _Pair(back, said, f"{other.ref}({{}})", self._arguments(other))
        for back in self._targets:
            if back.sort == "static" and back.name in READERS:
                there = READERS[back.name]
                said = f"{back.ref} undoes {there.format(back.owner.lower())}, by its name"
                yield _Pair(back, said, there, self._some(back.owner))

    def _round_trip(self, pair: _Pair) -> dict[str, Any] | None:
        found: dict[str, Any] | None = None
        for value in pair.values:
            written = pair.there.format(value)
            call = f"{pair.back.ref}({written})"
            if not self._is_lost(value, pair):
                continue
            found = found or _told("no round trip", pair.back, call, pair.said, self._shown(call))
            self._held |= {written, call, f"{pair.back.ref}({self._shown(written)})"}
        return found

    def _is_lost(self, value: str, pair: _Pair) -> bool:
        """Whether another value comes back, and it is also written in another way."""
        steps = [
            f"value = {value}",
            f"written = {pair.there.format('value')}",
            f"read = {pair.back.ref}(written)",
            f"again = {pair.there.format('read')}",
            "type(read) is type(value) and value == value and not read == value "
            "and not again == written",
        ]
        return self._is_true(self._runner.run(steps, traced=False))

    def _of_classes(self) -> Iterator[dict[str, Any]]:
        by_key = {one.key: one for one in self._targets}
        for owner in dict.fromkeys(one.owner for one in self._targets):
            for kind, name, said, text in OF_TWO:
                target = by_key.get(f"{owner}.{NEEDED[name]}")
                if target is None:
                    continue
                for a, b in itertools.combinations(self._some(owner), 2):
                    call = text.format(a=a, b=b)
                    if self._is_true(self._runner.run([call], traced=False)):
                        self._held |= {f"{owner}.{name}", target.key}
                        yield _told(kind, by_key.get(f"{owner}.{name}", target), call, said, "True")
                        break

    def _some(self, owner: str) -> list[str]:
        """The shortest expressions of objects of the class."""
        found = self._objects.get(owner, [])
        return sorted(found, key=lambda text: (len(text), text))[:MOST_VALUES]

    def _is_true(self, outcome: Outcome | None) -> bool:
        return outcome is not None and outcome.error is None and outcome.value is True

    def _shown(self, call: str) -> str:
        outcome = self._runner.run([f"repr({call})"], traced=False)
        return str(outcome.value) if outcome and outcome.error is None else "another value"


def _told(kind: str, target: Target, call: str, said: str, seen: str) -> dict[str, Any]:
    texts = {"call": call, "said": said, "seen": seen}
    shown = {name: text[:MOST_SHOWN] for name, text in texts.items()}
    return {"kind": kind, "subject": target.key, **shown, "line": min(target.lines, default=0)}
