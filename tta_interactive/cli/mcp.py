"""`tta mcp install CLIENT`: tell a coding agent of our server, or say how."""

import argparse
import json
import os
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from tta_interactive.cli.clients import CLIENTS, NAME, Client, with_entry
from tta_interactive.cli.exits import Exit
from tta_interactive.cli.registry import PACKAGE, server_json
from tta_interactive.cli.screen import Screen
from tta_interactive.errors import InvalidRequestError
from tta_interactive.text import visible

MAX_BYTES: Final = 16 * 1024 * 1024


def mcp(arguments: argparse.Namespace, screen: Screen) -> Exit:
    """`tta mcp install CLIENT`, `tta mcp server-json --namespace NAME`"""
    if arguments.action == "server-json":
        return _published(arguments, screen)
    if arguments.client is None:
        raise InvalidRequestError(f"tta mcp install: say for whom: {', '.join(CLIENTS)}.")
    client = CLIENTS[arguments.client]
    path = _file(client, arguments)
    command = [*server_command(), *_options(client, arguments)]
    old = _read(path)
    try:
        new = with_entry(client, old, command)
    except InvalidRequestError as error:
        raise InvalidRequestError(f"{str(path)!r}: {error}\n{_shown(client, command)}") from None
    written = arguments.write and new != old
    if written:
        _write(path, new)
    if screen.is_json:
        screen.json({
            "client": arguments.client,
            "file": str(path),
            "entry": client.entry(command),
            "written": written,
            "there_already": new == old,
        })  # fmt: skip
        return Exit.OK
    if new == old:
        screen.line(f"{path} has it already.")
    elif written:
        consent = "" if arguments.user else f" {client.consent}"
        screen.line(f"{path} has it now. Start {arguments.client} anew to use it.{consent}".strip())
    else:
        screen.line(f"{path} would get this; --write does it:")
        screen.line()
        screen.lines(visible(_shown(client, command)).splitlines())
    return Exit.OK


def _published(arguments: argparse.Namespace, screen: Screen) -> Exit:
    if not arguments.namespace:
        raise InvalidRequestError(
            "tta mcp server-json: give --namespace, such as io.github.OWNER. It has to be yours."
        )
    try:
        release = version(PACKAGE)
    except PackageNotFoundError:
        release = "0+unknown"
    found = server_json(arguments.namespace, release)
    screen.lines(json.dumps(found, indent=2).splitlines())
    return Exit.OK


def server_command() -> list[str]:
    """What starts the server of this installation, from any directory."""
    script = Path(sys.executable).with_name("tta-mcp")
    # -P: the directory that the client starts it in must not shadow our modules.
    return [str(script)] if script.exists() else [sys.executable, "-P", "-m", "mcp_server"]


def _options(client: Client, arguments: argparse.Namespace) -> list[str]:
    roots = [os.path.abspath(root) for root in arguments.root]
    given = [word for root in roots for word in ("--root", root)] or list(client.folder)
    return [
        *given,
        *(word for kinds in arguments.allow for word in ("--allow", kinds)),
        *(word for kinds in arguments.ask for word in ("--ask", kinds)),
    ]


def _file(client: Client, arguments: argparse.Namespace) -> Path:
    if arguments.user:
        if client.user is None:
            raise InvalidRequestError(
                f"{arguments.client} has no file for all projects that is known. Leave out --user."
            )
        return Path(os.path.expanduser("~")) / client.user
    project = Path(os.path.realpath(arguments.project or os.getcwd()))
    if not project.is_dir():
        raise InvalidRequestError(f"--project {arguments.project!r} is no directory.")
    path = project / client.project
    if not Path(os.path.realpath(path)).is_relative_to(project):
        # The project may be anybody's: its links do not lead us to the user's own files.
        raise InvalidRequestError(
            f"{str(path)!r} leads out of the project. Replace the link by a file, or use --user."
        )
    return path


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES).decode()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequestError(f"{str(path)!r} cannot be read: {error}.") from None


def _write(path: Path, text: str) -> None:
    """Replace the file at once; a link stays a link, and the mode stays."""
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def _shown(client: Client, command: list[str]) -> str:
    if client.is_toml:
        return with_entry(client, "", command)
    return json.dumps({client.place: {NAME: client.entry(command)}}, indent=2)
