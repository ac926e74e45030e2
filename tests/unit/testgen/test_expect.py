"""What a test of the generator asserts: as much as is the same in every process, and no more."""

import ast
import collections
import datetime
import decimal
import enum
import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, ClassVar, NamedTuple

import pytest

from tta_interactive.runners.testgen.inside.generate.emit import Written, as_file
from tta_interactive.runners.testgen.inside.generate.expect import Expectations
from tta_interactive.runners.testgen.inside.generate.names import Names
from tta_interactive.runners.testgen.inside.generate.targets import find_targets


class Colour(enum.Enum):
    RED = 1


class Point:
    def __init__(self, x: int) -> None:
        self.x = x
        self.label = "p"


@dataclass
class Size:
    wide: int
    tags: list[str]


class Pair(NamedTuple):
    left: int
    right: str


class Code(str):
    """A text of its own kind."""

    __slots__ = ()


class Version:
    """Reads its own text; its repr is no expression."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Version {self.text}>"


class AlwaysEqual:
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1

    def __repr__(self) -> str:
        return "AlwaysEqual()"


class Nested:
    """Holds one of its own class, as intervals and trees do."""

    def __init__(self, text: str, inner: "Nested | None" = None) -> None:
        self.text, self.inner = text, inner

    def __str__(self) -> str:
        return f"({self.text} {self.inner})"


class Line:
    def __init__(self) -> None:
        self.start, self.end = Point(1), Point(2)


class TooLongError(Exception):
    def __init__(self, length: int) -> None:
        super().__init__(f"too long: {length}")
        self.length = length


OWN = (Nested, Point, Size, Pair, Code, Version, AlwaysEqual, Line, Colour, TooLongError)


def expectations() -> Expectations:
    names = Names(sys.modules[__name__])
    for cls in OWN:
        names.own(cls.__name__)
    return Expectations(__name__, names, {cls: cls.__name__ for cls in OWN}, ["/srv/copy"])


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        (None, ["assert result is None"]),
        (True, ["assert result is True"]),
        ([1, "a"], ["assert result == [1, 'a']"]),
        ((1,), ["assert result == (1,)"]),
        ({2, 1}, ["assert result == {1, 2}"]),
        (1.3, ["assert result == pytest.approx(1.3)"]),
        (2.0, ["assert result == 2.0"]),
        (float("inf"), ["assert result == float('inf')"]),
        (float("nan"), ["assert result != result"]),
        (int, ["assert result is int"]),
        (Colour.RED, ["assert result == Colour.RED"]),
        (range(3), ["assert result == range(0, 3)"]),
        (decimal.Decimal("1.50"), ["assert result == Decimal('1.50')"]),
        (datetime.date(2026, 1, 2), ["assert result == datetime.date(2026, 1, 2)"]),
        (collections.Counter("aab"), ["assert result == Counter({'a': 2, 'b': 1})"]),
        # A dataclass compares its class and every field.
        (Size(1, ["a"]), ["assert result == Size(1, ['a'])"]),
        ([Size(1, [])], ["assert result == [Size(1, [])]"]),
        (Pair(1, "b"), ["assert type(result) is Pair", "assert result == Pair(left=1, right='b')"]),
        (Version("1.2"), ["assert result == Version('1.2')"]),
        (Code("x"), ["assert type(result) is Code", "assert result == Code('x')"]),
        (
            Point(3),
            [
                "assert type(result) is Point",
                "assert result.label == 'p'",
                "assert result.x == 3",
            ],
        ),
        (
            Nested("a", Nested("b", Nested("c"))),
            [
                "assert type(result) is Nested",
                "assert str(result) == '(a (b (c None)))'",
                "assert str(result.inner) == '(b (c None))'",
                "assert result.text == 'a'",
            ],
        ),
        (
            Line(),
            [
                "assert type(result) is Line",
                "assert result.end.label == 'p'",
                "assert result.end.x == 2",
                "assert result.start.label == 'p'",
                "assert result.start.x == 1",
            ],
        ),
        ([Point(1)], ["assert [type(item).__name__ for item in result] == ['Point']"]),
    ],
)
def test_what_was_seen_becomes_exact_assertions(value: object, lines: list[str]) -> None:
    assert expectations().of_value(value) == lines


def test_an_equality_that_holds_for_anything_proves_nothing_and_is_not_used() -> None:
    assert expectations().of_value(AlwaysEqual()) == [
        "assert type(result) is AlwaysEqual",
        "assert str(result) == 'AlwaysEqual()'",
    ]


@pytest.mark.parametrize(
    "shown", ["__import__('os').getcwd()", "open('x')", "Hostile(print(1))", "Hostile", "a b"]
)
def test_a_repr_is_run_only_if_it_is_a_plain_call_of_a_known_class(shown: str) -> None:
    class Hostile:
        def __eq__(self, other: object) -> bool:
            raise AssertionError("it was compared, so its repr was run")

        __hash__ = None  # type: ignore[assignment]

        def __repr__(self) -> str:
            return shown

    facts = expectations()
    assert facts.literal(Hostile()) is None


@pytest.mark.parametrize(
    "value",
    [
        "<object at 0x7f00dead>",
        "/srv/copy/m.py",
        "/tmp/x",
        "x" * 5000,
        float("nan"),
        "one of {'b', 'a'}",
        "frozenset({'b', \"it's, so\"})",
        "in {<Colour.RED: 1>, <Colour.BLUE: 2>}",
        "{(1, 'a'), (1, 'b')}",
        "{'key': {'b', 'a'}}",
        b"{'b', 'a'}",
    ],
)
def test_what_differs_from_process_to_process_is_never_asserted(value: object) -> None:
    assert expectations().literal(value) is None


@pytest.mark.parametrize(
    "value",
    ["{3, 1, 2}", "{(1, 2), (3, 4)}", "{'a'}", "{'a': 1, 'b': 2}", "{a,b}", "{", "{'", "x{2}, y"],
)
def test_braces_that_hold_the_same_in_every_process_are_asserted(value: str) -> None:
    assert expectations().literal(value) == repr(value)


@pytest.mark.parametrize(
    ("error", "by_module", "expected"),
    [
        (ValueError("invalid: {'x', 'y'}, see above"), True, ("ValueError", ", see above", [])),
        (ValueError("no such colour: 'x'"), True, ("ValueError", "no such colour: 'x'", [])),
        (ValueError("cannot read /tmp/abc/def"), True, ("ValueError", "cannot read", [])),
        (ValueError("\n\nfirst words\nmore"), True, ("ValueError", "first words", [])),
        (
            TooLongError(7),
            True,
            ("TooLongError", "too long: 7", ["assert caught.value.length == 7"]),
        ),
        (IndexError("list index out of range"), False, ("IndexError", "index out of range", [])),
        (KeyError("changes with the release"), False, ("KeyError", "", [])),
    ],
)
def test_an_error_is_told_by_its_class_and_the_lasting_part_of_its_message(
    error: Exception, by_module: bool, expected: tuple[Any, ...]
) -> None:
    assert expectations().of_error(error, by_module) == expected


def test_a_written_file_is_plain_python_with_every_import_that_it_needs() -> None:
    module = ModuleType("shop")
    code = "def price(x, y=None): return x\nclass Closed(Exception): pass\n"
    exec(compile(code, "shop.py", "exec"), vars(module))
    names = Names(module)
    find_targets(module, names)
    file = as_file(
        [
            Written("price", ("price('tea')",), ("assert result == 'tea'",)),
            Written("price", ("price(1)",), (), raises="Closed", match="not (now)"),
            Written("price", ("x = [1]", "del x[0]"), ("assert x == []",), needs_result=False),
        ],
        names,
    )
    assert file.text == (
        "import pytest\nimport re\nfrom shop import Closed\nfrom shop import price\n\n\n"
        "def test_price_0():\n    result = price('tea')\n    assert result == 'tea'\n\n\n"
        "def test_price_1():\n"
        "    with pytest.raises(Closed, match=re.escape('not (now)')):\n"
        "        price(1)\n\n\n"
        "def test_price_2():\n    x = [1]\n    del x[0]\n    assert x == []\n"
    )
    ast.parse(file.text)
    assert file.subjects == dict.fromkeys(("test_price_0", "test_price_1", "test_price_2"), "price")
    assert file.names == tuple(file.subjects)


def test_what_an_error_says_is_not_asserted_twice() -> None:
    error = TooLongError(7)
    error.__dict__["text"] = str(error)
    assert expectations().of_error(error, True)[2] == ["assert caught.value.length == 7"]


@dataclass
class Label:
    """Its repr shows what cannot be written down."""

    made: Colour
    text: str
    sort: ClassVar[str] = "label"


def test_fields_are_asserted_and_neither_what_shows_them_nor_a_constant_of_the_class() -> None:
    lines = Expectations(__name__, Names(sys.modules[__name__]), {}, []).of_state(
        Label(Colour.RED, "a"), "label"
    )
    assert lines == ["assert str(label.made) == 'Colour.RED'", "assert label.text == 'a'"]


@dataclass
class Order:
    """Has a default that nobody has to say."""

    colour: Colour
    size: Size
    count: int = 1
    tags: list[str] = field(default_factory=list[str])


def test_an_object_is_written_with_what_differs_from_the_defaults() -> None:
    names = Names(sys.modules[__name__])
    known = {cls: names.own(cls.__name__) for cls in (Order, Size, Colour)}
    facts = Expectations(__name__, names, known, [])
    assert facts.literal(Order(Colour.RED, Size(2, []))) == "Order(Colour.RED, Size(2, []))"
    assert facts.literal(Order(Colour.RED, Size(2, []), 3)) == (
        "Order(Colour.RED, Size(2, []), count=3)"
    )
