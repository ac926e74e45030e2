"""Imports ahead of the first magic: one at a time, and never beside a cell."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.events import EventManager, available_events

from tta_interactive.notebook.ahead import Ahead

BOUND = 20.0


@pytest.fixture
def shell() -> Any:
    shell: Any = SimpleNamespace(configurables=[])  # of a terminal: nothing is imported for widgets
    shell.events = EventManager(shell, available_events)
    return shell


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Modules `ahead_0` to `ahead_4`, each of which notes whether a cell runs while it is imported."""
    found: Any = SimpleNamespace(cell_runs=False, seen=[], begun=threading.Event())
    found.go = threading.Event()
    found.go.set()
    monkeypatch.setitem(sys.modules, "ahead_gate", found)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for number in range(5):
        (tmp_path / f"ahead_{number}.py").write_text(
            f"import ahead_gate as gate\ngate.begun.set()\nassert gate.go.wait({BOUND})\n"
            "gate.seen.append(gate.cell_runs)\n"
        )
    yield found
    found.go.set()
    for number in range(5):
        sys.modules.pop(f"ahead_{number}", None)


NAMES = [f"ahead_{number}" for number in range(5)]


def test_nothing_is_imported_while_a_cell_runs(shell: Any, gate: Any) -> None:
    ahead = Ahead(shell, NAMES)
    end = time.monotonic() + BOUND
    while len(gate.seen) < len(NAMES) and time.monotonic() < end:
        shell.events.trigger("pre_execute")
        gate.cell_runs = True
        os.sched_yield()
        gate.cell_runs = False
        shell.events.trigger("post_execute")
        os.sched_yield()
    ahead.stop()
    assert gate.seen == [False] * len(NAMES)


def test_a_cell_waits_for_the_import_that_is_going_on(shell: Any, gate: Any) -> None:
    gate.go.clear()
    ahead = Ahead(shell, NAMES)
    shell.events.trigger("post_execute")
    assert gate.begun.wait(BOUND)
    threading.Timer(0.05, gate.go.set).start()
    shell.events.trigger("pre_execute")
    assert gate.seen == [False]
    ahead.stop()


def test_a_module_that_cannot_be_imported_is_left_to_the_magic(shell: Any) -> None:
    ahead = Ahead(shell, ["ahead_that_is_not_there"])
    shell.events.trigger("post_execute")
    end = time.monotonic() + BOUND
    while shell.events.callbacks["post_execute"] and time.monotonic() < end:
        os.sched_yield()
    assert shell.events.callbacks["post_execute"] == []  # it is over, and left nothing behind
    ahead.stop()
