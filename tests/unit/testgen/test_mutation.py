"""The mutation score: which small changes of a module its kept tests notice."""

import sys
from collections.abc import Callable
from textwrap import dedent

import pytest

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.measure import measure
from tta_interactive.runners.testgen.module import find_module
from tta_interactive.runners.testgen.mutants import sample
from tta_interactive.runners.testgen.mutation import mutation_score
from tta_interactive.runners.testgen.report import Mutation
from tta_interactive.runners.testgen.split import Suite

from .conftest import GOOD, Lab

pytest.importorskip("cosmic_ray", reason="the extra `mutation` is not installed")

MODULE = """
    from typing import TYPE_CHECKING, overload

    if TYPE_CHECKING:
        SIZE = 1 + 2

    @overload
    def grade(points: int) -> "int | str": ...
    def grade(points: "int | None" = None) -> "int | str":
        if points is None:
            return 0
        return points - 1
"""


def changed(text: str) -> list[str]:
    """The whole module after each change that there is."""
    return [text[: one.start] + one.new + text[one.end :] for one in sample(text, 1000, 1)]


def score(lab: Lab, text: str, tests: Suite, count: int = 40) -> Mutation:
    lab.write("m.py", text)
    bench = lab.bench()
    source, copied = find_module("m.py", lab.workspace), lab.copied(bench)
    measured = measure(bench, copied, tests, "test_m.py")
    return mutation_score(bench, copied, source, tests, measured, "test_m.py", count=count, seed=1)


def test_a_sample_depends_on_nothing_but_the_text_and_the_seed() -> None:
    text = dedent(GOOD)
    first = sample(text, 5, 1)
    assert first == sample(text, 5, 1)
    assert first != sample(text, 5, 2)
    assert len(first) == 5


def test_a_mutant_says_the_line_what_it_was_and_what_it_became() -> None:
    found = sample("def less(a, b):\n    return a < b\n", 1000, 1)
    assert {one.line for one in found} == {2}
    assert {one.was for one in found} == {"return a < b"}
    assert "return a > b" in {one.became for one in found}


def test_what_no_test_can_notice_is_no_mutant() -> None:
    text = dedent(MODULE)
    lines = {one.line for one in sample(text, 1000, 1)}
    assert lines == {10, 11, 12}


def test_each_mutant_is_another_program() -> None:
    found = changed(dedent(GOOD))
    assert len(set(found)) == len(found)
    for text in found:
        compile(text, "m.py", "exec")


def test_a_test_that_looks_at_results_kills_what_one_that_only_calls_lets_live(
    lab: Lab, tests_of: Callable[[str], Suite]
) -> None:
    looks = """
        from m import grade

        def test_grade():
            assert [grade(80), grade(79), grade(50), grade(49)] == ["good", "fair", "fair", "poor"]
    """
    calls = """
        from m import grade

        def test_grade():
            [grade(80), grade(79), grade(50), grade(49)]
    """
    sharp, blunt = score(lab, GOOD, tests_of(looks)), score(lab, GOOD, tests_of(calls))
    assert sharp.sampled == blunt.sampled > 20
    assert sharp.percent > blunt.percent + 20
    assert sharp.killed + len(sharp.survived) == sharp.sampled
    assert "if points >= least:" in {one.was for one in blunt.survived}


def test_a_change_that_no_test_reaches_survives(lab: Lab, tests_of: Callable[[str], Suite]) -> None:
    tests = tests_of("""
        from m import initials

        def test_initials():
            assert initials("ada lovelace") == "al"
    """)
    survived = {one.was for one in score(lab, GOOD, tests).survived}
    assert "if points < 0:" in survived
    assert not any("word[0]" in was for was in survived)


def test_a_mutant_that_never_ends_is_killed(lab: Lab, tests_of: Callable[[str], Suite]) -> None:
    text = """
        def count(n):
            while n > 0:
                n = n - 1
            return n
    """
    tests = tests_of("""
        from m import count

        def test_count():
            assert count(3) == 0
    """)
    endless = {f"n = n {operator} 1" for operator in ("+", "*", "//", "<<", "|")}
    tried = {one.became for one in sample(dedent(text), 12, 1)}
    assert tried & endless
    found = score(lab, text, tests, count=12)
    assert not {one.became for one in found.survived} & endless


def test_a_mutant_can_change_nothing_outside(lab: Lab, tests_of: Callable[[str], Suite]) -> None:
    victim = lab.base / "victim.txt"
    victim.write_text("whole")
    text = f"""
        def clean(really):
            if really and False:
                open({str(victim)!r}, "w").close()
            return 1
    """
    tests = tests_of("""
        from m import clean

        def test_clean():
            assert clean(True) == 1
    """)
    score(lab, text, tests)
    assert victim.read_text() == "whole"


def test_the_report_tells_the_score_if_it_was_asked_for(lab: Lab) -> None:
    lab.write("m.py", GOOD)
    report = lab.run(mutants=8)
    assert report["mutation"]["sampled"] == 8
    assert report["mutation"]["percent"] == 100 * report["mutation"]["killed"] / 8
    assert lab.run(overwrite=True)["mutation"] is None


def test_without_cosmic_ray_it_is_said_at_once_and_how_to_get_it(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.write("m.py", GOOD)
    monkeypatch.setitem(sys.modules, "cosmic_ray", None)
    with pytest.raises(TaskFailure) as caught:
        lab.run(mutants=8)
    assert caught.value.code == "missing_package"
    assert "tta-interactive[mutation]" in caught.value.remedy
    assert not (lab.workspace / "tests").exists()
