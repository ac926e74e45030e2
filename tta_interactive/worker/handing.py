"""A spec on its way to the process that runs the attempt: one frame, and what it inherits."""

import array
import json
import socket
import struct
from collections.abc import Sequence

from tta_interactive.worker.attempt import LARGEST_SPEC, AttemptSpec

FRAME = struct.Struct("!IB")  # length of the spec; whether it wants a sandbox
MOST_FDS = 64


def send(connection: socket.socket, spec: AttemptSpec, fds: Sequence[int]) -> None:
    """Send a spec and descriptors.

    Raises:
        OSError: The other side is gone.
        ValueError: The spec is too large.
    """
    body = json.dumps(spec.to_json()).encode()
    if len(body) > LARGEST_SPEC:
        raise ValueError(f"The spec has {len(body):,} bytes; allowed are {LARGEST_SPEC:,}.")
    socket.send_fds(connection, [FRAME.pack(len(body), spec.wants_sandbox)], fds)
    connection.sendall(body)


def receive(connection: socket.socket) -> tuple[bytes, list[int], bool] | None:
    """The next spec as JSON, its descriptors, whether it wants a sandbox; None: there is none."""
    size = array.array("i").itemsize * MOST_FDS
    try:
        header, ancillary, _, _ = connection.recvmsg(
            FRAME.size, socket.CMSG_LEN(size), socket.MSG_WAITALL | socket.MSG_CMSG_CLOEXEC
        )
        fds = array.array("i")
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
        if len(header) < FRAME.size:
            return None
        length, wants = FRAME.unpack(header)
        body = _receive_all(connection, min(length, LARGEST_SPEC))
    except OSError:
        return None
    return (body, list(fds), wants) if len(body) == length else None


def _receive_all(connection: socket.socket, length: int) -> bytes:
    body = bytearray(length)
    view = memoryview(body)
    while view:
        count = connection.recv_into(view)
        if count == 0:
            break
        view = view[count:]
    return bytes(body[: length - len(view)])
