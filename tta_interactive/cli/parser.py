"""The grammar of the command line: what may be typed, and the help that says so."""

import argparse
from collections.abc import Callable, Sequence
from typing import Final, NoReturn, cast

from tta_interactive.cli.clients import CLIENTS
from tta_interactive.cli.exits import HELP
from tta_interactive.duration import seconds
from tta_interactive.errors import InvalidRequestError
from tta_interactive.task import Priority, SandboxLevel, TaskStatus

DESCRIPTION: Final = """\
Background tasks that outlive the terminal. One list of tasks for this command, notebooks,
programs and coding agents.
"""
EXAMPLES: Final = """\
examples:
  tta submit tests src/auth.py --wait
  tta submit shell -- pytest -q
  tta submit mypkg.train:fit epochs=3 --name fit
  tta wait fit --timeout 10m
  tta logs fit -f
"""
SUBMIT_HELP: Final = """\
TARGET is a kind and its target (tests src/auth.py), a function (mypkg.train:fit), or
a command after -- (the kind is then shell), or workflow and a JSON file. k=v sets a param; v is JSON, or else text.
What follows -- is taken word by word and never read by a shell.
"""
ANSWER_HELP: Final = """\
VALUE is one of the choices, or a text; of a form, NAME=VALUE for each field. Without one, a terminal asks
for it. What follows -- is taken word by word.
"""
MCP_HELP: Final = """\
Shows the entry that CLIENT needs to start tta-mcp, and the file that it belongs into; --write puts it
there. An entry of another server under the same name is never touched.
"""


class Parser(argparse.ArgumentParser):
    """An argparse parser whose complaint is an error of the family, not an exit."""

    def error(self, message: str) -> NoReturn:
        raise InvalidRequestError(f"{message}. See: {self.prog} --help")


def parse(argv: Sequence[str], version: str) -> argparse.Namespace:
    """The command and its options.

    Words and options may be mixed: what argparse leaves over goes to the command's words.

    Raises:
        InvalidRequestError: Wrong usage.
        SystemExit: `--help` and `--version` were answered.
    """
    words, verbatim = list(argv), []
    if words[:1] in (["submit"], ["answer"]) and "--" in words:
        cut = words.index("--")
        words, verbatim = words[:cut], words[cut:]
    arguments, more = _parser(version).parse_known_args(words)
    spread = getattr(arguments, "spread", None)
    for word in more:
        if spread is None or (word.startswith("-") and word != "-"):
            raise InvalidRequestError(
                f"There is no option {word!r}. See: tta {arguments.command} --help"
            )
    if spread is not None:
        setattr(arguments, spread, [*cast("list[str]", getattr(arguments, spread)), *more])
    if arguments.command == "submit":
        arguments.words += verbatim
    if arguments.command == "answer":
        arguments.words += verbatim[1:]
    return arguments


def _parser(version: str) -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = Parser(
        prog="tta",
        description=DESCRIPTION,
        epilog=f"{EXAMPLES}\n{HELP}",
        formatter_class=raw,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tta {version}")
    # One parent for all: --json means the same everywhere.
    common = Parser(add_help=False, allow_abbrev=False)
    common.add_argument("--json", action="store_true", help="print one JSON value, nothing else")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, about: str, description: str = "") -> Parser:
        return commands.add_parser(
            name,
            help=about,
            description=description or f"{about[0].upper()}{about[1:]}.",
            parents=[common],
            formatter_class=raw,
            allow_abbrev=False,
        )

    _submit(command("submit", "submit a task, print its id", SUBMIT_HELP))
    _look(command)
    _change(command)
    _machine(command)
    return parser


def _submit(submit: Parser) -> None:
    submit.set_defaults(spread="words")
    submit.add_argument("words", nargs="*", metavar="TARGET [k=v ...]")
    submit.add_argument("--wait", action="store_true", help="stay until it is over")
    submit.add_argument("--name", help="what to call it")
    submit.add_argument("--priority", choices=[each.word for each in Priority])
    submit.add_argument(
        "--timeout", type=_seconds, metavar="SPAN", help="end it after 30, 10m, 2h, ..."
    )
    submit.add_argument(
        "--retries", type=int, metavar="N", help="try again so often; the work may be repeated"
    )
    submit.add_argument("--key", help="the same key again gives the same task")
    submit.add_argument(
        "--after",
        action="append",
        default=[],
        metavar="ID,...",
        help="start when these are completed",
    )
    submit.add_argument(
        "--secret",
        action="append",
        default=[],
        metavar="NAME",
        help="give the task this variable of your environment; its value is not stored, and is "
        "taken out of the output",
    )
    submit.add_argument(
        "--sandbox", choices=[level.word for level in SandboxLevel], help="the least level"
    )


