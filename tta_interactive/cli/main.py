"""The command `tta`: parse, run, and leave with a code that scripts can rely on.

What is heavy is imported inside `main`, after Ctrl-C was given a meaning: the first moments end as
cleanly as later ones.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from tta_interactive.cli.screen import Screen
    from tta_interactive.errors import TTAError

INTERRUPTED = 130  # Exit.INTERRUPTED, before exits.py is imported
READER_GONE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: The words after the command's name; None: those of this process, which then
            belongs to the command and ends with it.
    """
    owns_process = argv is None
    if owns_process:
        _fill_closed_streams()
        # While modules are imported nothing is to be tidied up, and an exception in there can
        # come out as anything (a Rust panic of pydantic's, seen). So: just leave.
        _on_interrupt(_leave_at_once)
    try:
        return _flushed(_run(sys.argv[1:] if argv is None else list(argv), owns_process))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return READER_GONE
    finally:
        if owns_process:
            # A second Ctrl-C, while the interpreter shuts down, prints no traceback.
            _on_interrupt(_leave_at_once)


def _on_interrupt(handler: Callable[..., object]) -> None:
    """What Ctrl-C does from now on; nothing, where the shell started us with it switched off."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, handler)


def _flushed(code: int) -> int:
    if sys.stdout is not None:  # pyright: ignore[reportUnnecessaryComparison]  (`>&-`)
        sys.stdout.flush()
    return code


def _fill_closed_streams() -> None:
    """Give descriptors 0 to 2 to nothing where the shell closed them.

    Else the next file that is opened gets the number, and what a library prints goes into it.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)


def _interrupt_once(*_: object) -> NoReturn:
    """A first Ctrl-C unwinds what runs; a second one, however soon, does not wait for that."""
    _on_interrupt(_leave_at_once)
    raise KeyboardInterrupt


def _leave_at_once(*_: object) -> NoReturn:
    os._exit(INTERRUPTED)


def _run(argv: list[str], owns_process: bool) -> int:
    # ruff: noqa: PLC0415  (see the module's docstring)
    from tta_interactive import __version__
    from tta_interactive.cli.commands import COMMANDS
    from tta_interactive.cli.exits import Exit, exit_for_error
    from tta_interactive.cli.parser import parse
    from tta_interactive.cli.screen import Screen
    from tta_interactive.errors import TTAError

    if owns_process:
        _on_interrupt(_interrupt_once)
    # Known before parsing: a complaint about usage is JSON too.
    wants_json = "--json" in argv[: argv.index("--") if "--" in argv else None]
    screen = Screen.of_this_process(is_json=wants_json)
    try:
        arguments = parse(argv, __version__)
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
