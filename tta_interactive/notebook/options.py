"""The options of each magic and its help: argparse, kept from printing and from exiting."""

import argparse
import re
from collections.abc import Sequence
from functools import cache
from typing import Final, NoReturn

from tta_interactive.duration import seconds
from tta_interactive.notebook.line import Spot

MAX_RETRIES: Final = 99
MAX_SHOWN: Final = 1000
FOLLOWED_LINES: Final = 50  # of what is there when somebody begins to follow


class OptionError(ValueError):
    """The options cannot be read: `args[0]` is the whole sentence."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{self.prog}: {message}. {self.prog}? shows examples.")


def plain(word: str) -> object:
    """The object of an expression, or the word itself."""
    return word.value if isinstance(word, Spot) else word


def _seconds(word: str) -> float:
    text = str(plain(word))
    try:
        value = seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error).rstrip(".")) from None
    if not value:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no time above 0")
    return value


def _whole(least: int, most: int) -> "_Whole":
    return _Whole(least, most)


class _Whole:
    """A whole number between two bounds."""

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most

    def __call__(self, word: str) -> int:
        text = str(plain(word)).strip()
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not (
            self._least <= int(text) <= self._most
        ):
            raise argparse.ArgumentTypeError(
                f"{text[:40]!r} is no whole number from {self._least} to {self._most}"
            )
        return int(text)


def _text(word: str) -> str:
    return str(plain(word))


def _word(word: str) -> str:
    return str(plain(word)).lower()


def _variables(word: str) -> list[str]:
    names = [name.strip() for name in str(plain(word)).split(",") if name.strip()]
    for name in names:
        if not name.isidentifier():
            raise argparse.ArgumentTypeError(f"{name[:40]!r} is no name of a variable")
    return names


def _new(name: str, summary: str, examples: str) -> _Parser:
    return _Parser(
        prog=f"%{name}",
        description=summary,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )


def _submit(name: str) -> _Parser:
    parser = _new(
        name,
        "Put a task on the list and go on; a live card shows it.",
        """\
  %tta_submit tests src/auth.py coverage_threshold=90 --priority high
  %tta_submit shell -- pytest -q             after -- nothing is expanded
  %tta_submit shell 'ls | wc -l'             one word: a script for sh
  %tta_submit mypkg.train:fit epochs=3 cfg={cfg} lr=$rate
  %tta_submit {function} 1 2                 a function of this notebook
  t = %tta_submit shell -- make              t.status, t.result(), await t, t.cancel()

  %%tta_submit --name refit                  the cell is Python: it runs in a process of
  fit(load())                                its own and its last expression is the result

  %%tta_submit --in df,lr --out model        its variables df and lr are yours; when you have
  model = fit(df, lr)                        waited for it, model is set here

  %%tta_submit shell                         the cell is a script for sh

{expr} and $name give a Python object; quote them to pass them as text.

What --in carries: everything that can be pickled, up to 512 MiB each (TTA_MAX_VALUE_BYTES);
arrays and data frames as they lie in memory. Functions and classes of the notebook need
cloudpickle. Your kernel makes the pickle, and only the task's process opens it.
What --out carries back: numbers, texts, lists, dictionaries, bytes and NumPy arrays as plain
data, from any task. Anything else is a pickle, which can run code here: it is opened for tasks
that this kernel submitted without a sandbox, and for those of an earlier kernel of yours by
handle.value("model", trusted=True); for tasks of agents never.
Tables, pictures and plots that the cell displays, or that are its last value, come back too.""",
    )
    parser.add_argument(
        "words",
        nargs="*",
        metavar="TARGET",
        help="a kind and its target, or module:function; then name=value",
    )
    parser.add_argument("--name", type=_text, help="what to call it; tasks are found by it too")
    parser.add_argument(
        "--priority", type=_word, choices=["critical", "high", "normal", "low"], help="who is first"
    )
    parser.add_argument("--timeout", type=_seconds, metavar="TIME", help="30, 90s, 10m or 2h")
    parser.add_argument(
        "--retries", type=_whole(0, MAX_RETRIES), metavar="N", help="start again so often"
    )
    parser.add_argument("--key", type=_text, help="submitting again with it gives the same task")
    parser.add_argument(
        "--after", action="append", metavar="ID,..", help="start when these have completed"
    )
    parser.add_argument(
        "--sandbox",
        type=_word,
        choices=["none", "limits", "landlock", "namespaces"],
        help="the least containment",
    )
    parser.add_argument(
        "--secret", action="append", metavar="NAME", help="give it this variable, stored nowhere"
    )
    parser.add_argument(
        "--in",
        dest="inputs",
        action="extend",
        type=_variables,
        metavar="NAME,..",
        help="variables of yours that the cell finds set",
    )
    parser.add_argument(
        "--out",
        dest="outputs",
        action="extend",
        type=_variables,
        metavar="NAME,..",
        help="variables of the cell that are set here when you wait for it",
    )
    parser.add_argument("--quiet", action="store_true", help="show no card")
    parser.add_argument("--json", action="store_true", help="print the task as JSON, no card")
    return parser


def _status(name: str) -> _Parser:
    parser = _new(
        name,
        "Show tasks, whoever submitted them: notebook, terminal, program or agent.",
        """\
  %tta_status              counts, and a line for each unfinished task
  %tta_status t_x8Kd       a live card; a few characters of the id are enough
  h = %tta_status refit    the newest task of that name; h is its handle
  %tta_status --last       the task submitted last""",
    )
    _ids(parser)
    parser.add_argument("--last", action="store_true", help="the task submitted last")
    parser.add_argument(
        "--traceback",
        "--detail",
        dest="detail",
        action="store_true",
        help="a failed task's traceback as well",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _wait(name: str) -> _Parser:
    parser = _new(
        name,
        "Wait for tasks and give their results. Stopping it never stops the task.",
        """\
  %tta_wait                    the task that this notebook submitted last
  r = %tta_wait t --timeout 60
  %tta_wait t_x8Kd t_b81Q      a list of results
  %tta_wait --all              every unfinished task of the notebooks

