"""What a reader of the file is told: the name of each test, its first line, one form of import."""

import ast
from collections.abc import Sequence
from textwrap import indent

import pytest

from tests.unit.testgen.test_reads import told
from tta_interactive.runners.testgen.reads.arrange import arranged
from tta_interactive.runners.testgen.split import split

HEAD = "import decimal\nimport pytest\nimport re\nfrom decimal import Decimal\nfrom shop import *\n"
SUBJECTS = ("price", "open_at", "Box.add", "Box.size", "Box.__eq__")


def made(*tests: tuple[str, Sequence[str]]) -> dict[str, str]:
    """Name -> first line of the tests of these subjects and statements."""
    bodies = [
        f"def test_{at}():\n" + indent("\n".join(lines), "    ")
        for at, (_, lines) in enumerate(tests)
    ]
    suite = told(
        HEAD + "\n\n\n".join(bodies), {f"test_{at}": one for at, (one, _) in enumerate(tests)}
    )
    found: dict[str, str] = {}
    for unit in suite.units:
        node = ast.parse(unit.source).body[0]
        assert isinstance(node, ast.FunctionDef)
        found[unit.name] = ast.get_docstring(node) or ""
    return found


def text_of(subject: str, *lines: str) -> str:
    """The only test of a subject, as its reader sees it."""
    body = indent("\n".join(lines), "    ")
    suite = told(f"from shop import Box\ndef test_1():\n{body}\n", {"test_1": subject})
    return suite.units[0].source


def line_of(subject: str, *lines: str) -> str:
    """The first line of the second test of a subject: the first takes the module's own words."""
    first = (subject, ["result = len(other)", "assert result == 99"])
    return list(made(first, (subject, lines)).values())[-1]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ["box = Box()", "result = box.add(3)", "assert result is True"],
            "`Box().add(3)` returns `True`.",
        ),
        (
            ["box = Box()", "result = box.add(3)", "assert result is box"],
            "`Box().add(3)` returns itself.",
        ),
        (
            ["box = Box()", "result = box.add(3)", "assert result is None", "assert box.n == 1"],
            "`Box().add(3)` sets `n` to `1`.",
        ),
        (
            ["box = Box()", "result = box.add(3)", "assert result == 4", "assert box.n == 1"],
            "`Box().add(3)` returns `4` and sets `n` to `1`.",
        ),
        (
            ["box = Box()", "box.grow()", "result = box.add(3)", "assert result == 4"],
            "`Box.add` returns `4` after `grow`.",
        ),
        (
            ["box = Box()", "result = box.add(3)", "assert result is None"]
            + [f"assert box.{name} == {list(range(40))}" for name in "ab"],
            "`Box().add(3)` changes `a` and `b`.",
        ),
        (
            ["box = Box()", "result = box.add(3)", f"assert result == {list(range(40))}"],
            "`Box().add(3)` returns a list of 40 items.",
        ),
        (
            ["box = Box()", "result = box.add(3)", "assert result is None", "assert box == [3]"],
            "`Box().add(3)` leaves `box` as `[3]`.",
        ),
        (
            ["box = Box()", "result = box.add(3)", "assert result == pytest.approx(0.1)"],
            "`Box().add(3)` returns about `0.1`.",
        ),
        (
            [
                "box = Box()",
                "result = box.add(3)",
                f"assert result == {'Two words, ' * 5 + chr(10)!r}",
            ],
            "`Box().add(3)` returns a text that begins with `Two words, Two words, Tw`.",
        ),
        (
            ["box = Box()", "result = box.add(3)", "assert type(result) is Apple"],
            "`Box().add(3)` returns an `Apple`.",
        ),
        (
            [
                "a_file = tmp_path / 'a'",
                "box = Box()",
                "result = box.add(a_file)",
                "assert result is None",
                "assert (tmp_path / 'b').read_text() == 'x'",
            ],
            "`Box().add(tmp_path / 'a')` writes `b`.",
        ),
        (
            [
                "box = Box()",
                "with pytest.raises(ValueError, match=re.escape('No room. Go on.')):",
                "    box.add(3)",
            ],
            "`Box().add(3)` raises `ValueError`: No room.",
        ),
    ],
)
def test_the_first_line_says_what_comes_of_it(lines: list[str], said: str) -> None:
    assert line_of("Box.add", *lines) == said


def test_a_comparison_is_said_to_be_true_or_false_of_the_values_that_are_compared() -> None:
    lines = ["box = Box(1)", "other = Box(2)", "result = box == other", "assert result is False"]
    assert line_of("Box.__eq__", *lines) == "`Box(1) == Box(2)` is false."


@pytest.mark.parametrize("text", ["日\n", "\\\\", "x" * 200])
def test_what_would_not_fit_in_the_first_line_is_left_out_of_it(text: str) -> None:
    said = line_of("price", f"result = price({text!r})", "assert result == 3")
    assert said == "`price` returns `3`."


