"""The wire: standard input and output of this process, one JSON-RPC message a line.

As in the SDK's transport, the wire moves to private descriptors while it is served: descriptor 0
becomes the null device and 1 becomes standard error, so neither a stray print nor a child
process can read or write it. Unlike there, each line passes `frames.read_frame` and has a bound,
and no thread blocks in a read: the server can leave at any instant.
"""

import errno
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage

from mcp_server.frames import MAX_FRAME_BYTES, Refusal, read_frame, too_long

CHUNK_BYTES: Final = 65536
# A pipe that is writable takes so much without blocking: PIPE_BUF, pipe(7).
ATOM_BYTES: Final = 4096

Incoming = MemoryObjectReceiveStream[SessionMessage | Exception]
Outgoing = MemoryObjectSendStream[SessionMessage]


@asynccontextmanager
async def strict_stdio(
    on_hangup: Callable[[], None],
) -> AsyncGenerator[tuple[Incoming, Outgoing]]:
    """The pair of streams that an SDK server runs on, until the host hangs up.

    Args:
        on_hangup: Called once when the host closes either end.
    """
    frames, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outgoing, answers = anyio.create_memory_object_stream[SessionMessage](0)
    with _private_wire() as (source, sink):
        async with anyio.create_task_group() as group, incoming, outgoing:
            group.start_soon(_read, source, frames, outgoing.clone(), on_hangup)
            group.start_soon(_write, sink, answers, group, on_hangup)
            yield incoming, outgoing


async def _read(
    source: int,
    frames: MemoryObjectSendStream[SessionMessage | Exception],
    refusals: Outgoing,
    on_hangup: Callable[[], None],
) -> None:
    async with frames, refusals:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            async for line, whole in _lines(source):
                frame = read_frame(line) if whole else too_long(line)
                if isinstance(frame, Refusal):
                    await refusals.send(SessionMessage(frame.answer))
                elif frame is not None:
                    await frames.send(SessionMessage(frame))
            on_hangup()


async def _lines(source: int) -> AsyncIterator[tuple[bytes, bool]]:
    """Each line, and whether it is whole: of one that is too long only the start is kept."""
    held = bytearray()
    dropping = False
    while chunk := await _chunk(source):
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            if not dropping:
                held += piece
                yield bytes(held), True  # read_frame measures it
            held.clear()
            dropping = False
        if not dropping:
            held += rest
            if len(held) > MAX_FRAME_BYTES:
                yield bytes(held[:CHUNK_BYTES]), False
                held.clear()
                dropping = True


async def _chunk(source: int) -> bytes:
    try:
        await anyio.wait_readable(source)
    except PermissionError:
        await checkpoint()  # a regular file or the null device is always ready
    try:
        return os.read(source, CHUNK_BYTES)
    except OSError as error:
        if error.errno in (errno.EIO, errno.ECONNRESET):  # the host's end is gone
            return b""
        raise


async def _write(
    sink: int,
    answers: MemoryObjectReceiveStream[SessionMessage],
    group: TaskGroup,
    on_hangup: Callable[[], None],
) -> None:
    async with answers:
        async for each in answers:
            text = each.message.model_dump_json(by_alias=True, exclude_unset=True)
            rest = memoryview(text.encode() + b"\n")
            try:
                while rest:
                    with suppress(PermissionError):  # a regular file is always ready
                        await anyio.wait_writable(sink)
                    rest = rest[os.write(sink, rest[:ATOM_BYTES]) :]
            except (BrokenPipeError, ConnectionResetError):
                on_hangup()
                group.cancel_scope.cancel()  # nobody listens: as good as end of file
                return


@contextmanager
def _private_wire() -> Generator[tuple[int, int]]:
    """Descriptors that only this module knows, for reading and for writing."""
    source, sink = os.dup(0), os.dup(1)  # not inherited by children: PEP 446
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    try:
        yield source, sink
    finally:
        os.dup2(source, 0)
        os.dup2(sink, 1)
        os.close(source)
        os.close(sink)
