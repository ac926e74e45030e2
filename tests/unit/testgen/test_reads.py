"""How verified tests are handed in: what people see when they open the file."""

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from tta_interactive.runners.testgen.reads.arrange import arranged
from tta_interactive.runners.testgen.reads.outline import Outline
from tta_interactive.runners.testgen.reads.subject import snake
from tta_interactive.runners.testgen.split import Suite, compose, split
from tta_interactive.runners.testgen.tidy import tidied

MODULE = '''
    class Closed(Exception): ...

    class Box:
        """A box."""
        def __init__(self, items=()): self.items = list(items)
        def add(self, item, twice=False):
            """Put an item in. More words."""
        def size(self): ...
        def __eq__(self, other): ...
        grow = add

    def price(thing, tax=0):
        """The price of a :class:`thing <x>` in cents."""

    def open_at(hour): ...
'''


def told(tests: str, subjects: dict[str, str]) -> Suite:
    return arranged(split(dedent(tests), subjects), dedent(MODULE))


def text_of(suite: Suite) -> str:
    text, note = tidied(compose(suite), Path("tests/test_shop.py"), Path("/nowhere").parent)
    assert note == ""
    return text


def test_tests_that_differ_in_values_become_one_table_named_by_the_parameters() -> None:
    suite = told(
        """
        from shop import price

        def test_1():
            result = price('milk', 7)
            assert result == 107

        def test_2():
            result = price('tea', 0)
            assert result == 250

        def test_3():
            result = price('tea')
            assert result is None
        """,
        {"test_1": "price", "test_2": "price", "test_3": "price"},
    )
    assert text_of(suite) == dedent(
        '''\
        import pytest
        from shop import price


        @pytest.mark.parametrize(
            ("thing", "tax", "expected"), [("tea", 0, 250), ("milk", 7, 107)]
        )
        def test_price(thing, tax, expected):
            """The price of a `thing` in cents."""
            assert price(thing, tax) == expected


        def test_price_returns_none():
            """`price('tea')` returns `None`."""
            assert price("tea") is None
        '''
    )
    assert [(unit.name, unit.rows) for unit in suite.units] == [
        ("test_price", 2),
        ("test_price_returns_none", 1),
    ]
    assert suite.rows == 3


def test_errors_become_a_table_of_what_is_passed_and_what_is_said() -> None:
    suite = told(
        """
        import pytest
        import re
        from shop import Closed, open_at

        def test_1():
            with pytest.raises(Closed, match=re.escape('closed at 23.00')):
                open_at(23)

        def test_2():
            with pytest.raises(Closed, match=re.escape('closed at noon')):
                open_at(12)

        def test_3():
            with pytest.raises(TypeError, match=re.escape('no hour')):
                open_at(None)
        """,
        {"test_1": "open_at", "test_2": "open_at", "test_3": "open_at"},
    )
    assert text_of(suite).partition("\n\n\n")[2] == dedent(
        '''\
        @pytest.mark.parametrize(
            ("hour", "message"), [(12, "closed at noon"), (23, "closed at 23.00")]
        )
        def test_open_at_raises_closed(hour, message):
            """`open_at(hour)` raises `Closed` for each `hour`."""
            with pytest.raises(Closed, match=re.escape(message)):
                open_at(hour)


        def test_open_at_raises_type_error():
            """`open_at(None)` raises `TypeError`: no hour."""
            with pytest.raises(TypeError, match="no hour"):
                open_at(None)
        '''
    )


def test_tests_stand_in_the_order_of_the_module_and_examples_find_their_method() -> None:
    suite = told(
        """
        from shop import Box, open_at

        def test_1():
            result = open_at(3)
            assert result == 'yes'

        def test_2():
            b1 = Box([1])
            b2 = Box([2])
            result = b1 == b2
            assert result is False

        def test_3():
            b = Box()
            _ = b.add(5)
            result = b
            assert result.items == [5]

        def test_4():
            box = Box((1, 2))
            result = box.add(3, twice=True)
            assert result is None
            assert box.items == [1, 2, 3]
        """,
        {"test_1": "open_at", "test_2": "b1", "test_3": "b", "test_4": "Box.add"},
    )
    assert text_of(suite).partition("\n\n\n")[2] == dedent(
        '''\
        def test_box_add():
            """Put an item in."""
            box = Box()
            box.add(5)
            assert box.items == [5]


        def test_box_add_with_twice():
            """`Box((1, 2)).add(3, twice=True)` sets `items` to `[1, 2, 3]`."""
            box = Box((1, 2))
            box.add(3, twice=True)
            assert box.items == [1, 2, 3]


        def test_box_equality():
            """`Box([1]) == Box([2])` is false."""
            box = Box([1])
            other_box = Box([2])
            assert not box == other_box


        def test_open_at():
            """`open_at(3)` returns `'yes'`."""
            assert open_at(3) == "yes"
        '''
    )


def test_what_only_prepares_a_file_is_no_step_on_the_way() -> None:
    suite = told(
        """
        from shop import open_at

        def test_1(tmp_path, monkeypatch):
            monkeypatch.setenv('NOW', '3')
            a_file = tmp_path / 'a.txt'
            a_file.write_text('3')
            result = open_at(a_file)
            assert result == 'yes'
        """,
        {"test_1": "open_at"},
    )
    text = text_of(suite)
    assert "def test_open_at(" in text
    assert "after" not in text


