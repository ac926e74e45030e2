"""Chosen tests are cut down to what they need."""

import random
from pathlib import Path

import pytest

from tests.unit.testgen.test_devices import generated
from tta_interactive.runners.testgen.inside.generate.setup import Setup
from tta_interactive.runners.testgen.inside.generate.simplify import simpler_forms


@pytest.mark.parametrize(
    ("statement", "form"),
    [
        ("f(1, 2)", "f(1)"),
        ("f(1, deep=True)", "f(1)"),
        ("f([1, 2, 3])", "f([1, 3])"),
        ("f({'a': 1, 'b': 2})", "f({'b': 2})"),
        ("f('abcdefghijklmnop')", "f('abcdefgh')"),
        ("f('a\\x1b[b')", "f('ab')"),
        ("hash(box) == hash(box)", "hash(box)"),
        ("x = Box(5000)", "x = Box(10)"),
    ],
)
def test_one_thing_at_a_time_is_left_out_or_made_smaller(statement: str, form: str) -> None:
    assert form in list(simpler_forms(statement))


def test_what_is_short_already_stays() -> None:
    assert list(simpler_forms("f('ab')")) == ["f()"]
    assert list(simpler_forms("with f('abcdefghijklmnop') as result:\n    pass")) == []


def test_arguments_that_change_nothing_are_not_in_the_tests(tmp_path: Path) -> None:
    text = """
        def only(first, unused=None, **others):
            return first == "alohomora"
    """
    source = generated(tmp_path, text, seconds=0.75)["source"]
    assert "only(" in source
    assert "unused" not in source


def test_a_variable_has_a_number_only_beside_another_of_its_sort() -> None:
    setup = Setup([], random.Random(1))
    first, second = setup.add("box", "Box()", ["\0.add(1)"]), setup.add("box", "Box()", [])
    alone = setup.before([f"open({first})"])
    assert alone == ["box_1 = Box()", "box_1.add(1)", "open(box_1)"]
    assert setup.without_numbers(alone) == ["box = Box()", "box.add(1)", "open(box)"]
    both = setup.before([f"same({first}, {second})"])
    assert setup.without_numbers(both) == both


def test_a_change_that_fails_is_not_made_again() -> None:
    setup = Setup([], random.Random(1))
    name = setup.add("box", "Box()", ["\0.add(1)", "\0.fail()"])
    assert setup.drop("box_1.fail()")
    assert not setup.drop("box_1 = Box()")
    assert setup.before([name]) == ["box_1 = Box()", "box_1.add(1)", "box_1"]
