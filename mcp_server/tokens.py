"""Who may call over HTTP: a private file with one principal and its token on each line.

    agent    kq2w...        made at the first start
    ci       8Jd0...        added by the user

The file is read again when it changes: a token that is taken out is refused from then on.
"""

import hmac
import os
import re
import secrets
from pathlib import Path
from typing import Final

from mcp.server.auth.provider import AccessToken

from mcp_server.private import private_text
from tta_interactive.errors import InvalidRequestError, UnsafePlaceError

FILE_NAME: Final = "http-tokens"
FIRST: Final = "agent"
RESERVED: Final = frozenset({"local"})  # whoever calls over standard input
MIN_TOKEN: Final = 20  # characters
_LINE: Final = re.compile(r"([a-z0-9][a-z0-9-]{0,39})\s+([!-~]{1,500})")

Stamp = tuple[int, int, int, int]


class TokenFile:
    """The tokens of one file, always as it is now.

    Args:
        path: The file; made, with one token, where there is none.

    Raises:
        UnsafePlaceError: It is not a private file of the user.
        InvalidRequestError: A line cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not os.path.lexists(path):
            _make(path)
        self._stamp, self._tokens = _read(path)

    async def verify_token(self, token: str) -> AccessToken | None:
        """The principal whose token this is; None: nobody's."""
        found = None
        given = token.encode(errors="replace")
        for name, known in self._now().items():
            if hmac.compare_digest(given, known):  # all are compared: the time tells nothing
                found = name
        return None if found is None else AccessToken(token="", client_id=found, scopes=[])

    @property
    def principals(self) -> list[str]:
        """The names in the file."""
        return list(self._tokens)

    def _now(self) -> dict[str, bytes]:
        try:
            if _stamp(os.lstat(self.path)) != self._stamp:
                self._stamp, self._tokens = _read(self.path)
        except (OSError, UnsafePlaceError, InvalidRequestError):
            # What cannot be read or trusted any more lets nobody in.
            self._stamp, self._tokens = (0, 0, 0, 0), {}
        return self._tokens


def _make(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(
            "# One principal and its token on each line. Who has the token can act as it.\n"
            f"{FIRST} {secrets.token_urlsafe(32)}\n"
        )


def _read(path: Path) -> tuple[Stamp, dict[str, bytes]]:
    remedy = "Make it so with chmod 600, and renew the tokens that others may have read."
    text, status = private_text(path, "token file", remedy)
    return _stamp(status), _parsed(path, text)


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_ino, status.st_mtime_ns, status.st_size, status.st_mode


def _parsed(path: Path, text: str) -> dict[str, bytes]:
    tokens: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line.strip())
        if found is None or found[1] in RESERVED or found[1] in tokens or len(found[2]) < MIN_TOKEN:
            raise InvalidRequestError(
                f"Line {number} of the token file {str(path)!r} cannot be used. Write a name of "
                "its own (small letters, digits and '-', not 'local'), a space, and a token of "
                f"at least {MIN_TOKEN} characters."
            )
        tokens[found[1]] = found[2].encode()
    if not tokens:
        raise InvalidRequestError(
            f"The token file {str(path)!r} names nobody. Write a line `name token`, or delete it: "
            "then one is made."
        )
    return tokens
