"""The door over HTTP: the same server behind a token, on loopback unless told otherwise."""

import asyncio
import socket
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp

from mcp_server.connections import REQUEST_SECONDS, BoundedConnection
from mcp_server.frames import MAX_FRAME_BYTES
from mcp_server.guard import PATH, Body, Front, Known
from mcp_server.listener import Listener
from mcp_server.server import TTAServer, leave_soon
from mcp_server.shares import Shares
from mcp_server.tokens import FILE_NAME, TokenFile
from tta_interactive.errors import InvalidRequestError, UnsafePlaceError

DEFAULT: Final = "127.0.0.1:8765"
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
MAX_CONNECTIONS: Final = 256
BACKLOG: Final = 128  # so many may be taken at once, before any can be cut off


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the server listens and what it answers to."""

    host: str = "127.0.0.1"
    port: int = 8765
    """0 takes a free one."""
    hosts: tuple[str, ...] = ()
    """More names by which it is called, such as `tasks.example.org`."""
    origins: tuple[str, ...] = ()
    """Origins of web pages that may call, such as `https://inspector.example.org`."""
    certificate: str | None = None
    key: str | None = None
    proxied: bool = False
    """Whether a proxy in front of it speaks TLS."""

    def check(self) -> None:
        """Raise unless what is said in clear stays on this machine."""
        if self.host in LOOPBACK:
            return
        if not self.hosts:
            raise InvalidRequestError(
                f"--http {self.host}:{self.port} can be reached from other machines. Name each "
                "host that clients call it by with --allow-host."
            )
        if self.certificate is None and not self.proxied:
            raise InvalidRequestError(
                f"--http {self.host}:{self.port} can be reached from other machines, and tokens "
                "must not travel in clear. Give --tls-cert and --tls-key, or say with "
                "--behind-tls-proxy that a proxy does it."
            )

    @property
    def shown_host(self) -> str:
        """The host as an address has it."""
        return f"[{self.host}]" if ":" in self.host else self.host

    def names(self, port: int) -> frozenset[str]:
        """The values of Host that mean this server."""
        local = ("127.0.0.1", "localhost", "[::1]") if self.host in LOOPBACK else ()
        given = {name.lower() for name in self.hosts}
        return frozenset({*given, *(f"{name}:{port}" for name in (*local, *given))})


def parse_place(text: str) -> tuple[str, int]:
    """`HOST:PORT`, `PORT` or `[HOST]:PORT` as both."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise InvalidRequestError(
            f"--http {text[:200]!r} names no port. Write PORT or HOST:PORT, such as {DEFAULT}."
        )
    return host, int(port)


def application(
    server: TTAServer, hosts: Collection[str], origins: Collection[str], tokens: TokenFile
) -> ASGIApp:
    """The server as an ASGI application that only principals reach."""
    return Front(Known(Shares(Body(protocol(server, hosts, origins))), tokens), hosts, origins)


def protocol(server: TTAServer, hosts: Collection[str], origins: Collection[str]) -> ASGIApp:
    """The SDK's own application. It checks Host and Origin once more."""
    return server.streamable_http_app(
        streamable_http_path=PATH,
        max_request_body_size=MAX_FRAME_BYTES,
        max_sessions=None,  # each principal has a share of them: `Shares`
        transport_security=TransportSecuritySettings(
            allowed_hosts=sorted(hosts), allowed_origins=sorted(origins)
        ),
    )


def listen(place: Place) -> socket.socket:
    """A socket that is bound to the place, and to nobody else's.

    Raises:
        UnsafePlaceError: Somebody has the port.
    """
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    # Named, the protocol lets asyncio send small answers at once: else they wait 40 ms (Nagle).
    bound = Listener(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((place.host, place.port))
        bound.listen(BACKLOG)  # another listener, also one of a wildcard address, is found out here
    except OSError as error:
        bound.close()
        raise UnsafePlaceError(
            f"Cannot listen on {place.host}:{place.port}: {error.strerror}. Another program may "
            "answer there: do not send it your token. Give another port with --http."
        ) from None
    return bound


class _Server(uvicorn.Server):
    """Gone within a second after a signal, as on the other wire; no TLS handshake lasts."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve on the sockets: uvicorn's own way sets no limit to a handshake."""
        await super().startup(sockets=[])
        config, loop = self.config, asyncio.get_running_loop()
        for bound in sockets or []:
            serving = await loop.create_server(
                self._connection,
                sock=bound,
                ssl=config.ssl,
                backlog=config.backlog,
                ssl_handshake_timeout=REQUEST_SECONDS if config.ssl is not None else None,
            )
            self.servers.append(serving)

    def _connection(self) -> BoundedConnection:
        return BoundedConnection(self.config, self.server_state, self.lifespan.state)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        leave_soon()
        super().handle_exit(sig, frame)


async def serve(application: ASGIApp, bound: socket.socket, place: Place) -> None:
    """Serve until a signal comes."""
    config = uvicorn.Config(
        application,
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        ws="none",
        lifespan="on",
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=64 * 1024,
        http=BoundedConnection,
        backlog=BACKLOG,
        ssl_certfile=place.certificate,
        ssl_keyfile=place.key,
    )
    await _Server(config).serve(sockets=[bound])


def token_path(home: Path, given: str | None) -> Path:
    """The token file: the one named, else the store's own."""
    return Path(given).absolute() if given else home / FILE_NAME
