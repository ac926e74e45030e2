"""`python -m tta_interactive.worker HOME`: serve one store, or end if another does."""

import logging
import os
import sys
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tta_interactive.errors import StoreDamagedError, TTAError
from tta_interactive.settings import read_settings
from tta_interactive.store import SqliteStore, quarantine
from tta_interactive.store.place import prepare
from tta_interactive.worker import starts
from tta_interactive.worker.attempt import LOCK_FILE
from tta_interactive.worker.handover import FLAG, take_over
from tta_interactive.worker.lease import Lease
from tta_interactive.worker.loop import Worker
from tta_interactive.worker.privacy import become_private
from tta_interactive.worker.sweep import held, sweep

LEASE_SECONDS = 0.5  # for one that is just leaving


def main(arguments: list[str]) -> int:
    """Serve the store in the directory that is the first argument."""
    takes_over = arguments[1:] == [FLAG]
    if not (takes_over or len(arguments) == 1) or not os.path.isabs(arguments[0]):
        sys.stderr.write("usage: python -m tta_interactive.worker HOME (an absolute directory)\n")
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(message)s")
    become_private()
    home = Path(arguments[0])
    try:
        prepare(home, make=False)
        lease = take_over(home) if takes_over else _lease(home)
        if lease is None:
            starts.forget_own(home)
            return 0
        starts.forget_own(home)  # who kills it from now on says nothing about the next one
        try:
            set_damage_aside(home)
            settings = read_settings(home)
            if starts.came_too_late(home):  # it does what is there, and goes
                settings = replace(settings, idle_exit=0.0)
            Worker(settings, lease).run()
        except StoreDamagedError:
            if not set_damage_aside(home):
                starts.note(home, os.getpid())
            raise
        except BaseException:
            starts.note(home, os.getpid())
            raise
    except TTAError as error:
        logging.getLogger(__name__).error("%s", error)
        return 1
    return 0


def set_damage_aside(home: Path) -> bool:
    """Begin a new database, and end what only the damaged one knew of; whether there was one."""
    if not quarantine.is_marked(home):
        return False
    folder = quarantine.set_aside(home, datetime.now(UTC))
    if folder is None:
        return False
    with closing(SqliteStore(home)) as store:
        store.last_event()
    for directory in (home / "attempts").iterdir():
        if held(str(directory / LOCK_FILE)):
            sweep(str(directory), directory.name.partition(".")[0])
    logging.getLogger(__name__).error("the database was damaged and is now in %s", folder)
    return True


def _lease(home: Path) -> Lease | None:
    deadline = time.monotonic() + LEASE_SECONDS
    while (lease := Lease.take(home)) is None and time.monotonic() < deadline:
        time.sleep(0.02)
    return lease


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
