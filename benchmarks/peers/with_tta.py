"""Ours: calls in the re-used processes of the pool, and what has no record at all."""

from concurrent.futures import Future, ProcessPoolExecutor
from math import sqrt
from pathlib import Path

from tta_interactive.blocking import BlockingEngine
from tta_interactive.worker.start import stop_worker


class Pool:
    """Two slots, as the others have two processes."""

    def __init__(self, folder: Path) -> None:
        self._home = folder / "s"
        self._engine = BlockingEngine(self._home)

    def submit(self) -> str:
        return self._engine.submit("call", {"function": "math:sqrt", "args": [2]})

    def wait_all(self, handles: list[str]) -> None:
        for task in self._engine.wait_all(handles, 120):
            assert task.result == sqrt(2), task

    def close(self) -> None:
        self._engine.close()
        stop_worker(self._home)


class Executor:
    """No record, one process: the least that a call in another process can cost."""

    def __init__(self, folder: Path) -> None:
        self._pool = ProcessPoolExecutor(2)

    def submit(self) -> Future[float]:
        return self._pool.submit(sqrt, 2)

    def wait_all(self, handles: list[Future[float]]) -> None:
        for handle in handles:
            assert handle.result(120) == sqrt(2)

    def close(self) -> None:
        self._pool.shutdown()
