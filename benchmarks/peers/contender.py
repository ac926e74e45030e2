"""One system's side of the comparison: a process that does what it is told and says how long it took.

    python contender.py MODULE CLASS FOLDER     orders on stdin, answers on stdout, a line each

Standard library only: it runs in the environment of the system that it measures. What it calls is
the same for all, a square root, and so is how: one submit after the other, from one thread.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Times = list[float]


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    begin = time.perf_counter()
    found = call()
    return found, (time.perf_counter() - begin) * 1e3


def submits(one: Any, times: int) -> Times:
    """Milliseconds of each submit."""
    found = [timed(one.submit) for _ in range(times)]
    one.wait_all([handle for handle, _ in found])
    return [ms for _, ms in found]


def trips(one: Any, times: int) -> Times:
    """Milliseconds from each submit to its result."""
    return [timed(lambda: one.wait_all([one.submit()]))[1] for _ in range(times)]


def throughput(one: Any, times: int) -> Times:
    """Tasks a second, submitted in a loop and then waited for."""
    _, ms = timed(lambda: one.wait_all([one.submit() for _ in range(times)]))
    return [times / ms * 1e3]


def main(module: str, name: str, folder: str) -> None:
    orders = {"submit": submits, "trip": trips, "throughput": throughput}
    one = getattr(importlib.import_module(module), name)(Path(folder))
    try:
        trips(one, 20)  # warm
        print("ready", flush=True)
        for line in sys.stdin:
            order, times = line.split()
            print(json.dumps(orders[order](one, int(times))), flush=True)
    finally:
        one.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
