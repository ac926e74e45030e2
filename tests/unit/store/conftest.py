"""A store in a directory of its own, closed after the test."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.conftest import a_task
from tta_interactive.store import SqliteStore


@pytest.fixture
def a_store() -> Iterator[Callable[[Path], SqliteStore]]:
    """Makes stores; nothing of one test stays open in the next."""
    with ExitStack() as stack:
        yield lambda home: stack.enter_context(closing(SqliteStore(home)))


@pytest.fixture
def store(tmp_path: Path, a_store: Callable[[Path], SqliteStore]) -> SqliteStore:
    """A store with one task, in `tmp_path / "s"`."""
    made = a_store(tmp_path / "s")
    made.add([a_task()])
    return made


def raw(home: Path) -> sqlite3.Connection:
    """Another program's connection to the same file."""
    return sqlite3.connect(home / "tasks.db", isolation_level=None, timeout=1)
