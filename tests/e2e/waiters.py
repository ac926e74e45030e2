"""A process in which a hundred waiters wait for one task: half in threads, half in a loop."""

import sys
import threading

import anyio

from tta_interactive.blocking import BlockingEngine
from tta_interactive.engine import ExecutionEngine

THREADS = 50


async def main(home: str, task_id: str) -> None:
    """Wait for the task; say when all have begun to."""
    blocking = BlockingEngine(home)
    threads = [threading.Thread(target=blocking.wait, args=(task_id,)) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    async with ExecutionEngine(home) as engine, anyio.create_task_group() as group:
        for _ in range(THREADS):
            group.start_soon(engine.wait, task_id)
        await anyio.sleep(1.0)
        print("waiting", flush=True)
    for thread in threads:
        thread.join()
    blocking.close()
    print("woken", flush=True)


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:3])
