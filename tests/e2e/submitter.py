"""Submits tasks one by one and prints each id when it is acknowledged; may be killed any time."""

import random
import sys
import time

from tta_interactive.blocking import BlockingEngine

# Each first notes that it was started. Some end badly, some leave processes behind.
NOTE = 'echo "$TTA_TASK_ID $TTA_ATTEMPT" >> {starts}; '
BODIES = (
    "true",
    "exit 3",
    "sleep 0.$((RANDOM % 10))",
    "( setsid bash -c '( exec -a {mark}-daemon sleep 200 ) & exit 0' ); sleep 0.05",
    '( setsid bash -c \'( exec env -i bash -c "exec -a {mark}-clean sleep 200" ) '
    ">/dev/null 2>&1 & exit 0' ); sleep 0.05",
    "( trap '' TERM; exec -a {mark}-deaf sleep 200 ) & sleep 0.1",
    "sleep 0.6",
)


def main(home: str, starts: str, mark: str, seed: str, number: str) -> None:
    """Submit `number` tasks."""
    chosen = random.Random(int(seed))
    with BlockingEngine(home) as engine:
        for _ in range(int(number)):
            body = (NOTE + chosen.choice(BODIES)).format(starts=starts, mark=mark)
            repeatable = chosen.random() < 0.5
            task_id = engine.submit("shell", {"argv": ["bash", "-c", body]}, idempotent=repeatable)
            print(task_id, int(repeatable), flush=True)
            time.sleep(chosen.uniform(0.1, 0.7))  # no faster than four slots can work


if __name__ == "__main__":
    main(*sys.argv[1:])
