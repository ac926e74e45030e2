"""`tta-mcp`, or `python -m mcp_server`: serve coding agents over standard input and output."""

import argparse
import gc
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

# Before the SDK is used: it would set up `rich` tracebacks, which cost a second each.
logging.basicConfig(
    stream=sys.stderr, level=logging.WARNING, format="tta-mcp: %(levelname)s: %(message)s"
)

if TYPE_CHECKING:
    from mcp_server.policy import Policy
    from tta_interactive.settings import Settings

NO_SDK = 'tta-mcp needs the MCP SDK. Install it with: pip install "tta-interactive[mcp]".'


def parser() -> argparse.ArgumentParser:
    """The command line, which alone decides what agents may do."""
    made = argparse.ArgumentParser(
        prog="tta-mcp",
        description="Serve the list of background tasks to a coding agent over MCP (stdio). By "
        "default agents may only have tests generated, in a sandbox.",
        epilog="No file in a workspace can change these permissions.",
        allow_abbrev=False,
    )
    made.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="KIND[,KIND]",
        help="let agents submit tasks of these kinds too: shell, python, or an installed one; "
        "these run as you, WITHOUT a sandbox. 'generate-unsandboxed' lets tests be generated "
        "where no sandbox can be had",
    )
    made.add_argument(
        "--root",
        action="append",
        default=[],
        metavar="DIR",
        help="tasks may work in this directory and below; may be repeated; default: the current "
        "directory",
    )
    made.add_argument(
        "--share-notebook",
        action="store_true",
        help="let agents see the status of your other tasks (of notebooks, terminals, programs)",
    )
    made.add_argument("--home", metavar="DIR", help="directory of the task store")
    made.add_argument("--version", action="store_true", help="print the version and exit")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until the host hangs up; 2 for a command line that cannot be served."""
    asked = parser().parse_args(argv)
    # Start-up makes many objects and no garbage: without the collector it takes a fifth less.
    gc.disable()
    try:
        from mcp_server import server  # noqa: PLC0415  (the SDK may be missing)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        print(NO_SDK, file=sys.stderr)  # noqa: T201  (standard error is not the wire)
        return 2
    if asked.version:
        print(f"tta-mcp {server.own_version()}")  # noqa: T201  (nothing is served)
        return 0
    from tta_interactive.errors import TTAError  # noqa: PLC0415  (after the SDK's check)
    from tta_interactive.worker.privacy import become_private  # noqa: PLC0415

    become_private()  # the host's keys are in our environment; tasks run as the same user

    try:
        policy, settings = _configured(asked)
    except TTAError as error:
        print(f"tta-mcp: {error}", file=sys.stderr)  # noqa: T201  (as above)
        return 2
    made = server.make_server(policy, settings)
    gc.freeze()
    gc.enable()
    problems: list[str] = []
    try:
        made.run("stdio")
    except* TTAError as group:
        problems += _sentences(group)
    for sentence in problems:
        print(f"tta-mcp: {sentence}", file=sys.stderr)  # noqa: T201  (as above)
    return 1 if problems else 0


def _sentences(error: BaseException) -> list[str]:
    """What the errors in nested groups say."""
    inner: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    return [line for each in inner for line in _sentences(each)] or [str(error)]


def _configured(asked: argparse.Namespace) -> "tuple[Policy, Settings]":
    from mcp_server.policy import (  # noqa: PLC0415  (after the SDK's check)
        Policy,
        allowed_kinds,
        checked_roots,
    )
    from tta_interactive.settings import read_settings  # noqa: PLC0415

    kinds, unsandboxed = allowed_kinds(asked.allow)
    settings = read_settings(os.path.abspath(asked.home) if asked.home else None)
    policy = Policy(
        home=Path(os.path.realpath(settings.home)),
        roots=checked_roots(asked.root),
        kinds=kinds,
        unsandboxed=unsandboxed,
        share_notebook=asked.share_notebook,
    )
    return policy, settings


if __name__ == "__main__":
    sys.exit(main())
