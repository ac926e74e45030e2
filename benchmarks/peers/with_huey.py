"""huey on SQLite with `synchronous=FULL`, both sides looking every 5 ms instead of its 100."""

import os
import signal
import subprocess
import sys
from math import sqrt
from pathlib import Path
from typing import Any

LOOK = 0.005


class Huey:
    """A worker with two processes."""

    def __init__(self, folder: Path) -> None:
        os.environ["PEER_FOLDER"] = str(folder)
        from huey_app import root

        self._root = root
        command = [sys.executable, "-m", "huey.bin.huey_consumer", "huey_app.huey", "-w", "2"]
        options = ["-k", "process", "-d", f"{LOOK}", "-m", f"{LOOK}", "-b", "1", "-q"]
        self._worker = subprocess.Popen([*command, *options], cwd=Path(__file__).parent)

    def submit(self) -> Any:
        return self._root(2)

    def wait_all(self, handles: list[Any]) -> None:
        for handle in handles:
            found = handle.get(blocking=True, timeout=120, backoff=1, max_delay=LOOK)
            assert found == sqrt(2), found

    def close(self) -> None:
        self._worker.send_signal(signal.SIGINT)
        self._worker.wait(20)
