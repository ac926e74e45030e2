"""`server.json`: how the MCP registry is told of our server, under a namespace of its owner. Pure.

A client that installs from it runs `uvx --with tta-interactive[mcp]==V tta-interactive@V`: uvx starts
the script that is called as the package, with what stands before it. No `registryBaseUrl`: a client
would pass it on as the address of an index, which it is not.

Source: the schema of 2025-12-11 of the registry (modelcontextprotocol/registry), read 2026-11-23,
whose rules for these fields stand in the test; how clients make a command of it: sdebruyn/fabric-dw-mcp-cli
issue 969 and Krv-Labs/topos pull request 276.
"""

import re
from typing import Any, Final

from tta_interactive.errors import InvalidRequestError

SCHEMA: Final = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
PACKAGE: Final = "tta-interactive"
DESCRIPTION: Final = (
    "Background tasks that outlive the agent; Python tests that are run before they are kept"
)
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAMESPACE: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")


def server_json(namespace: str, version: str) -> dict[str, Any]:
    """What stands in the file.

    Args:
        namespace: Reversed domain of who publishes it, such as `io.github.OWNER`.
        version: The published release.

    Raises:
        InvalidRequestError: One of them cannot be used.
    """
    if not _NAMESPACE.fullmatch(namespace) or len(namespace) > 150:
        raise InvalidRequestError(
            f"--namespace {namespace[:200]!r} is no reversed domain. Give one that is yours, such as "
            "io.github.OWNER."
        )
    if not re.fullmatch(r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?", version):
        raise InvalidRequestError(
            f"The version {version!r} of this installation is no release. Install a published one."
        )
    wanted = {"type": "named", "name": "--with", "value": f"{PACKAGE}[mcp]=={version}"}
    return {
        "$schema": SCHEMA,
        "name": f"{namespace}/{PACKAGE}",
        "description": DESCRIPTION,
        "version": version,
        "packages": [
            {
                "registryType": "pypi",
                "identifier": PACKAGE,
                "version": version,
                "runtimeHint": "uvx",
                "runtimeArguments": [wanted],
                "transport": {"type": "stdio"},
            }
        ],
    }