def _look(command: Callable[..., Parser]) -> None:
    status = command("status", "show tasks; without an id: counts and what is unfinished")
    status.set_defaults(spread="ids")
    status.add_argument("ids", nargs="*", metavar="ID", help="an id, a unique prefix, or a name")
    status.add_argument("--traceback", action="store_true", help="show the error's details")

    wait = command("wait", "wait until tasks are over")
    wait.set_defaults(spread="ids")
    wait.add_argument("ids", nargs="+", metavar="ID")
    wait.add_argument("--any", action="store_true", help="the first one that is over is enough")
    wait.add_argument(
        "--timeout", type=_seconds, metavar="SPAN", help="stop waiting after 30, 10m, ..."
    )

    listing = command("list", "list tasks, the newest first")
    listing.add_argument(
        "--state", action="append", default=[], choices=[str(status) for status in TaskStatus]
    )
    listing.add_argument("--kind")
    listing.add_argument("--owner", help="python, notebook, cli or mcp:NAME")
    listing.add_argument(
        "--steps", action="store_true", help="also tasks that are steps of another"
    )
    listing.add_argument("--limit", type=_count, default=50, metavar="N")

    logs = command("logs", "show what a task printed")
    logs.add_argument("id", metavar="ID")
    logs.add_argument("-n", type=_count, default=50, metavar="N", dest="tail", help="last lines")
    logs.add_argument("-f", "--follow", action="store_true", help="go on until it is over")
    logs.add_argument(
        "--raw", action="store_true", help="as it was printed: may act on your terminal"
    )

    coverage = command("coverage", "show a module with the lines that its kept tests run and miss")
    coverage.add_argument("id", metavar="ID", help="a completed task of the kind tests")
    coverage.add_argument("--missed", action="store_true", help="only what is missed, and nearby")


def _change(command: Callable[..., Parser]) -> None:
    cancel = command("cancel", "cancel tasks; their processes are ended")
    cancel.set_defaults(spread="ids")
    cancel.add_argument("ids", nargs="*", metavar="ID")
    cancel.add_argument("--all", action="store_true", help="every unfinished task, of all doors")

    answer = command("answer", "answer the question that a task waits with", ANSWER_HELP)
    answer.set_defaults(spread="words")
    answer.add_argument("id", metavar="ID")
    answer.add_argument("words", nargs="*", metavar="VALUE")
    answer.add_argument("--decline", action="store_true", help="give no answer; the task goes on")

    retry = command("retry", "submit a finished task again, as a new one")
    retry.add_argument("id", metavar="ID")
    retry.add_argument("--wait", action="store_true", help="stay until it is over")

    gc = command("gc", "forget finished tasks and their logs")
    gc.add_argument(
        "--older-than", type=_seconds, metavar="SPAN", help="finished before 12h, 30d, ... ago"
    )
    gc.add_argument("--dry-run", action="store_true", help="only say what would go")


def _machine(command: Callable[..., Parser]) -> None:
    worker = command("worker", "start, stop or look at the process that runs the tasks")
    worker.add_argument(
        "action",
        choices=["start", "stop", "status", "run"],
        help="stop also ends what is running; run serves in the foreground",
    )
    board = command("board", "show all tasks live, as a page in a browser on this machine")
    board.add_argument(
        "--port", type=_port, default=0, metavar="N", help="of 127.0.0.1; default: a free one"
    )
    board.add_argument("--open", action="store_true", help="open it in the browser")
    command("doctor", "check the installation; reads only")
    agents = command("mcp", "tell a coding agent of our MCP server", MCP_HELP)
    agents.add_argument("action", choices=["install", "server-json"])
    agents.add_argument("client", choices=list(CLIENTS), nargs="?")
    agents.add_argument(
        "--write", action="store_true", help="do it; else only show what it would be"
    )
    where = agents.add_mutually_exclusive_group()
    where.add_argument("--project", metavar="DIR", help="for this project; default: where you are")
    where.add_argument("--user", action="store_true", help="for all of your projects")
    agents.add_argument(
        "--root", action="append", default=[], metavar="DIR", help="as of tta-mcp; may be repeated"
    )
    agents.add_argument(
        "--namespace", metavar="NAME", help="for server-json: yours, such as io.github.OWNER"
    )
    for option in ("--allow", "--ask"):
        agents.add_argument(
            option, action="append", default=[], metavar="KIND,...", help="as of tta-mcp"
        )


def _seconds(text: str) -> float:
    try:
        return seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text[:9]) <= 65535):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no port. Give 1024 to 65535")
    return int(text)


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number from 1 to 1000000")
    return number
