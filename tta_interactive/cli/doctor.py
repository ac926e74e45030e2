"""`tta doctor`: what this installation stands on, and what is wrong with it.

It only reads. The database is never opened as a file (closing such a descriptor would drop the
locks that SQLite holds in this process), and never through SQLite in a way that writes: see
`_database_uri`. So it may be run on a store that is broken, missing, or somebody else's.
"""

import argparse
import os
import platform
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

from tta_interactive import doorbell, sandbox
from tta_interactive.cli.exits import Exit
from tta_interactive.cli.screen import Screen
from tta_interactive.cli.view import facts_lines
from tta_interactive.cli.worker import look_at, worker_words
from tta_interactive.errors import TTAError
from tta_interactive.settings import read_settings
from tta_interactive.store import place
from tta_interactive.store.migrate import APPLICATION_ID, newest
from tta_interactive.text import one_line
from tta_interactive.worker.start import worker_pid, worker_trouble

State = Literal["ok", "warning", "trouble"]

# Two checkpoints at once could damage a WAL file before: sqlite.org/wal.html#walresetbug
WAL_RESET_MENDED: Final = (3, 51, 3)
EXTRAS: Final = {
    "notebook": ("ipython", "ipykernel", "ipywidgets"),
    "mcp": ("mcp",),
    "cli": ("rich",),
    "tests": ("pytest", "coverage"),
    "callables": ("cloudpickle",),
}


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    detail: str


def doctor(arguments: argparse.Namespace, screen: Screen) -> Exit:
    """`tta doctor`"""
    checks = list(all_checks())
    is_well = all(check.state != "trouble" for check in checks)
    if screen.is_json:
        screen.json({"ok": is_well, "checks": [asdict(check) for check in checks]})
    else:
        marks = {"ok": "", "warning": "WARNING: ", "trouble": "TROUBLE: "}
        facts = [
            (check.name, one_line(marks[check.state] + check.detail, 2000)) for check in checks
        ]
        screen.lines(facts_lines(facts, screen.width))
    return Exit.OK if is_well else Exit.TROUBLE


def all_checks() -> Iterator[Check]:
    """Every check in the order of reading; one that breaks is itself a finding."""
    yield from _guarded("python", _python)
    yield from _guarded("sqlite", _sqlite)
    try:
        home = Path(os.path.abspath(read_settings().home))
    except TTAError as error:
        yield Check(name="home", state="trouble", detail=str(error))
        home = None
    if home is not None:
        for name, check in (
            ("home", _home),
            ("store", _store),
            ("worker", _worker),
            ("doorbell", _doorbell),
        ):
            yield from _guarded(name, lambda check=check: check(home))
    yield from _guarded("sandbox", _sandbox)
    for extra, packages in EXTRAS.items():
        yield _extra(extra, packages)


def _guarded(name: str, check: Callable[[], Check]) -> Iterator[Check]:
    try:
        yield check()
    except (OSError, TTAError, sqlite3.Error) as error:
        yield Check(name=name, state="trouble", detail=str(error))


def _python() -> Check:
    words = f"{platform.python_version()} at {sys.executable}"
    system = f"{platform.system()} {platform.release()}"
    if sys.platform != "linux":
        return Check(
            name="python", state="warning", detail=f"{words}; {system} was never tested, Linux was."
        )
    return Check(name="python", state="ok", detail=f"{words}; {system}")


def _sqlite() -> Check:
    if sqlite3.sqlite_version_info < WAL_RESET_MENDED:
        mended = ".".join(map(str, WAL_RESET_MENDED))
        return Check(
            name="sqlite",
            state="warning",
            detail=f"{sqlite3.sqlite_version}: before {mended} two checkpoints at once could "
            "damage a store (the WAL-reset bug). Only the worker checkpoints here, which keeps "
            "clear of it; do not let other programs write to the store.",
        )
    return Check(name="sqlite", state="ok", detail=sqlite3.sqlite_version)


