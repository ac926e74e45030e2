"""SQLite's log beside the store: only the worker empties it, when nobody works or it is long."""

import logging
import os
from pathlib import Path
from typing import Final

from tta_interactive.errors import StoreBusyError, StoreFullError
from tta_interactive.store import SqliteStore, locks
from tta_interactive.store.place import DATABASE
from tta_interactive.worker.ballast import Ballast

EMPTIED_BYTES: Final = 4 * 1024 * 1024
LONG_BYTES: Final = 32 * 1024 * 1024  # half of where submits are refused
KEPT_BYTES: Final = 16 * 1024 * 1024  # a file that is longer is cut when it was emptied

log = logging.getLogger(__name__)


class StoreLog:
    """The log of one store, whose reserve is dropped when the disk is full."""

    def __init__(self, store: SqliteStore, home: Path, ballast: Ballast) -> None:
        self._store, self._home, self._ballast = store, home, ballast
        # The counter when all of the log was in the database; perhaps: the last worker knew.
        self._emptied_at = store.change_counter()

    def keep_short(self, counter: int, *, is_idle: bool) -> int | None:
        """Empty the log if that is worth it.

        Args:
            counter: The store's change counter as last seen.
            is_idle: Whether nothing runs: then a short one is emptied too.

        Returns:
            The change counter after it was emptied; None: it was not.
        """
        try:
            size = os.stat(self._home / f"{DATABASE}-wal").st_size
        except OSError:
            return None
        if counter == self._emptied_at or not (is_idle or size > EMPTIED_BYTES):
            return None
        try:
            if self._store.checkpoint(keep_file=size <= KEPT_BYTES and self._ballast.is_there):
                self._emptied_at = self._store.change_counter()
                return self._emptied_at
            if size > LONG_BYTES:
                readers = sorted(locks.readers(self._home / DATABASE))
                log.warning("the store's log has %d MiB: processes %s read on", size >> 20, readers)
        except (StoreFullError, StoreBusyError) as error:
            log.warning("%s", error)
            self._ballast.drop()
        return None
