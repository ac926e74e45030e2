"""What a test may not depend on: where its temporary files lie."""

import pytest

from tta_interactive.kinds.tests import TestsParams
from tta_interactive.runners.testgen.job import Wish
from tta_interactive.runners.testgen.pipeline import run

from .claims import SaysAnything
from .conftest import GOOD, Lab

TEXT = """
from m import grade, initials


def test_its_place(tmp_path):
    assert grade(80) == "good"
    assert "steps" in tmp_path.parts


def test_nothing_but_the_module(tmp_path):
    assert initials("ada lovelace") == "al"
"""


@pytest.mark.sandbox
def test_a_test_that_knows_where_our_temporary_files_lie_is_dropped(lab: Lab) -> None:
    lab.write("m.py", GOOD)
    asked = TestsParams(module_path="m.py", coverage_threshold=0)
    wish = Wish(**asked.model_dump(exclude={"max_modules"}))
    report = run(wish, lab.context(), SaysAnything(TEXT))
    assert (report.generated, report.kept) == (2, 1)
    assert "its_place" not in (lab.workspace / report.output_path).read_text()
