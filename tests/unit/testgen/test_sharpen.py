"""Tests that notice more: the module is changed while it is loaded, and rows that tell are added."""

import ast
import importlib
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest

from tta_interactive.runners.testgen.inside.generate.attempt import Attempts
from tta_interactive.runners.testgen.inside.generate.calls import Caller, Candidate
from tta_interactive.runners.testgen.inside.generate.changes import Changes
from tta_interactive.runners.testgen.inside.generate.expect import Expectations
from tta_interactive.runners.testgen.inside.generate.names import Names
from tta_interactive.runners.testgen.inside.generate.sharpen import Row, Sharpener
from tta_interactive.runners.testgen.inside.generate.targets import find_targets
from tta_interactive.runners.testgen.inside.generate.trace import Runner, lines_of
from tta_interactive.runners.testgen.inside.generate.usage import usages
from tta_interactive.runners.testgen.inside.generate.values import Values
from tta_interactive.runners.testgen.inside.guard import Guard

CODE = dedent(
    """
    from __future__ import annotations
    import functools

    LIMIT = 10

    def stage(count: int, step=1) -> str:
        if count > 10:
            return "many"
        return "few"

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


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    (tmp_path / "stages_of.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("stages_of")
    del sys.modules["stages_of"]


class Workshop:
    """What the generator puts together for one module."""

    def __init__(self, module: ModuleType, own: Path) -> None:
        draw = random.Random(1)
        tree = ast.parse(CODE)
        names = Names(module)
        targets, known = find_targets(module, names)
        self.targets = {target.key: target for target in targets}
        values = Values(tree, [], [], names, draw)
        self.caller = Caller(targets, known, names, values, usages(tree), vars(module), draw)
        guard = Guard([], commands=False)
        runner = Runner(str(module.__file__), names.space, guard, set(), 5.0, own)
        facts = Expectations(module.__name__, names, known, [])
        self.attempts = Attempts(runner, facts, names, values, draw)
        self.changes = Changes(tree, str(module.__file__))
        self.draw = draw

    def row(self, target: str, count: int) -> Row:
        """A test that calls the target."""
        for _ in range(500):
            candidate = self.caller.new(self.targets[target])
            assert candidate is not None
            if candidate.statements()[-1] == f"{target}({count})":
                return self.seen(candidate)
        raise AssertionError(f"{target}({count}) was never drawn")

    def seen(self, candidate: Candidate) -> Row:
        seen = self.attempts.seen(candidate)
        assert seen is not None
        test = self.attempts.written(seen)
        assert test is not None
        return Row(seen.candidate, test, lines_of(seen.outcome.arcs))

    def sharpener(self, seconds: float = 60.0) -> Sharpener:
        end = time.monotonic() + seconds
        return Sharpener(self.changes, self.attempts, self.caller, self.draw, lambda: None, end)


def test_every_change_is_made_in_the_live_module_and_taken_back(
    module: ModuleType, tmp_path: Path
) -> None:
    def behaviour() -> list[object]:
        box = module.Box([1])
        asked = (
            lambda: module.stage(10), lambda: module.stage(11), lambda: module.stage(12),
            lambda: box.size, box.name, box.cached, lambda: module.outer(3),
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

    changes = Changes(ast.parse(CODE), str(module.__file__))
    at_first = behaviour()
    noticed: set[int] = set()
    sample = changes.sample(1000, random.Random(1))
    made = asked = 0
    for change in sample:
        if "endless" in ast.unparse(change.around.tree):
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
    assert not any(lines[change.line - 1].startswith("LIMIT") for change in sample)


def test_values_at_the_boundary_are_added_where_a_change_went_unnoticed(
    module: ModuleType, tmp_path: Path
) -> None:
    shop = Workshop(module, tmp_path)
    rows = [shop.row("stage", 100), shop.row("stage", 0)]
    added = shop.sharpener().more(rows, [], 10)
    asked = {row.test.statements[-1] for row in added}
    assert any("10" in text for text in asked)
    assert any("11" in text for text in asked)
    assert all(row.test not in {one.test for one in rows} for row in added)


def test_what_tests_notice_already_brings_no_more_rows(module: ModuleType, tmp_path: Path) -> None:
    shop = Workshop(module, tmp_path)
    rows = [shop.row("stage", count) for count in (9, 10, 11, 100)]
    more = shop.sharpener().more(rows, [], 10)
    assert [row for row in more if row.test.target == "stage"] == []


def test_no_more_rows_are_added_than_asked_for_and_none_when_the_time_is_over(
    module: ModuleType, tmp_path: Path
) -> None:
    shop = Workshop(module, tmp_path)
    rows = [shop.row("stage", 100), shop.row("stage", 0)]
    assert len(shop.sharpener().more(rows, [], 1)) == 1
    assert shop.sharpener(seconds=-1).more(rows, [], 9) == []


def test_a_change_that_never_ends_is_noticed_and_soon_left(
    module: ModuleType, tmp_path: Path
) -> None:
    shop = Workshop(module, tmp_path)
    rows = [shop.row("endless", 3)]
    shop.sharpener().more(rows, [], 3)
    assert module.endless(3) == 0
