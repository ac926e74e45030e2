"""Which tasks start next, inside the transaction that starts them.

By priority, then in order of arrival; but of each agent only so many run at a time, so that one
in a loop leaves room for people. A task that has steps counts for nothing: they do the work. Where no agent's task is among the first, that costs nothing.
"""

import json
import sqlite3
from collections import Counter

from tta_interactive.store import statements as sql
from tta_interactive.task import AGENT


def startable(db: sqlite3.Connection, at: int | None, free: int, agent_slots: int) -> list[int]:
    """The numbers of at most `free` tasks that may start.

    Args:
        at: The time now, in microseconds.
        free: How many there is room for.
        agent_slots: How many tasks of one agent may run at a time.
    """
    rows = db.execute(sql.CANDIDATES, {"at": at, "free": free}).fetchall()
    if not any(owner.startswith(AGENT) for _, owner, _ in rows):
        return [seq for seq, _, _ in rows]
    running = Counter[str](dict(db.execute(sql.AGENTS_RUNNING).fetchall()))
    chosen: list[int] = []
    full: set[str] = set()
    while rows:
        for seq, owner, steps in rows:
            if owner.startswith(AGENT) and not steps:
                if running[owner] >= agent_slots:
                    full.add(owner)
                    continue
                running[owner] += 1
            chosen.append(seq)
        if len(chosen) == free or not full:
            break
        # Others may stand behind those that must wait.
        values = {"at": at, "free": free - len(chosen)}
        others = {"taken": json.dumps(chosen), "full": json.dumps(list(full))}
        rows = db.execute(sql.OTHER_CANDIDATES, {**values, **others}).fetchall()
    return chosen


def is_startable(db: sqlite3.Connection, at: int | None, agent_slots: int) -> bool:
    """Whether any task may start: the same question, mostly answered by one row."""
    first = db.execute(sql.FIRST_OWNER).fetchone()
    if first is not None and not first[0].startswith(AGENT):
        return True
    return bool(startable(db, at, 1, agent_slots))
