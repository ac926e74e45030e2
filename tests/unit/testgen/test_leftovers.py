"""State that calls leave in a module: undone between runs, and put back by the written file."""

import collections
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any, cast

import pytest

from tests.unit.testgen.devices import DEVICES
from tests.unit.testgen.test_devices import generated
from tta_interactive.runners.testgen.inside.generate.leftovers import Leftovers, Name

HOME = "a_module_with_state"
TEXT = """
import collections
import itertools

TABLE = {"a": [1], "b": [2]}
ROWS = [1, 2]
SEEN = {1, 2}
LAST = collections.deque([1, 2], 3)
ORDERED = collections.OrderedDict(a=1, b=2)
ids = itertools.count(5, 2)
total = 0


class Box:
    boxes = 0
    every = []

    def __init__(self):
        self.items = []


BOX = Box()


def code():
    return 1
"""


@pytest.fixture
def module() -> Iterator[Any]:
    made = ModuleType(HOME)
    sys.modules[HOME] = made
    exec(compile(TEXT, "m.py", "exec"), vars(made))
    yield made
    del sys.modules[HOME]


def change_everything(module: Any) -> None:
    module.TABLE["a"].append(3)
    module.TABLE["c"] = []
    module.ROWS.reverse()
    module.SEEN.discard(1)
    module.LAST.append(3)
    module.ORDERED.move_to_end("a")
    next(module.ids)
    module.total += 1
    module.fresh = 1
    module.Box.boxes = 7
    module.Box.every.append(1)
    module.BOX.items.append(1)
    module.BOX.more = 2


def shown(module: Any) -> list[object]:
    plain = ("TABLE", "ROWS", "SEEN", "LAST", "ORDERED", "ids", "total")
    held = [repr(getattr(module, name)) for name in plain]
    return [*held, module.Box.boxes, module.Box.every, vars(module.BOX), hasattr(module, "fresh")]


def test_what_is_changed_is_told_and_put_back_into_the_same_containers(module: Any) -> None:
    before, table, inner = repr(shown(module)), module.TABLE, module.TABLE["a"]
    leftovers = Leftovers(module)
    assert leftovers.left() == {}
    change_everything(module)
    names = [
        "TABLE",
        "ROWS",
        "SEEN",
        "LAST",
        "ORDERED",
        "ids",
        "total",
        "fresh",
        "Box.boxes",
        "Box.every",
        "BOX",
    ]
    assert set(leftovers.left()) == {Name(HOME, name) for name in names}
    leftovers.undo()
    assert repr(shown(module)) == before
    assert module.TABLE is table
    assert module.TABLE["a"] is inner
    assert leftovers.left() == {}


def test_only_what_is_named_is_put_back(module: Any) -> None:
    leftovers = Leftovers(module)
    change_everything(module)
    leftovers.undo({Name(HOME, "total"), Name(HOME, "ROWS")})
    assert (module.total, module.ROWS) == (0, [1, 2])
    assert (module.SEEN, module.fresh) == ({2}, 1)


def test_what_is_spared_stays_until_all_is_forgotten(module: Any) -> None:
    leftovers = Leftovers(module)
    leftovers.spare([Name(HOME, "TABLE"), Name(HOME, "total")])
    change_everything(module)
    leftovers.undo()
    assert (module.TABLE["c"], module.total, module.ROWS) == ([], 1, [1, 2])
    leftovers.forget()
    assert (module.TABLE, module.total) == ({"a": [1], "b": [2]}, 0)


def test_no_code_of_the_module_is_run_to_look_at_it(module: Any) -> None:
    class Touchy(collections.UserDict[str, int]):
        def __eq__(self, other: object) -> bool:
            raise AssertionError("compared")

        __hash__ = None  # type: ignore[assignment]  # unhashable on purpose

    class Shy(dict[str, int]):
        def __iter__(self) -> Iterator[str]:
            raise AssertionError("looked into")

    class Proxy:
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError("nothing to stand for yet")

    Touchy.__module__ = Shy.__module__ = Proxy.__module__ = HOME
    module.touchy, module.shy, module.proxy = Touchy(a=1), Shy(a=1), Proxy()
    leftovers, plain = Leftovers(module), cast("Any", dict)
    plain.__setitem__(module.shy, "b", 2)
    module.touchy = Touchy(a=2)
    leftovers.undo()
    assert plain.__len__(module.shy) == 1
    assert module.touchy.data == {"a": 1}


MEMO = """
    _KNOWN = {{}}

    def slow_square(number: int) -> int:
        if number not in _KNOWN:
            _KNOWN[number] = {}
        if number < 0:
            return -_KNOWN[number]
        return _KNOWN[number]
"""
STATE = DEVICES["what a call leaves in the module, for calls after it"]


@pytest.mark.parametrize("order", ["", "reversed"])
def test_tests_of_a_module_with_state_pass_in_any_order_and_twice(
    tmp_path: Path, order: str
) -> None:
    report = generated(tmp_path, STATE, seconds=1.0)
    assert report["tests"] >= 5
    text = report["source"]
    names = [line[4 : line.index("(")] for line in text.splitlines() if line.startswith("def test")]
    again = names[::-1] if order else names
    (tmp_path / "test_m.py").write_text(text, encoding="utf-8")
    ids = [f"test_m.py::{name}" for name in again]
    (tmp_path / "twice.py").write_text(dedent(TWICE), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "twice", "-p", "no:cacheprovider", *ids],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert f"{2 * report['tests']} passed" in done.stdout, done.stdout


TWICE = """
    def pytest_collection_modifyitems(items):
        items += items[:]
"""


@pytest.mark.parametrize("work", ["number * number", "sum(abs(number) for _ in range(30))"])
def test_what_disturbs_no_test_is_put_back_by_none(tmp_path: Path, work: str) -> None:
    report = generated(tmp_path, MEMO.format(work), seconds=0.5)
    assert report["missing"] == []
    assert "fixture" not in report["source"]
