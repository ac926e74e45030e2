"""Tests that notice more: the module is changed while it is loaded, and rows that tell are added."""

import ast
import importlib
import itertools
import random
import sys
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest

from tta_interactive.runners.testgen.inside.generate.attempt import Attempts
from tta_interactive.runners.testgen.inside.generate.calls import Caller
from tta_interactive.runners.testgen.inside.generate.candidate import Argument, Candidate, Use
from tta_interactive.runners.testgen.inside.generate.changes import Changes
from tta_interactive.runners.testgen.inside.generate.expect import Expectations
from tta_interactive.runners.testgen.inside.generate.leftovers import Leftovers
from tta_interactive.runners.testgen.inside.generate.names import Names
from tta_interactive.runners.testgen.inside.generate.sharpen import PATIENCE, Row, Sharpener
from tta_interactive.runners.testgen.inside.generate.targets import find_targets
from tta_interactive.runners.testgen.inside.generate.trace import Runner, lines_of
from tta_interactive.runners.testgen.inside.generate.uses import usages
from tta_interactive.runners.testgen.inside.generate.values import Values
from tta_interactive.runners.testgen.inside.generate.work import Work
from tta_interactive.runners.testgen.inside.guard import Guard

CODE = dedent(
    """
    from __future__ import annotations
    import functools
    import re

    LIMIT = 10
    WORDS = {"one": 1, "two": 2}
    ENDINGS = ["ly", r"[i]es$", "ing"]

    def stage(count: int, step=1) -> str:
        if count > 10:
            return "many"
        return "few"

    def shifted(count, by=3):
        return count + by

    def tossed(count):
        return chance() < 0.5

    def number(word):
        return WORDS.get(word, 0)

    def ending(word):
        for ending in ENDINGS:
            if re.search(ending, word):
                return ending
        return ""

    class Base:
        def name(self): return "base"

    class Box(Base):
        def __init__(self, items=()): self.__items = list(items)
        @property
        def size(self): return len(self.__items) + 1
        def name(self):
            return super().name() + "box"
        @functools.lru_cache
        def cached(self): return 3

    def outer(value):
        def inner(): return value * 2
        return inner()

    def endless(count):
        while count:
            count -= 1
        return count
    """
)


