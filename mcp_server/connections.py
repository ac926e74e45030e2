"""Connections of HTTP clients, none of which may keep a place for nothing.

    connected ──whole request──> being answered ──answered──> connected
        │                              │
        └─ REQUEST_SECONDS             └─ STALL_SECONDS without reading what we write: cut off

Whoever may connect needs no token yet, so silence, a head that comes byte by byte, a body that does
not end and an answer that is not read all have an end. How many there may be is the `Listener`'s;
a TLS handshake, which comes before, has as long as a request.
"""

import asyncio
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS: Final = 10.0  # for one request, its body included
STALL_SECONDS: Final = 15.0  # for a reader to take what was written


class BoundedConnection(H11Protocol):
    """One connection of the server."""

    _asking: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """A client came."""
        super().connection_made(transport)
        self._wait_for_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """It went, or was cut off."""
        self._asking = _ended(self._asking)
        self._reading = _ended(self._reading)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A part of a request came."""
        super().data_received(data)
        if self.conn.their_state in (h11.DONE, h11.MUST_CLOSE):  # a whole request is there
            self._asking = _ended(self._asking)

    def on_response_complete(self) -> None:
        """A request was answered; another may follow."""
        self._wait_for_request()
        super().on_response_complete()  # which takes up one that has come already

    def pause_writing(self) -> None:
        """The client does not read as fast as we write."""
        super().pause_writing()
        self._reading = self.loop.call_later(STALL_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has read."""
        self._reading = _ended(self._reading)
        super().resume_writing()

    def _wait_for_request(self) -> None:
        self._asking = _ended(self._asking)
        self._asking = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)


def _ended(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
