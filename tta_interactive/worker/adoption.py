"""How a new worker finds an attempt that outlived its worker: a socket in its directory."""

import os
import socket
import struct
import time

from tta_interactive.worker.attempt import LOCK_FILE
from tta_interactive.worker.sweep import held

SOCKET_FILE = "ctl.sock"
CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: SO_PEERCRED of unix(7)


def listen(directory: str) -> socket.socket:
    """A socket in `directory`, whatever the length of its path: sun_path has 108 bytes."""
    listener = socket.socket(socket.AF_UNIX)
    fd = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    old = os.umask(0o177)
    try:
        listener.bind(f"/proc/self/fd/{fd}/{SOCKET_FILE}")
    finally:
        os.umask(old)
        os.close(fd)
    listener.listen(2)
    listener.setblocking(False)
    return listener


def accept(listener: socket.socket) -> socket.socket | None:
    """Who waits at the socket, if somebody of the same user does."""
    try:
        peer, _ = listener.accept()
    except OSError:
        return None
    said = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    if CREDENTIALS.unpack(said)[1] != os.geteuid():
        peer.close()
        return None
    peer.setblocking(False)
    return peer


def adopt(directory: str, timeout: float = 1.0) -> socket.socket | None:
    """The worker's way to an attempt that outlived its worker.

    Args:
        timeout: Seconds to go on trying: the shim may not have noticed yet.

    Returns:
        The new channel, or None: then the attempt is over (`read_outcome`) or its shim is dead.
    """
    end = time.monotonic() + timeout
    while True:
        try:
            fd = os.open(directory, os.O_PATH | os.O_DIRECTORY)
        except OSError:
            return None
        channel = socket.socket(socket.AF_UNIX)
        try:
            channel.settimeout(max(0.01, end - time.monotonic()))
            channel.connect(f"/proc/self/fd/{fd}/{SOCKET_FILE}")
        except OSError:
            channel.close()
        else:
            return channel
        finally:
            os.close(fd)
        if time.monotonic() >= end or not held(os.path.join(directory, LOCK_FILE)):
            return None
        time.sleep(0.02)  # the kernel offers nothing to wait on here
