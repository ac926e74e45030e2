"""Where a server listens, in a private file, and how a client makes sure that it is this one.

`http-PORT.json` beside the store names the address, the process and a secret:

    {"url": "http://127.0.0.1:8765/mcp", "pid": 4711, "secret": "...", "token_file": "..."}

Whoever has the port could be another program, of another user even, that waits for tokens. A client
that has read the file sends any request without a token and `Tta-Challenge: TEXT`; only this server
can answer `Tta-Proof`, the HMAC-SHA256 of the text under the secret, in hexadecimal digits. The
secret itself is never sent.
"""

import hmac
import json
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CHALLENGE: Final = "tta-challenge"
PROOF: Final = "tta-proof"
MAX_CHALLENGE: Final = 200  # characters


def proof(secret: str, challenge: str) -> str:
    """What only who knows the secret can answer."""
    return hmac.new(secret.encode(), challenge.encode(), "sha256").hexdigest()


@dataclass(frozen=True)
class Proving:
    """Answers a challenge, whatever else comes of the request."""

    app: ASGIApp
    secret: str = field(repr=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = Headers(scope=scope).get(CHALLENGE) if scope["type"] == "http" else None
        if given is None or len(given) > MAX_CHALLENGE:
            await self.app(scope, receive, send)
            return
        answer = proof(self.secret, given)

        async def proved(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[PROOF] = answer
            await send(message)

        await self.app(scope, receive, proved)


@contextmanager
def announced(home: Path, port: int, url: str, token_file: Path) -> Generator[str]:
    """The secret of a server that can be found by the file, as long as it serves."""
    path = home / f"http-{port}.json"
    secret = secrets.token_urlsafe(32)
    told = {"url": url, "pid": os.getpid(), "secret": secret, "token_file": str(token_file)}
    text = json.dumps(told) + "\n"
    fresh = home / f"{path.name}.{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(fresh, flags, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)  # what a server that was killed left there is of no use
    try:
        yield secret
    finally:
        with suppress(OSError):
            if path.read_text() == text:
                path.unlink()
