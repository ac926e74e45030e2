"""The command `tta`: parse, run, and leave with a code that scripts can rely on.

What is heavy is imported inside `main`, so that Ctrl-C in the first moments ends as cleanly as
later.
"""

import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from tta_interactive.cli.screen import Screen
    from tta_interactive.errors import TTAError

INTERRUPTED = 130  # Exit.INTERRUPTED, before exits.py is imported
READER_GONE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        code = _run(list(sys.argv[1:] if argv is None else argv))
        if sys.stdout is not None:  # pyright: ignore[reportUnnecessaryComparison]  (`>&-`)
            sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        # A second Ctrl-C while the interpreter shuts down must not print a traceback.
        signal.signal(signal.SIGINT, _leave_at_once)
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return READER_GONE


def _leave_at_once(*_: object) -> NoReturn:
    os._exit(INTERRUPTED)


def _run(argv: list[str]) -> int:
    # ruff: noqa: PLC0415  (see the module's docstring)
    from tta_interactive.cli.exits import Exit, exit_for_error
    from tta_interactive.cli.parser import parse
    from tta_interactive.cli.screen import Screen
    from tta_interactive.errors import TTAError

    # Known before parsing: a complaint about usage is JSON too.
    wants_json = "--json" in argv[: argv.index("--") if "--" in argv else None]
    screen = Screen.of_this_process(is_json=wants_json)
    try:
        from tta_interactive.cli.commands import COMMANDS

        arguments = parse(argv, _version())
        return int(COMMANDS[arguments.command](arguments, screen))
    except SystemExit as done:  # argparse has answered --help or --version
        return done.code if isinstance(done.code, int) else 0
    except TTAError as error:
        code = exit_for_error(error)
        _complain(screen, error, code)
        return int(code)
    except BrokenPipeError:
        raise
    except OSError as error:
        # A full disk or a closed stream; the store's own troubles are StoreErrors.
        _drop_output()
        screen.note(f"tta: {error}")
        return int(Exit.TROUBLE)


def _complain(screen: "Screen", error: "TTAError", code: int) -> None:
    import re

    from tta_interactive.text import one_line

    if screen.is_json:
        name = type(error).__name__.removesuffix("Error")
        word = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
        screen.json({"error": {"code": word, "message": str(error), "exit_code": int(code)}})
    else:
        screen.note(f"tta: {one_line(str(error), 4000)}")


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("tta-interactive")
    except PackageNotFoundError:
        return "(source tree, not installed)"


def _drop_output() -> None:
    """Point stdout at nothing: the interpreter flushes it once more on its way out."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError, AttributeError):
        pass  # there is no stdout to save


if __name__ == "__main__":
    sys.exit(main())