A failed task raises TaskFailed, so that Run All stops; --no-raise gives None instead.
At the time-out the task goes on, and None is given. So it does at the stop button or Ctrl-C,
unless --cancel-on-interrupt is said. `await t` waits without blocking.""",
    )
    _ids(parser)
    parser.add_argument("--all", action="store_true", help="all unfinished tasks of notebooks")
    parser.add_argument("--any", action="store_true", help="only until the first is over")
    parser.add_argument("--timeout", type=_seconds, metavar="TIME", help="30, 90s, 10m or 2h")
    parser.add_argument("--no-raise", action="store_true", help="no error for a failed task")
    parser.add_argument(
        "--cancel-on-interrupt", action="store_true", help="the stop button ends the tasks too"
    )
    parser.add_argument("--quiet", action="store_true", help="no card and no line")
    return parser


def _cancel(name: str) -> _Parser:
    parser = _new(
        name,
        "Ask for tasks to end. CANCELLED is shown when every process of a task is gone.",
        """\
  %tta_cancel t
  %tta_cancel t_x8Kd t_b81Q
  %tta_cancel --all            every unfinished task of the notebooks""",
    )
    _ids(parser)
    parser.add_argument("--all", action="store_true", help="all unfinished tasks of notebooks")
    return parser


def _retry(name: str) -> _Parser:
    parser = _new(
        name,
        "Submit finished tasks again, each as a new one with a card of its own.",
        """\
  t = %tta_retry t_x8Kd        t is the handle of the new task
  %tta_retry                   the task that this notebook submitted last""",
    )
    _ids(parser)
    return parser


def _answer(name: str) -> _Parser:
    parser = _new(
        name,
        "Answer the question that a task waits with, as the buttons of its card do.",
        """\
  %tta_answer t yes
  %tta_answer t_x8Kd a text of several words
  %tta_answer t version=1.2 push=yes      a form: a value for each field
  %tta_answer t --decline                 no answer; the task goes on""",
    )
    parser.add_argument("id", metavar="ID", help="an id, the start of one, a name, or a handle")
    parser.add_argument("words", nargs="*", metavar="VALUE")
    parser.add_argument("--decline", action="store_true", help="give no answer")
    return parser


def _logs(name: str) -> _Parser:
    parser = _new(
        name,
        "Print what tasks wrote; control characters are made visible.",
        """\
  %tta_logs t
  %tta_logs t -n 50            the last 50 lines
  %tta_logs t -f               the last 50 lines, and go on until the task is over
  %tta_logs t -f -n 1000       the same after more of what was written""",
    )
    _ids(parser)
    parser.add_argument(
        "-n",
        type=_whole(1, 1_000_000),
        metavar="N",
        help="the last N lines; with -f usually 50, else all",
    )
    parser.add_argument("-f", action="store_true", help="follow until the task is over")
    return parser


def _list(name: str) -> _Parser:
    parser = _new(
        name,
        "All tasks of all doors, live; with a filter as one table."
        if name == "tta_board"
        else "The newest tasks of all doors as one table.",
        f"""\
  %{name}
  %{name} --state running --state queued
  %{name} --kind tests --limit 10""",
    )
    parser.add_argument(
        "--state",
        action="append",
        type=_word,
        choices=["queued", "running", "input_required", "completed", "failed", "cancelled"],
        help="only these; may be repeated",
    )
    parser.add_argument("--kind", type=_text, help="only this kind")
    parser.add_argument("--limit", type=_whole(1, MAX_SHOWN), default=50, metavar="N")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _ids(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "ids", nargs="*", metavar="ID", help="an id, the start of one, a name, or a handle"
    )


PARSERS: Final = {
    "tta_submit": _submit,
    "tta_status": _status,
    "tta_wait": _wait,
    "tta_cancel": _cancel,
    "tta_retry": _retry,
    "tta_answer": _answer,
    "tta_logs": _logs,
    "tta_list": _list,
    "tta_board": _list,
}


@cache
def parser_of(name: str) -> argparse.ArgumentParser:
    """The parser of one magic."""
    return PARSERS[name](name)


@cache
def help_of(name: str) -> str:
    """What `%name?` shows."""
    return parser_of(name).format_help()


def read_options(name: str, words: Sequence[str]) -> argparse.Namespace:
    """The options among the words; options and words may be mixed.

    Raises:
        OptionError: With one sentence.
    """
    try:
        return parser_of(name).parse_intermixed_args(list(words))
    except TypeError as error:  # argparse formats the words it quotes, whatever they hold
        raise OptionError(f"%{name}: {error}") from None