def loaded(name: str, code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module with this text, until the test ends."""
    (folder / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setitem(sys.modules, name, ModuleType(name))  # so it is taken away again
    del sys.modules[name]
    return importlib.import_module(name)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return loaded("stages_of", CODE, tmp_path, monkeypatch)


class Workshop:
    """What the generator puts together for one module."""

    def __init__(self, module: ModuleType, own: Path, code: str = CODE) -> None:
        draw = random.Random(1)
        tree = ast.parse(code)
        names = Names(module)
        targets, known = find_targets(module, names)
        self.targets = {target.key: target for target in targets}
        values = Values(tree, [], [], names, draw)
        self.caller = Caller(targets, known, names, values, usages(tree), vars(module), draw)
        guard = Guard([], commands=False)
        left = Leftovers(module)
        runner = Runner(str(module.__file__), names.space, guard, set(), 5.0, own, leftovers=left)
        facts = Expectations(module.__name__, names, known, [])
        self.attempts = Attempts(runner, facts, names, values, draw)
        self.changes = Changes(tree, module, str(module.__file__), draw, left)
        self.draw = draw

    def row(self, target: str, arguments: str) -> Row:
        """A test that calls the target."""
        call = f"{target}({arguments})"
        use = Use(
            self.targets[target],
            tuple(Argument((target, ""), ("int",), text) for text in arguments.split(", ")),
        )
        candidate = Candidate(use)
        assert candidate.statements() == [call]
        return self.seen(candidate)

    def seen(self, candidate: Candidate) -> Row:
        seen = self.attempts.seen(candidate)
        assert seen is not None
        test = self.attempts.written(seen)
        assert test is not None
        return Row(seen.candidate, test, lines_of(seen.outcome.arcs))

    def sharpener(self, seconds: float = 10.0) -> Sharpener:
        return Sharpener(
            self.changes,
            self.attempts,
            self.caller,
            self.targets.values(),
            self.draw,
            lambda: None,
            Work(seconds),
        )


def test_every_change_is_made_in_the_live_module_and_taken_back(
    module: ModuleType, tmp_path: Path
) -> None:
    def behaviour() -> list[object]:
        box = module.Box([1])
        asked = (
            lambda: module.stage(10), lambda: module.stage(11), lambda: module.stage(12),
            lambda: box.size, box.name, box.cached, lambda: module.outer(3),
            lambda: module.shifted(1), lambda: module.number("two"), lambda: module.ending("ties"),
            module.Box, lambda: len(module.Box("ab").__dict__["_Box__items"]),
        )  # fmt: skip
        answers: list[object] = []
        for ask in asked:
            try:
                answer = ask()
            except Exception as error:
                answer = type(error)
            answers.append(answer if isinstance(answer, str | int | type) else "an object")
        return answers

    changes = Changes(
        ast.parse(CODE), module, str(module.__file__), random.Random(1), Leftovers(module)
    )
    at_first = behaviour()
    noticed: set[int] = set()
    sample = changes.sample(1000, random.Random(1))
    made = asked = 0
    endless = CODE.splitlines().index("def endless(count):") + 1
    for change in sample:
        if change.line >= endless:
            continue
        asked += 1
        with changes.made(change) as is_made:
            made += is_made
            if behaviour() != at_first:
                noticed.add(change.line)
        assert behaviour() == at_first
    assert made >= asked - 1  # without its `super()` a method has another form
    lines = CODE.splitlines()
    told = {lines[line - 1].strip() for line in noticed}
    assert "if count > 10:" in told
    assert 'return super().name() + "box"' in told
    assert "def size(self): return len(self.__items) + 1" in told
    assert "def cached(self): return 3" in told
    assert "def inner(): return value * 2" in told
    assert "def shifted(count, by=3):" in told
    assert 'WORDS = {"one": 1, "two": 2}' in told
    assert 'ENDINGS = ["ly", r"[i]es$", "ing"]' in told
    assert not any(lines[change.line - 1].startswith("LIMIT") for change in sample)


def test_every_entry_of_a_table_has_a_row_that_is_about_it(
    module: ModuleType, tmp_path: Path
) -> None:
    shop = Workshop(module, tmp_path)
    rows = [shop.row("number", "'zero'"), shop.row("ending", "'zero'")]
    asked = [row.test.statements[-1] for row in shop.sharpener().more(rows, [], 60)]
    assert "number('one')" in asked
    assert "number('two')" in asked
    ends = [text for text in asked if text.startswith("ending(")]
    assert any("ies" in text for text in ends)
    assert any("ing" in text for text in ends)


def test_rows_use_the_defaults_that_other_rows_never_need(
    module: ModuleType, tmp_path: Path
) -> None:
    shop = Workshop(module, tmp_path)
    asked = [
        row.test.statements[-1]
        for row in shop.sharpener().more([shop.row("shifted", "1, 2")], [], 60)
    ]
    assert any(text.startswith("shifted(") and "," not in text for text in asked)


def test_a_test_that_is_added_is_made_as_simple_as_it_can_be(
    module: ModuleType, tmp_path: Path
) -> None:
    shop = Workshop(module, tmp_path)
    rows = [shop.row("stage", "100, 5"), shop.row("stage", "0, 7")]  # others begin like these
    asked = [row.test.statements[-1] for row in shop.sharpener().more(rows, [], 60)]
    stages = [text for text in asked if text.startswith("stage")]
    assert stages
    assert not any("step" in text or "," in text for text in stages)


@pytest.mark.parametrize("seed", range(6))
def test_a_row_that_a_later_one_makes_needless_is_taken_back(
    module: ModuleType, tmp_path: Path, seed: int
) -> None:
    shop = Workshop(module, tmp_path)
    shop.draw.seed(seed)  # the order in which changes are tried
    others = [shop.row("stage", "99"), shop.row("stage", "11")]
    added = shop.sharpener().more([shop.row("stage", "0")], others, 2)
    asked = [row.test.statements[-1] for row in added]
    assert "stage(11)" in asked  # it notices all that the other does
    assert "stage(99)" not in asked


def test_values_at_the_boundary_are_added_where_a_change_went_unnoticed(
    module: ModuleType, tmp_path: Path
) -> None:
    shop = Workshop(module, tmp_path)
    rows = [shop.row("stage", "100"), shop.row("stage", "0")]
    added = shop.sharpener().more(rows, [], 30)
    asked = {row.test.statements[-1] for row in added}
    assert any("10" in text for text in asked)
    assert any("11" in text for text in asked)
    assert all(row.test not in {one.test for one in rows} for row in added)


IMPORTED = dedent(
    """
    SIZES = {}

    def _fill(count: int) -> None:
        SIZES["small"] = count + 1 if count > 5 else count

    def _grade(count: int) -> int:
        return sum(count > limit for limit in (11, 23, 38, 52, 67, 81, 94, 105, 117, 130))

    def grade(count: int) -> int:
        return _grade(count)

    _fill(3)
    """
)


def test_what_is_private_is_called_by_itself_only_where_nothing_else_gets_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = loaded("filled_once", IMPORTED, tmp_path, monkeypatch)
    shop = Workshop(module, tmp_path, IMPORTED)
    added = shop.sharpener().more([shop.row("grade", "0")], [], 30)
    called = {row.candidate.last.target.key for row in added if row.candidate.last}
    assert called == {"_fill", "grade"}


def test_what_tests_notice_already_brings_no_more_rows(module: ModuleType, tmp_path: Path) -> None:
    shop = Workshop(module, tmp_path)
    rows = [shop.row("stage", str(count)) for count in (9, 10, 11, 100)]
    more = shop.sharpener().more(rows, [], 30)
    assert [row for row in more if row.test.target == "stage"] == []


def test_no_more_rows_are_added_than_asked_for_and_none_when_the_time_is_over(
    module: ModuleType, tmp_path: Path
) -> None:
    shop = Workshop(module, tmp_path)
    rows = [shop.row("stage", "100"), shop.row("stage", "0")]
    assert len(shop.sharpener().more(rows, [], 1)) == 1
    assert shop.sharpener(seconds=0).more(rows, [], 9) == []


def test_a_change_that_never_ends_is_noticed_and_soon_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = itertools.count()
    code = "def endless(count):\n    while count:\n        count -= 1; tick()\n    return count\n"
    module = loaded("endless_of", code, tmp_path, monkeypatch)
    module.__dict__["tick"] = turns.__next__  # never set back
    shop = Workshop(module, tmp_path, code)
    sharpener = shop.sharpener()
    sharpener.more([shop.row("endless", "3")], [], 0)
    assert sharpener.tried > 5
    assert sharpener.unnoticed == 1  # that nobody ticks
    assert next(turns) < sharpener.tried * PATIENCE
    assert module.endless(3) == 0


def test_what_is_drawn_by_chance_is_no_test_that_notices_more(
    module: ModuleType, tmp_path: Path
) -> None:
    shop = Workshop(module, tmp_path)
    drawn = random.Random(3)  # the module's own: never set back
    module.__dict__["chance"] = drawn.random
    asked = [
        row.test.statements[-1] for row in shop.sharpener().more([shop.row("tossed", "5")], [], 60)
    ]
    assert not any(text.startswith("tossed(") for text in asked)