def test_rows_that_pytest_could_not_name_have_an_id() -> None:
    suite = told(
        """
        from shop import price

        def test_1():
            result = price([])
            assert result == {}

        def test_2():
            result = price(['green tea', 'milk'])
            assert result == {'a': 1}
        """,
        {"test_1": "price", "test_2": "price"},
    )
    (unit,) = suite.units
    assert "pytest.param([], {}, id='empty')" in unit.source
    assert "id='green-tea-milk')" in unit.source


def test_yes_and_no_and_other_answers_do_not_share_a_table() -> None:
    suite = told(
        """
        from shop import price

        def test_1():
            result = price(1)
            assert result is True

        def test_2():
            result = price(2)
            assert result is False

        def test_3():
            result = price(3)
            assert result == 1
        """,
        {"test_1": "price", "test_2": "price", "test_3": "price"},
    )
    assert "assert price(thing) is expected" in suite.units[0].source
    assert "assert price(3) == 1" in suite.units[1].source


def test_a_parameter_hides_no_name_of_the_test() -> None:
    suite = told(
        """
        from shop import Box, price

        def test_1(tmp_path):
            box = Box()
            result = box.add(price)
            assert result == 1

        def test_2():
            thing = Box([1])
            result = price(thing, 'a')
            assert result == 1

        def test_3():
            thing = Box([2])
            result = price(thing, 'b')
            assert result == 2
        """,
        {"test_1": "Box.add", "test_2": "price", "test_3": "price"},
    )
    tree = ast.parse("\n".join(unit.source for unit in suite.units))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            bound = {
                part.id
                for part in ast.walk(node)
                if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            }
            assert not bound & {one.arg for one in node.args.args}
    assert "def test_box_add(tmp_path)" in suite.units[0].source
    assert "('items', 'tax', 'expected')" in suite.units[1].source


def test_a_table_that_would_be_too_wide_stays_single_tests_with_names_of_their_own() -> None:
    def test(name: str, number: int) -> str:
        lines = "".join(f"\n    assert result.a{n} == {number + n}" for n in range(6))
        return f"def {name}():\n    result = price({number}){lines}\n"

    suite = told(
        f"from shop import price\n{test('test_1', 1)}\n{test('test_2', 70)}",
        {"test_1": "price", "test_2": "price"},
    )
    assert [unit.name for unit in suite.units] == ["test_price_of_1", "test_price_of_70"]


def test_imports_inside_of_a_test_move_to_the_top() -> None:
    suite = told(
        """
        from shop import price

        def test_1():
            from operator import neg
            result = price(neg)
            assert result == 1
        """,
        {"test_1": "price"},
    )
    assert "from operator import neg\n\nfrom shop import price\n" in text_of(suite)
    assert "import" not in suite.units[0].source


def test_tests_of_a_backend_that_names_no_subject_stay_as_they_were_written() -> None:
    text = dedent(
        """
        from shop import price

        def test_theirs():
            assert price( 'a' ) == 1  # why

        class TestTheirs:
            def test_a(self): assert price(1)
        """
    )
    suite = split(text)
    assert arranged(suite, dedent(MODULE)).units == suite.units


def test_the_same_row_is_there_once() -> None:
    text = "def test_{0}():\n    result = price(1)\n    assert result == 2\n"
    suite = told(
        text.format("a") + text.format("b") + text.format("c").replace("1", "3"),
        {"test_a": "price", "test_b": "price", "test_c": "price"},
    )
    assert [unit.rows for unit in suite.units] == [2]


@pytest.mark.parametrize(
    ("doc", "said"),
    [
        ("Return the sum of two numbers.", "Return the sum of two numbers."),
        ("It is like :func:`~shop.price <p>`. Not more.", "It is like `shop.price`."),
        ("total(a, b) -> int", ""),
        ('Says \\"""hello\\""" to you all', ""),
        ("Too short", ""),
        ("x " * 80, ""),
    ],
)
def test_only_a_short_plain_sentence_of_the_module_is_taken_over(doc: str, said: str) -> None:
    entry = Outline(f'def f():\n    """{doc}"""\n').find("f")
    assert entry is not None
    assert entry.doc == said


def test_local_names_have_no_numbers_and_words_of_capitals_are_kept_together() -> None:
    suite = told(
        """
        from shop import *
        from ledger import Entry
        def test_1():
            entry_22 = Entry(1)
            box = Box(entry_22)
            result = box.add(entry_22)
            assert result == 3
        """,
        {"test_1": "Box.add"},
    )
    assert "entry = Entry(1)" in suite.units[0].source
    assert "box.add(entry)" in suite.units[0].source
    assert [snake(name) for name in ("LRUCache", "SortedSet", "HTTPServer2")] == [
        "lru_cache",
        "sorted_set",
        "http_server2",
    ]


def test_a_first_sentence_does_not_end_at_an_abbreviation() -> None:
    outline = Outline(
        "def join(a, b):\n"
        "    '''Say whether two can be joined, i.e. are neighbours. Then do it.'''\n"
    )
    entry = outline.find("join")
    assert entry is not None
    assert entry.doc == "Say whether two can be joined, i.e. are neighbours."


@pytest.mark.parametrize(
    ("answer", "said"),
    [("True", "Return True if it is new."), ("False", "`is_new(3)` returns `False`.")],
)
def test_when_it_is_true_is_not_said_of_what_is_false(answer: str, said: str) -> None:
    module = "def is_new(n):\n    'Return True if it is new.'\n"
    text = f"""
        from shop import is_new
        def test_1():
            result = is_new(3)
            assert result is {answer}
        """
    (unit,) = arranged(split(dedent(text), {"test_1": "is_new"}), module).units
    assert f'"""{said}"""' in unit.source
