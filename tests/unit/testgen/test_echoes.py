"""Values that come again, and states of objects that are new."""

import enum
import random
from typing import Any

import pytest

from tta_interactive.runners.testgen.inside.generate.echoes import Echoes, constants_in, words_in
from tta_interactive.runners.testgen.inside.generate.shapes import BYTES, INT, STR
from tta_interactive.runners.testgen.inside.generate.states import States


def arguments(echoes: Echoes, parameter: str, target: str, shape: Any = STR) -> set[str | None]:
    return {echoes.argument(parameter, target, shape) for _ in range(300)}


def test_a_result_is_offered_where_its_name_is_asked_for() -> None:
    echoes = Echoes(random.Random(1))
    echoes.learn("make_token", "a:1", "make_token('a', b'k')", [("key", "b'k'")])
    echoes.begin()
    assert arguments(echoes, "token", "check") == {None, "make_token('a', b'k')", "'a'"}
    # The key of the token that was taken is the key of its check.
    assert "b'k'" in arguments(echoes, "key", "check", BYTES)
    assert "b'k'" not in arguments(echoes, "key", "check", INT)


@pytest.mark.parametrize(
    ("made", "asked", "is_often"),
    [("dumps", "loads", True), ("encode", "decode", True), ("dumps", "count", False)],
)
def test_a_result_is_offered_to_what_undoes_the_call(made: str, asked: str, is_often: bool) -> None:
    echoes = Echoes(random.Random(1))
    echoes.learn(made, "{}", f"{made}({{}})", [])
    drawn = [echoes.argument("text", asked, STR) for _ in range(300)]
    assert (drawn.count(f"{made}({{}})") > 60) is is_often


def test_nothing_is_offered_that_is_empty_or_of_another_sort() -> None:
    echoes = Echoes(random.Random(1))
    echoes.learn("token", "", "token('')", [])
    echoes.learn("token", 5, "token(5)", [])
    assert arguments(echoes, "token", "check") == {None}


def test_a_candidate_knows_its_own_constants_only() -> None:
    echoes = Echoes(random.Random(1))
    echoes.begin("Box('red', size=7)")
    assert arguments(echoes, "colour", "paint") == {None, "'red'"}
    assert arguments(echoes, "size", "paint", INT) == {None, "7"}
    echoes.begin()
    assert arguments(echoes, "colour", "paint") == {None}


def test_the_words_of_a_text_may_come_again() -> None:
    assert dict.fromkeys(constants_in("f('${home:-x}')")) == {
        (str, "'${home:-x}'"): None,
        (str, "'home'"): None,
        (str, "'x'"): None,
    }
    assert constants_in("f(") == ()


def test_the_words_of_a_name_that_say_something() -> None:
    assert words_in("makeHTTPToken_from_the_user") == {"http", "token", "user"}


class Colour(enum.Enum):
    RED = 1


class Box:
    def __init__(self, **inside: Any) -> None:
        vars(self).update(inside)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked for")


def test_an_attribute_as_it_never_was_makes_a_state_new() -> None:
    states = States()
    assert states.add(Box(state="open", size=3, items=[], at=Colour.RED))
    assert not states.add(Box(state="open", size=9, items=[], at=Colour.RED))
    assert states.add(Box(state="shut", size=9, items=[], at=Colour.RED))
    assert states.add(Box(state="shut", size=-1, items=[], at=Colour.RED))
    assert states.add(Box(state="open", size=3, items=[1], at=Colour.RED))
    assert states.add(Box(state="open", size=None, items=[1], at=Colour.RED))
    assert not states.add(Box(state="shut", size=-1, items=[], at=Colour.RED))
    assert not states.add(5)


def test_an_attribute_has_so_many_states_and_no_more() -> None:
    states = States()
    new = [states.add(Box(state=f"state_{number}")) for number in range(100)]
    assert 5 < sum(new) < 30
