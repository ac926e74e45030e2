"""Tests become plainer, and go on to reach and to notice what they are there for."""

import importlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import dedent

import pytest

from tests.unit.testgen.test_sharpen import Workshop
from tta_interactive.runners.testgen.inside.generate.candidate import Candidate
from tta_interactive.runners.testgen.inside.generate.emit import Written
from tta_interactive.runners.testgen.inside.generate.plain import Plainness
from tta_interactive.runners.testgen.inside.generate.rewrite import Rewriter
from tta_interactive.runners.testgen.inside.generate.sharpen import Row
from tta_interactive.runners.testgen.inside.generate.trace import Arc
from tta_interactive.runners.testgen.inside.generate.work import Work

CODE = dedent(
    """
    import time

    class Till:
        def __init__(self, owner=""):
            self.owner, self.sums = owner, {}
        def add(self, name, amount):
            if name in self.sums:
                self.sums[name] += amount
            else:
                self.sums[name] = amount
        def total(self):
            return sum(self.sums.values())
        def checked_by(self, name):
            return None
        def named(self, owner):
            self.owner = owner
            return self
        def is_rich(self):
            return self.total() >= 100

    class Safe(Till):
        def __init__(self, till):
            self.owner, self.sums = till.owner, {}
        def lock(self):
            return "locked"

    def spelled(text):
        if len(text) > 3:
            return "long"
        return "short"

    def items(text):
        yield from text

    def stamp(text):
        return str(int(time.time())) + text

    def checked(text):
        return len(text)
    """
)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    (tmp_path / "till_of.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Workshop(importlib.import_module("till_of"), tmp_path, CODE)
    del sys.modules["till_of"]


def rewritten(shop: Workshop, *tests: Sequence[str], seconds: float = 20.0) -> list[Written]:
    """The tests of these statements, as they come out."""
    rows = [shop.seen(Candidate(None, raw=tuple(lines), label="x")) for lines in tests]
    sharpener = shop.sharpener()
    sharpener.more(rows, [], 0)  # it knows now what they notice

    def reached(some: Sequence[Row]) -> list[frozenset[Arc]]:
        return [shop.attempts.reached(row.test) for row in some]

    plain = Plainness([])
    rewriter = Rewriter(plain, shop.attempts, sharpener, Work(seconds), lambda _: True)
    return [new.test for _, new in rewriter.rewritten(rows, reached)]


def statements(tests: Sequence[Written]) -> list[tuple[str, ...]]:
    return [test.statements for test in tests]


def test_an_odd_value_gives_way_to_a_plain_one_that_does_the_same(shop: Workshop) -> None:
    (test,) = rewritten(shop, ["till = Till('x4.9日')", "till.add('ké!', 7311)"])
    assert test.statements == ("till = Till()", "till.add('a', 1)")
    assert test.asserts == ("assert result is None", "assert till.sums == {'a': 1}")


def test_a_value_that_a_test_needs_to_notice_a_change_stays(shop: Workshop) -> None:
    made = statements(rewritten(shop, ["spelled('u_#9')"], ["spelled('u#9')"]))
    assert sorted(len(lines[0]) - len("spelled('')") for lines in made) == [3, 4]


def test_a_name_that_comes_twice_stays_the_same_in_both_places(shop: Workshop) -> None:
    (test,) = rewritten(shop, ["t = Till()", "t.add('q#1', 1)", "t.add('q#1', 1)"])
    assert test.statements == ("t = Till()", "t.add('a', 1)", "t.add('a', 1)")


def test_what_no_line_and_no_change_needs_is_left_out(shop: Workshop) -> None:
    (test,) = rewritten(shop, ["other = Till('b')", "t = Till()", "t.add('a', 1)"])
    assert test.statements == ("t = Till()", "t.add('a', 1)")


def test_a_test_of_two_things_becomes_two(shop: Workshop) -> None:
    made = statements(rewritten(shop, ["t = Till('me')", "t.is_rich()", "t.add('a', 1)"]))
    assert ("t = Till()", "t.is_rich()") in made
    assert ("t = Till()", "t.add('a', 1)") in made


def test_what_ends_is_listed_to_its_end(shop: Workshop) -> None:
    (test,) = rewritten(shop, ["list(itertools.islice(items('xy'), 20))"])
    assert test.statements == ("list(items('a'))",)


def test_tests_that_became_the_same_are_there_once(shop: Workshop) -> None:
    made = statements(rewritten(shop, ["checked('q#8')"], ["checked('q#9')"]))
    assert made == [("checked('a')",)]


def test_without_work_left_the_tests_stay_as_they_are(shop: Workshop) -> None:
    lines = ("till = Till('x4.9日')", "till.add('ké!', 7311)")
    assert statements(rewritten(shop, lines, seconds=0.0)) == [lines]


def test_no_test_is_rewritten_to_one_that_depends_on_the_day(shop: Workshop) -> None:
    made = statements(rewritten(shop, ["checked(spelled('ab'))"], ["checked(stamp('abc'))"]))
    assert any("stamp(" in lines[-1] for lines in made)
    assert not any(lines[-1].startswith("stamp(") for lines in made)


def test_a_call_that_changes_nothing_is_asked_for_its_answer_alone(shop: Workshop) -> None:
    row = shop.seen(Candidate(None, raw=("t = Till('me')", "t.checked_by('a')"), label="x"))
    assert row.test.asserts == ("assert result is None",)


def test_of_an_object_only_what_changed_is_asserted(shop: Workshop) -> None:
    row = shop.seen(Candidate(None, raw=("t = Till('me')", "t.add('a', 1)"), label="x"))
    assert row.test.asserts == ("assert result is None", "assert t.sums == {'a': 1}")


def test_a_method_that_returns_its_object_is_said_to(shop: Workshop) -> None:
    row = shop.seen(Candidate(None, raw=("t = Till('me')", "t.named('you')"), label="x"))
    assert row.test.asserts == ("assert result is t", "assert t.owner == 'you'")


def test_a_test_is_never_cut_down_to_a_bare_name(shop: Workshop) -> None:
    lines = ["name = Till('me').owner", "checked(name)"]
    made = statements(rewritten(shop, ["checked(stamp('ab'))"], lines))
    assert len(made) == 2
    assert not any(lines[-1].isidentifier() for lines in made)


def test_a_test_stays_about_an_object_of_the_same_class(shop: Workshop) -> None:
    asked = ["safe = Safe(Till('x4.9'))", "safe.is_rich()"]
    made = statements(rewritten(shop, asked, ["safe = Safe(Till())", "safe.lock()"]))
    assert ("safe = Safe(Till())", "safe.is_rich()") in made


def test_a_step_of_a_coroutine_goes_and_its_values_become_plain(shop: Workshop) -> None:
    steps = ["other = Till('b')", "till = Till('x4.9日')", "return till.add('ké!', 7311)"]
    body = "".join(f"\n    {line}" for line in steps)
    (test,) = rewritten(shop, [f"async def steps():{body}", "asyncio.run(steps())"])
    assert test.statements == (
        "async def steps():\n    till = Till()\n    return till.add('a', 1)",
        "asyncio.run(steps())",
    )
