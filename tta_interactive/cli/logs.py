"""`tta logs`: what a task printed, made harmless on its way to the terminal."""

import argparse
import re
from typing import Final

from tta_interactive.blocking import BlockingEngine
from tta_interactive.cli.exits import Exit
from tta_interactive.cli.screen import Screen
from tta_interactive.text import visible

MAX_BYTES: Final = 8 * 1024 * 1024  # read for the last lines; one line may be longer than that
# An escape sequence or a line end that the next chunk may complete.
_OPEN_END: Final = re.compile(r"(?:\x1b(?:\[[0-9;:]{0,64})?|\r)\Z")


class Escaper:
    """`visible` for text that comes in pieces: a colour cut in two is still a colour."""

    def __init__(self) -> None:
        self._held = ""

    def add(self, text: str) -> str:
        """What can be shown now."""
        text = self._held + text
        match = _OPEN_END.search(text)
        self._held = match[0] if match else ""
        return visible(text[: match.start()] if match else text)

    def end(self) -> str:
        """The rest."""
        text, self._held = self._held, ""
        return visible(text)


def logs(arguments: argparse.Namespace, screen: Screen) -> Exit:
    """`tta logs ID [-n 50] [-f] [--raw]`"""
    with BlockingEngine(owner="cli") as engine:
        task = engine.status(arguments.id)
        if screen.is_json:
            if arguments.follow:
                task = engine.wait(task.id)
            text = engine.logs(task.id, tail_lines=arguments.tail, max_bytes=MAX_BYTES)
            screen.json({"id": task.id, "status": str(task.status), "log": text})
        elif arguments.follow:
            _follow(engine, task.id, arguments, screen)
        else:
            text = engine.logs(task.id, tail_lines=arguments.tail, max_bytes=MAX_BYTES)
            _write(screen, text if arguments.raw else visible(text), ends_line=not arguments.raw)
    return Exit.OK


def _follow(
    engine: BlockingEngine, task_id: str, arguments: argparse.Namespace, screen: Screen
) -> None:
    escaper = Escaper()
    last = "\n"
    for text in engine.follow_logs(task_id, arguments.tail):
        shown = text if arguments.raw else escaper.add(text)
        _write(screen, shown)
        last = shown[-1:] or last
    if not arguments.raw:
        rest = escaper.end()
        if (rest[-1:] or last) != "\n":
            rest += "\n"  # the prompt gets a line of its own
        _write(screen, rest)


def _write(screen: Screen, text: str, *, ends_line: bool = False) -> None:
    """Write at once; with `ends_line` the prompt gets a line of its own."""
    if ends_line and text and not text.endswith("\n"):
        text += "\n"
    screen.out.write(text)
    screen.out.flush()
