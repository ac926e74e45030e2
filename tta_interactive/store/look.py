"""What lists, counts and boards read: many rows at a look, and nothing written."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tta_interactive.store import statements as sql
from tta_interactive.store.protocol import CHOICES, Choices, Filter, Look
from tta_interactive.store.rows import microseconds
from tta_interactive.task import TaskStatus


def find(db: sqlite3.Connection, only: Filter) -> list[sqlite3.Row]:
    """The rows that pass, the newest first."""
    values: dict[str, Any] = {
        "parent": only.parent,
        "without_steps": True if only.without_steps else None,
        "statuses": None if only.statuses is None else json.dumps(sorted(only.statuses)),
        "kind": only.kind,
        "owner": only.owner,
        "before_seq": only.before_seq,
        "limit": only.limit,
    }
    names = [name for name in sql.LIST_WHERE if values[name] is not None]
    return db.execute(_list_query(names, only), values).fetchall()


def counts(db: sqlite3.Connection, owner: str | None) -> dict[TaskStatus, int]:
    """How many tasks there are of each status that occurs."""
    if owner is None:
        return _count_all(db)
    query = sql.COUNTS_OF.format(where=_owner_clause(owner))
    return {TaskStatus(status): number for status, number in db.execute(query, {"owner": owner})}


def look(db: sqlite3.Connection, wish: Look, at: datetime) -> tuple[list[sqlite3.Row], int]:
    """(rows of the page, how many pass the filters), both of one moment."""
    values: dict[str, Any] = {
        "statuses": json.dumps(sorted(wish.statuses)) if wish.statuses else "",
        "kind": wish.kind,
        "owner": wish.owner,
        "workspace": wish.workspace,
        "search": wish.search,
        "at": microseconds(at),
        "limit": wish.limit,
        "offset": wish.offset,
    }
    where = " AND ".join(clause for name, clause in sql.LOOK_WHERE.items() if values[name])
    where = where or "TRUE"
    order, way = sql.LOOK_ORDER[wish.sort], "DESC" if wish.descending else "ASC"
    db.execute("BEGIN")
    try:
        total = db.execute(sql.LOOK_COUNT.format(where=where), values).fetchone()[0]
        page = sql.LOOK.format(where=where, order=order, way=way)
        return db.execute(page, values).fetchall(), total
    finally:
        db.execute("COMMIT")


def choices(db: sqlite3.Connection, owner: str | None) -> Choices:
    """What the newest tasks can be filtered by."""
    where = "TRUE" if owner is None else "owner = :owner"
    query = sql.CHOICES.format(workspace=sql.WORKSPACE, where=where)
    rows = db.execute(query, {"owner": owner, "limit": CHOICES}).fetchall()
    kinds, owners, workspaces = (sorted({row[at] or "" for row in rows}) for at in range(3))
    return Choices(kinds=kinds, owners=owners, workspaces=[one for one in workspaces if one])


def _owner_clause(owner: str) -> str:
    clause = sql.LIST_WHERE["owner"]
    return clause if owner == sql.PROGRAMS else f"{clause} AND {sql.NOT_PROGRAMS}"


def _list_query(names: Sequence[str], only: Filter) -> str:
    """The statement that lists what passes `only`; `names`: the filters that are set."""
    clauses = [
        _owner_clause(only.owner) if name == "owner" and only.owner else sql.LIST_WHERE[name]
        for name in names
    ]
    where = " AND ".join(clauses) or "TRUE"
    statuses = only.statuses
    if not statuses or TaskStatus.COMPLETED in statuses:
        return sql.LIST.format(where=where)
    found = sorted({sql.SOURCE_OF[status] for status in statuses})
    sources = " UNION ALL ".join(sql.SOURCES[name].format(where=where) for name in found)
    return sql.LIST_FOUND.format(sources=sources)


def _count_all(db: sqlite3.Connection) -> dict[TaskStatus, int]:
    """How many there are of each status: the completed are all but those with an index."""
    queued = sql.COUNT_FOUND.format(sources=sql.SOURCES["queued"].format(where="TRUE"))
    db.execute("BEGIN")  # the four looks must see the same moment
    try:
        counts = {"queued": db.execute(queued).fetchone()[0]}
        counts.update(db.execute(sql.COUNT_ACTIVE).fetchall())
        counts.update(db.execute(sql.COUNT_UNSUCCESSFUL).fetchall())
        counts["completed"] = db.execute(sql.COUNT_ALL).fetchone()[0] - sum(counts.values())
    finally:
        db.execute("COMMIT")
    return {TaskStatus(status): number for status, number in counts.items() if number}
