"""What the pipeline does with what a backend says: nothing is believed, much is told."""

from collections.abc import Callable

import pytest

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.backend import Generated, Order
from tta_interactive.runners.testgen.steps import Bench

from .claims import SaysAnything, ordered
from .conftest import GOOD, Lab


@pytest.mark.parametrize("name", ["openhands", "acp", "llm"])
def test_a_backend_of_a_later_release_says_what_to_do(lab: Lab, name: str) -> None:
    lab.write("m.py", GOOD)
    failure = lab.failure(backend=name)
    assert failure.code == "no_backend"
    assert name in failure.message
    assert "backend=native" in failure.remedy


def test_an_unknown_backend_is_told_which_there_are(lab: Lab) -> None:
    lab.write("m.py", GOOD)
    assert "native" in lab.failure(backend="gpt").remedy


@pytest.mark.parametrize(
    "claim",
    [
        "I have created tests/test_m.py with 12 tests. All pass!",
        "def test_a(:\n",
        "",
        "def helper(): pass\n",
        "def test_a():\n    assert False\n",
        "def test_a():\n    assert True\n",  # passes, and reaches nothing
        "import os\nos._exit(0)\n\ndef test_a(): pass\n",
    ],
)
def test_a_backend_that_claims_and_does_not_deliver_is_not_believed(lab: Lab, claim: str) -> None:
    with pytest.raises(TaskFailure) as caught:
        ordered(lab, SaysAnything(claim))
    assert caught.value.code == "not_verified"
    assert set(lab.files()) == {"m.py"}


LUCKY = """
from m import grade, initials


def test_lucky():
    assert next(iter({%s})) == %s
    assert initials("") == ""


def test_fair():
    assert grade(50) == "fair"


def test_poor():
    assert grade(1) == "poor"
"""


@pytest.mark.parametrize(
    ("words", "first"),
    [
        pytest.param("'one', 'two'", "'one'", id="the fourth hash seed has the other first"),
        pytest.param("'one', 'dog'", "'one'", id="the fifth has, when tests are put in form"),
    ],
)
def test_what_three_hash_seeds_show_alike_is_dropped_by_a_later_one(
    lab: Lab, words: str, first: str
) -> None:
    report = ordered(lab, SaysAnything(LUCKY % (words, first)), coverage_threshold=10)
    assert (report.generated, report.kept, report.flaky) == (3, 2, 1)
    assert "lucky" not in lab.files()["tests/test_m.py"].decode()


CUT = "The clock ended the search before its work was done"


@pytest.mark.parametrize("was_cut_short", [True, False])
def test_a_search_that_the_clock_ended_is_told_in_the_result_and_in_the_file(
    lab: Lab, was_cut_short: bool
) -> None:
    class CutShort(SaysAnything):
        def generate(
            self, bench: Bench, order: Order, progress: Callable[[float], None]
        ) -> Generated:
            return Generated(self.text, was_cut_short=was_cut_short)

    test = "from m import initials\n\n\ndef test_a():\n    assert initials('') == ''\n"
    report = ordered(lab, CutShort(test), coverage_threshold=10)
    assert sum(CUT in note for note in report.notes) == was_cut_short
    said = (lab.workspace / "tests/test_m.py").read_text().partition("# Made by")[0]
    assert (CUT in said) == was_cut_short


def test_the_budget_is_work_for_a_backend_that_counts_it(lab: Lab) -> None:
    class Counts(SaysAnything):
        def generate(
            self, bench: Bench, order: Order, progress: Callable[[float], None]
        ) -> Generated:
            self.orders.append(order)
            return Generated(self.text, work=10.0)

    backend = Counts("from m import initials\n\n\ndef test_a():\n    assert initials('') == ''\n")
    ordered(lab, backend, budget=25, coverage_threshold=100)
    assert [order.seconds for order in backend.orders] == [25, 15, 5]


def test_below_the_threshold_the_backend_is_told_what_is_missing(lab: Lab) -> None:
    backend = SaysAnything(
        "from m import grade\n\ndef test_good():\n    assert grade(90) == 'good'\n"
    )
    report = ordered(lab, backend)
    assert not report.success
    assert [order.round for order in backend.orders] == [0, 1, 2]
    assert backend.orders[0].missing == frozenset()
    assert 9 in backend.orders[1].missing
    assert {(8, 9), (10, 13)} <= backend.orders[1].missing_branches
    assert (report.kept, report.useless, report.rounds) == (1, 2, 3)
