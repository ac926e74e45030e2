"""Statements that ask for fixtures and support, as they are run and as they are written."""

import os
import time
from pathlib import Path
from types import ModuleType

from tta_interactive.runners.testgen.inside.generate.emit import Written, as_file
from tta_interactive.runners.testgen.inside.generate.names import Names, fixtures_in
from tta_interactive.runners.testgen.inside.generate.trace import Outcome, Runner
from tta_interactive.runners.testgen.inside.guard import Guard


def ran(own: Path, *statements: str) -> Outcome:
    space = {"Path": Path, "os": os, "time": time}
    outcome = Runner("none.py", space, Guard([], commands=False), set(), 5.0, own).run(statements)
    assert outcome is not None
    return outcome


def test_each_run_has_an_empty_directory_of_its_own(tmp_path: Path) -> None:
    statements = ("(tmp_path / 'a').write_text('b')", "[tmp_path, os.listdir(tmp_path)]")
    first, second = ran(tmp_path, *statements), ran(tmp_path, *statements)
    assert first.value[1] == second.value[1] == ["a"]
    assert first.value[0].parent == tmp_path
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_monkeypatch_sets_is_undone_after_the_run(tmp_path: Path) -> None:
    before = os.environ.get("TTA_NOT_THERE"), time.time
    outcome = ran(
        tmp_path,
        "monkeypatch.setenv('TTA_NOT_THERE', '1')",
        "monkeypatch.setattr(time, 'time', lambda: 5.0)",
        "os.environ['TTA_NOT_THERE'], time.time()",
    )
    assert outcome.value == ("1", 5.0)
    assert (os.environ.get("TTA_NOT_THERE"), time.time) == before


def test_a_with_block_gives_what_it_binds_to_result(tmp_path: Path) -> None:
    file = "with open(tmp_path / 'a', 'w') as file:\n    result = file.write('abc')"
    assert ran(tmp_path, file).value == 3
    assert ran(tmp_path, "print('seen')").printed == "seen\n"


def test_a_test_file_has_the_support_and_the_fixtures_that_its_tests_use() -> None:
    module = ModuleType("shop")
    exec("class Base: pass", vars(module))
    names = Names(module)
    names.own("Base")
    names.support("Concrete", "class Concrete(Base):\n    pass")
    names.support("made", "def made():\n    return Concrete()")
    statements = ("with made() as one:\n    result = one",)
    support = names.support_in(statements)
    assert list(support) == ["Concrete", "made"]
    text = as_file(
        [
            Written(
                "made",
                statements,
                ("assert result == 1",),
                needs_result=False,
                fixtures=fixtures_in(["made(tmp_path)"]),
                support=tuple(support.values()),
            )
        ],
        names,
    ).text
    assert text == (
        "from shop import Base\n\n\n"
        "class Concrete(Base):\n    pass\n\n\n"
        "def made():\n    return Concrete()\n\n\n"
        "def test_made_0(tmp_path):\n"
        "    with made() as one:\n"
        "        result = one\n"
        "    assert result == 1\n"
    )