def _home(home: Path) -> Check:
    if not os.path.lexists(home):
        return Check(name="home", state="ok", detail=f"{home} (made by the first submit)")
    found = place.problem(home)
    if found:
        return Check(name="home", state="trouble", detail=found)
    free = os.statvfs(home)
    mode = stat.S_IMODE(home.lstat().st_mode)
    left = free.f_bavail * free.f_frsize / 2**30
    kind = place.file_system(home) or "unknown"
    words = f"{home} (mode {mode:04o}, {kind}, {left:.1f} GiB free)"
    # A tenth of a GiB: a log of 64 MiB, a WAL file of 64 MiB, and the ballast no more fit.
    return Check(name="home", state="warning" if left < 0.1 else "ok", detail=words)


def _store(home: Path) -> Check:
    path = home / place.DATABASE
    if not os.path.lexists(path):
        return Check(name="store", state="ok", detail="none yet (made by the first submit)")
    if found := place.problem(home):
        return Check(name="store", state="trouble", detail=f"not opened: {found}")
    uri = _database_uri(path)
    if uri is None:
        return Check(
            name="store",
            state="warning",
            detail="left in the middle by a crash; not opened, because that would write. "
            "The next command mends it.",
        )
    try:
        return Check(name="store", state="ok", detail=_database_words(uri))
    except sqlite3.Error as error:
        return Check(
            name="store",
            state="trouble",
            detail=f"{path} cannot be read: {error}. Stop all tta processes and move the "
            "directory away; logs stay readable there.",
        )


def _database_uri(path: Path) -> str | None:
    """How SQLite may open the file without writing anything; None: it cannot.

    Measured on 2026-11-22, SQLite 3.40.1: `mode=ro` alone creates the -wal and -shm files or
    writes to the -shm file; with `readonly_shm=1` nothing is written, but both must be there.
    Where neither is, nobody has the store open and all of it is in the file: `immutable=1`.
    With a -wal file but without -shm no way is left.
    """
    wal, shm = Path(f"{path}-wal"), Path(f"{path}-shm")
    if wal.exists() and shm.exists():
        return f"file:{quote(str(path))}?mode=ro&readonly_shm=1"
    if not wal.exists() or wal.stat().st_size == 0:
        return f"file:{quote(str(path))}?mode=ro&immutable=1"
    return None


def _database_words(uri: str) -> str:
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=1.0)) as db:
        verdict = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise sqlite3.DatabaseError("it is another program's database")
        schema = int(db.execute("PRAGMA user_version").fetchone()[0])
        if schema > newest():
            raise sqlite3.DatabaseError(
                f"it has schema {schema}, and this release knows {newest()}"
            )
        counts = db.execute("SELECT status, count(*) FROM tasks GROUP BY status").fetchall()
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        size = pages * db.execute("PRAGMA page_size").fetchone()[0] / 2**20
    tasks = ", ".join(f"{number} {word}" for word, number in counts) or "no tasks"
    return f"intact, schema {schema}, {size:.1f} MiB, {tasks}"


def _worker(home: Path) -> Check:
    pid = worker_pid(home)
    if pid is None and (words := worker_trouble(home)):
        return Check(name="worker", state="trouble", detail=words)
    if pid is None:
        return Check(name="worker", state="ok", detail="none runs; the next submit starts one")
    return Check(name="worker", state="ok", detail=worker_words(look_at(pid)))


def _doorbell(home: Path) -> Check:
    has_worker = worker_pid(home) is not None
    connection = doorbell.connect(home)
    if connection is not None:
        connection.close()
        return Check(name="doorbell", state="ok", detail=f"rings at {home / doorbell.SOCKET}")
    if has_worker:
        return Check(
            name="doorbell",
            state="warning",
            detail="the worker does not answer at its socket: waiting costs up to 50 ms more",
        )
    return Check(name="doorbell", state="ok", detail="silent, as no worker runs")


def _sandbox() -> Check:
    found = sandbox.describe()
    words = f"{found['word']} (level {found['level']} of 3)"
    if found["reason"]:
        detail = f"{words}: {found['reason']}. {sandbox.REMEDY}"
        return Check(name="sandbox", state="warning", detail=detail)
    return Check(name="sandbox", state="ok", detail=f"{words}, bubblewrap was tried and works")


def _extra(extra: str, packages: tuple[str, ...]) -> Check:
    found: list[str] = []
    missing = False
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} missing")
            missing = True
    if missing:
        found.append(f'install with: pip install "tta-interactive[{extra}]"')
    return Check(name=f"[{extra}]", state="warning" if missing else "ok", detail=", ".join(found))
