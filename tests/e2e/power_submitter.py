"""Adds, starts and ends tasks, checkpoints, and says what was acknowledged, until it is cut off.

In a store of its own, with a large text here and there, which lies in a file beside it.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from tta_interactive.store import Ending, SqliteStore
from tta_interactive.task import Task, TaskStatus

TASKS = 24


def text_of(number: int) -> str:
    """The n-th task's argument: every fourth one is large."""
    return f"{number} " * (40_000 if number % 4 == 3 else 1)


def main(home: Path) -> None:
    """Submit, work, and end as a power cut ends it: closing nothing."""
    store, worker = SqliteStore(home), SqliteStore(home, of_worker=True)
    now = datetime.now(UTC)
    for number in range(TASKS):
        task = Task(
            id=f"t_{number}", kind="shell", params={"argv": [text_of(number)]}, submitted_at=now
        )
        store.add([task])
        print(f"added {task.id}", flush=True)
        if number % 3 == 2:
            (begun,) = worker.exchange([], 1, now)
            ending = Ending(
                task_id=begun.id,
                attempt=1,
                status=TaskStatus.COMPLETED,
                result=text_of(number + number % 2),
            )
            worker.exchange([ending], 0, now)
            print(f"ended {begun.id} {number + number % 2}", flush=True)
        if number % 7 == 6:
            worker.checkpoint()
            print("checkpointed", flush=True)
        if number == TASKS // 2:
            store.close()
            worker.close()  # the last one removes the log
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
