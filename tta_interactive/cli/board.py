"""`tta board`: the live board as a page for the browser of whoever typed it."""

import argparse
import threading
import webbrowser

from tta_interactive.blocking import BlockingEngine
from tta_interactive.board.page import BoardServer
from tta_interactive.cli.exits import Exit
from tta_interactive.cli.screen import Screen
from tta_interactive.errors import InvalidRequestError


def board(arguments: argparse.Namespace, screen: Screen) -> Exit:
    """`tta board`"""
    with BlockingEngine(owner="cli") as engine:
        try:
            server = BoardServer(engine, arguments.port)
        except OSError as error:
            raise InvalidRequestError(
                f"Port {arguments.port} cannot be used ({error.strerror}). Give another one, or "
                "leave --port out."
            ) from None
        try:
            _announce(server.address, screen)
            if arguments.open:
                webbrowser.open(server.address)
            threading.Event().wait()
        except KeyboardInterrupt:  # the way to end it
            pass
        finally:
            server.close()
    return Exit.OK


def _announce(address: str, screen: Screen) -> None:
    if screen.is_json:
        screen.json({"address": address})
        return
    screen.line(f"The board is at {address}")
    screen.line("Keep the address to yourself: it can cancel tasks. Ctrl-C ends the board.")
