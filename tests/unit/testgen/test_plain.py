"""What reads plainer than what, and what may stand in the place of a part of a statement."""

import ast
from textwrap import dedent

import pytest

from tta_interactive.runners.testgen.inside.generate.fitting import Fitting
from tta_interactive.runners.testgen.inside.generate.plain import Plainness

OBJECTS = {"Box": ("Box(7)", "Box()")}
PLAIN = Plainness(["WELCOME10", "book", "a password is needed"], lambda cls: OBJECTS.get(cls, ()))


@pytest.mark.parametrize(
    ("plain", "odd"),
    [
        ("f('a')", "f('other4.90')"),
        ("f('a')", "f('日')"),
        ("f('a')", "f(None)"),
        ("f('WELCOME10')", "f('WELCOME11')"),
        ("f('password')", "f('passwart')"),
        ("f(1)", "f(65533)"),
        ("f(100)", "f(101)"),
        ("f(1)", "f(-1)"),
        ("f(1.5)", "f(123.456)"),
        ("f(Decimal('1'))", "f(Decimal('Infinity'))"),
        ("f(Box())", "f(Box(Box()))"),
    ],
)
def test_what_people_write_costs_less_to_read(plain: str, odd: str) -> None:
    assert PLAIN.cost(plain) < PLAIN.cost(odd)


@pytest.mark.parametrize(
    ("statement", "form"),
    [
        ("f('other4.90')", "f('a')"),
        ("f('a book ')", "f('book')"),
        ("f('x=${ABC}')", "f('x=${a}')"),
        ("f(b'\\x00\\xff')", "f(b'a')"),
        ("f(65533)", "f(60000)"),
        ("f(-12.5)", "f(-1.5)"),
        ("f(Box(Class(1)))", "f(Class(1))"),
        ("f({'a': Box(2)})", "Box(2)"),
        ("f(Box(3))", "f(Box())"),
        ("x = Box(1).opened().opened()", "x = Box(1).opened()"),
        ("f([1, 2])", "f([1])"),
        ("log_in(hashed('secret!'))", "log_in('secret!')"),
    ],
)
def test_one_part_at_a_time_becomes_plainer(statement: str, form: str) -> None:
    assert form in [one.text for one in PLAIN.forms(statement)]


@pytest.mark.parametrize(
    ("statement", "form"),
    [
        ("f({'a': 1, 'xyz!': 2})", "f({'a': 1, 'a': 2})"),
        ("f({1, 77})", "f({1, 1})"),
        ("hash(box) == hash(box)", "box == hash(box)"),
        ("f(decimal.Decimal('77.1'))", "f(decimal.Decimal())"),
    ],
)
def test_no_form_says_less_than_it_should(statement: str, form: str) -> None:
    assert form not in [one.text for one in PLAIN.forms(statement)]


def test_every_form_is_plainer_so_that_there_is_an_end() -> None:
    statement = "x = f({'k#': [1.25, Box('q\\t')], 'Z': (b'\\x01', -77)}, key='日本').opened(99)"
    forms = PLAIN.forms(statement)
    assert forms
    assert all(PLAIN.cost(form.text) < PLAIN.cost(statement) for form in forms)


def test_a_value_that_stands_in_several_places_is_changed_in_all_of_them() -> None:
    found = [made for made, _ in PLAIN.everywhere(["b.add('k#9', 3)", "b.drop('k#9')"])]
    assert ["b.add('a', 3)", "b.drop('a')"] in found
    assert list(PLAIN.everywhere(["b.add('k#9')", "b.drop('k#8')"])) == []


TYPED = Plainness(
    [],
    fitting=Fitting(
        ast.parse(
            dedent(
                """
                class Item:
                    sku: str
                    tags: dict[str, int] | None = None
                    weight: float = 1
                class Shelf:
                    def __init__(self, name, limit=3, *, open: "Optional[bool]" = None): ...
                    def put(self, item: Item, count: int): ...
                """
            )
        )
    ),
)


@pytest.mark.parametrize(
    ("statement", "form"),
    [
        ("Item([])", "Item('a')"),
        ("Item('a', 'b')", "Item('a', {})"),
        ("Item('a', weight='b')", "Item('a', weight=1)"),
        ("Shelf('a', 'b')", "Shelf('a', 1)"),
        ("Shelf({})", "Shelf('a')"),
        ("Shelf('a', open='b')", "Shelf('a', open=True)"),
        ("x.put(y, 'b')", "x.put(y, 1)"),
    ],
)
def test_an_argument_is_of_the_sort_that_its_parameter_says(statement: str, form: str) -> None:
    forms = [one.text for one in TYPED.forms(statement)]
    assert form in forms
    assert TYPED.cost(form) < TYPED.cost(statement)
    assert statement not in [one.text for one in TYPED.forms(form)]


@pytest.mark.parametrize("fit", ["Item('a', None)", "Item('a', weight=2)", "x.put('a', 1)"])
def test_what_fits_or_may_fit_costs_nothing(fit: str) -> None:
    assert TYPED.cost(fit) == Plainness([]).cost(fit)
