"""A page of tasks as a board asks for it: filtered, searched, sorted and counted."""

import json
import sqlite3
from datetime import datetime
from typing import Any

from tta_interactive.store import statements as sql
from tta_interactive.store.protocol import CHOICES, Choices, Look
from tta_interactive.store.rows import microseconds


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
