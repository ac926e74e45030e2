"""The stores that must keep the contract: each test runs on every one of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tta_interactive.store import SqliteStore, TaskStore
from tta_interactive.store.memory import MemoryStore


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TaskStore]:
    made: TaskStore = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "s")
    yield made
    made.close()
