"""The doorbell between the worker and everyone who waits: a hint, never the news itself.

One stream socket a store, `bell.sock` in its private directory. Lines from a client:

    r         look, I committed something          w ID   tell me when this task moves
    a         tell me when any task moves          e ID   tell me when it is over, or asks
    n         no longer (any)                      u ID   no longer
    h VERSION  let me take over: a newer worker

and from the worker: `v VERSION PID` once, then `b` (look) whenever something moved. After
every `w`, `e` and `a` comes a `b`, so that what moved before the line arrived is not missed. A
reader looks into the store after any of them; a lost bell costs a quarter of a second, or half
a second where the worker had nothing to do.
"""

import os
import socket
import struct
from pathlib import Path
from typing import Final

SOCKET: Final = "bell.sock"
MAX_PATH_BYTES: Final = 100  # sun_path has 108: unix(7)
LOOK_SECONDS: Final = 0.25
RING: Final = b"r\n"
BELL: Final = b"b\n"


class Address:
    """The socket's address, also where the directory's path is too long for one."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._fd: int | None = None

    def __enter__(self) -> str:
        path = str(self._home / SOCKET)
        if len(os.fsencode(path)) <= MAX_PATH_BYTES:
            return path
        self._fd = os.open(self._home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return f"/proc/self/fd/{self._fd}/{SOCKET}"

    def __exit__(self, *_: object) -> None:
        if self._fd is not None:
            os.close(self._fd)


def peer_uid(connection: socket.socket) -> int:
    """The user at the other end. Source: SO_PEERCRED, unix(7): pid, uid, gid."""
    size = struct.calcsize("3i")
    facts = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return struct.unpack("3i", facts)[1]


def connect(home: Path) -> socket.socket | None:
    """A connection to the store's worker, or None if nobody of ours listens."""
    try:
        connection = socket.socket(socket.AF_UNIX)
    except OSError:
        return None  # no descriptor left: the caller looks by the clock
    connection.settimeout(LOOK_SECONDS)
    try:
        with Address(home) as address:
            connection.connect(address)
        if peer_uid(connection) == os.geteuid():
            return connection
    except OSError:
        pass
    connection.close()
    return None
