"""`python -m tta_interactive.worker HOME`: serve one store, or end if another does."""

import logging
import os
import sys
import time
from pathlib import Path

from tta_interactive.errors import TTAError
from tta_interactive.settings import read_settings
from tta_interactive.store.place import prepare
from tta_interactive.worker import starts
from tta_interactive.worker.lease import Lease
from tta_interactive.worker.loop import Worker
from tta_interactive.worker.privacy import become_private

LEASE_SECONDS = 0.5  # for one that is just leaving


def main(arguments: list[str]) -> int:
    """Serve the store in the directory that is the only argument."""
    if len(arguments) != 1 or not os.path.isabs(arguments[0]):
        sys.stderr.write("usage: python -m tta_interactive.worker HOME (an absolute directory)\n")
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(message)s")
    become_private()
    home = Path(arguments[0])
    try:
        prepare(home, make=False)
        lease = _lease(home)
        if lease is None:
            starts.forget_own(home)
            return 0
        starts.forget_own(home)  # who kills it from now on says nothing about the next one
        try:
            Worker(read_settings(home), lease).run()
        except BaseException:
            starts.note(home, os.getpid())
            raise
    except TTAError as error:
        logging.getLogger(__name__).error("%s", error)
        return 1
    return 0


def _lease(home: Path) -> Lease | None:
    deadline = time.monotonic() + LEASE_SECONDS
    while (lease := Lease.take(home)) is None and time.monotonic() < deadline:
        time.sleep(0.02)
    return lease


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