def test_what_sets_tests_apart_is_in_their_names() -> None:
    raising = "with pytest.raises(ValueError, match=re.escape({!r})):"
    names = made(
        ("price", ["result = price('tea')", "assert result is None"]),
        ("price", ["result = price('tea', 7)", "assert result == 'x'", "assert len(other) == 2"]),
        ("price", [raising.format("no 'tea' today"), "    price('tea')"]),
        ("price", [raising.format("too late for (that)"), "    price('tea', 'x')", ""]),
        ("Box.add", ["box = Box()", "result = box.add(2)", "assert result == [1, 2]"]),
        ("Box.add", ["box = Box().grow(1)", "result = box.add(len)", "assert result == [1, 2]"]),
    )
    assert list(names) == [
        "test_box_add",
        "test_box_add_after_grow",
        "test_price_returns_none",
        "test_price",
        "test_price_raises_value_error_no_today",
        "test_price_raises_value_error_too_late_for",
    ]


def test_tables_are_told_apart_by_their_answers_and_by_what_is_passed() -> None:
    names = made(
        *(("price", [f"result = price({n})", f"assert result is {n > 2}"]) for n in range(5)),
        *(("price", [f"result = price({n})", f"assert result == {n}"]) for n in (7, 8)),
        *(("price", [f"result = price({n}, {n})", f"assert result == {n}"]) for n in (7, 8)),
    )
    assert list(names) == ["test_price_returns_bool", "test_price", "test_price_with_tax"]
    assert names["test_price"] == "`price(thing)` returns `expected` for each `thing`."


def test_yes_and_no_are_no_answer_that_a_name_gives() -> None:
    names = made(
        *(("price", [f"result = price({n})", "assert result is False"]) for n in (7, 8)),
        ("price", ["result = price(None)", "assert result is False", "assert other is None"]),
    )
    assert not any("gives" in name for name in names)


def test_a_class_has_one_form_of_import_in_the_whole_file() -> None:
    suite = told(
        HEAD
        + "def test_1():\n    result = price(decimal.Decimal('1'))\n"
        + "    assert result == Decimal('2')\n"
        + "def test_2():\n    result = open_at(decimal.Decimal('3'))\n    assert result is None\n",
        {"test_1": "price", "test_2": "open_at"},
    )
    assert not any("decimal." in unit.source for unit in suite.units)
    assert "price(Decimal('1')) == Decimal('2')" in suite.units[0].source


def test_a_module_stays_a_module_where_a_test_asks_for_more_than_its_classes() -> None:
    suite = told(
        "import datetime\nimport io\nfrom shop import StringIO, price\n"
        "def test_1():\n    result = price(datetime.date(1, 1, 1), datetime.UTC)\n"
        "    assert result == 1\n"
        "def test_2():\n    result = price(io.StringIO(), StringIO())\n    assert result == 2\n",
        {"test_1": "price", "test_2": "price"},
    )
    text = "".join(unit.source for unit in suite.units)
    assert "price(datetime.date(1, 1, 1), datetime.UTC)" in text
    assert "price(io.StringIO(), StringIO())" in text


def test_an_object_from_a_chain_of_calls_is_called_after_the_class_that_it_began_with() -> None:
    lines = ("result = b_7.size()", "assert result == 2", "assert b_7.items == []")
    text = text_of("Box.size", "b_7 = Box().grow(1).grow(2)", *lines)
    assert "box = Box().grow(1).grow(2)" in text


def test_a_result_that_is_looked_at_once_needs_no_name_though_more_is_asserted() -> None:
    lines = ("result = box.add(3)", "assert result is True", "assert box.items == [3]")
    text = text_of("Box.add", "box = Box()", *lines)
    assert "    assert box.add(3) is True\n    assert box.items == [3]" in text


def test_a_long_table_is_one_table() -> None:
    names = made(*(("price", [f"result = price({n})", f"assert result == {n}"]) for n in range(45)))
    assert list(names) == ["test_price"]


def test_setting_an_attribute_is_named_apart_from_reading_it() -> None:
    names = made(
        ("Box.size", ["box = Box()", "result = box.size", "assert result == 1"]),
        ("Box.size = ", ["box = Box()", "box.size = 3", "assert box.size == 3"]),
    )
    assert sorted(names) == ["test_box_set_size", "test_box_size"]


def test_an_object_that_cannot_be_made_is_about_its_class() -> None:
    raising = "with pytest.raises(ValueError, match='no'):"
    assert list(made(("Box.size", [raising, "    Box(-1)"]))) == ["test_box_raises_value_error"]


def test_tests_of_private_names_come_last() -> None:
    body = "def test_{0}():\n    result = {1}(1)\n    assert result == 2\n"
    suite = split(
        body.format(1, "_inner") + body.format(2, "price"), {"test_1": "_inner", "test_2": "price"}
    )
    text = "def _inner(x): ...\ndef price(x): ...\n"
    assert [unit.name for unit in arranged(suite, text).units] == ["test_price", "test_inner"]
