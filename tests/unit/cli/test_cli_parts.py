"""The parts of the command line that need no store: words, codes, escaping, screens."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tta_interactive.cli.exits import Exit, exit_for, exit_for_error
from tta_interactive.cli.logs import Escaper
from tta_interactive.cli.parser import parse
from tta_interactive.cli.screen import Screen, shows_blocks
from tta_interactive.cli.waiting import Lines
from tta_interactive.errors import (
    AmbiguousTaskError,
    InvalidRequestError,
    StoreDamagedError,
    TaskNotFoundError,
    TTAError,
    UnknownKindError,
    WaitTimeoutError,
    WorkerError,
)
from tta_interactive.task import Task

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def a_task(status: str = "queued", **facts: Any) -> Task:
    usual = {"id": "t_0123456789abcdefghijkl", "kind": "shell", "submitted_at": NOON}
    return Task.model_validate({**usual, "status": status, **facts})


def a_screen(**facts: Any) -> Screen:
    usual = {
        "out": io.StringIO(),
        "err": io.StringIO(),
        "is_terminal": False,
        "width": 200,
        "is_unicode": False,
    }
    return Screen(**{**usual, **facts})


# ---- words


def test_words_and_options_may_be_mixed() -> None:
    found = parse(["submit", "tests", "--wait", "src/auth.py", "--name", "x", "n=1"], "")
    assert found.words == ["tests", "src/auth.py", "n=1"]
    assert (found.wait, found.name) == (True, "x")


def test_what_follows_two_dashes_is_never_an_option() -> None:
    found = parse(["submit", "shell", "--wait", "--", "ls", "--json", "-la", "a b", "--"], "")
    assert found.words == ["shell", "--", "ls", "--json", "-la", "a b", "--"]
    assert (found.wait, found.json) == (True, False)


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["submit", "shell", "--wat", "x"],
        ["status", "-rf"],
        ["status", "--traceb", "x"],  # no guessing what an unfinished option means
        ["wait"],
        ["wait", "x", "--timeout", "soon"],
        ["list", "--state", "done"],
        ["list", "--limit", "0"],
        ["logs", "a", "b"],
        ["worker", "fly"],
    ],
)
def test_wrong_usage_is_an_error_that_names_the_help(argv: list[str]) -> None:
    with pytest.raises(InvalidRequestError, match="--help"):
        parse(argv, "")


# ---- exit codes


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        (["completed", "completed"], 0),
        (["completed", "failed", "cancelled", "running"], 1),
        (["completed", "cancelled", "running"], 3),
        (["completed", "running"], 4),
        (["queued"], 4),
        (["input_required"], 4),
    ],
)
def test_the_worst_task_decides_the_exit_code(statuses: list[str], code: int) -> None:
    assert exit_for([a_task(status) for status in statuses]) == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidRequestError("x"), 2),
        (UnknownKindError("x", ["y"]), 2),
        (AmbiguousTaskError("t", ["t_1", "t_2"]), 2),
        (WaitTimeoutError("t", 1.0), 4),
        (TaskNotFoundError("t"), 5),
        (StoreDamagedError("x"), 6),
        (WorkerError("x"), 6),
    ],
)
def test_each_error_of_the_family_has_its_exit_code(error: TTAError, code: int) -> None:
    assert exit_for_error(error) == code


def test_the_documented_exit_codes_are_the_ones_in_use() -> None:
    from tta_interactive.cli.exits import HELP

    written = {int(line.split()[0]) for line in HELP.splitlines() if line[:3].strip().isdigit()}
    assert written == {*Exit}


# ---- escaping in pieces


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_a_sequence_cut_in_two_is_escaped_as_a_whole(size: int) -> None:
    text = "\x1b[31mred\x1b[0m\r\nnext\x1b]0;evil\x07\rlast\x1b"
    escaper = Escaper()
    pieces = [escaper.add(text[at : at + size]) for at in range(0, len(text), size)]
    shown = "".join(pieces) + escaper.end()
    assert shown == "red\nnext\\x1b]0;evil\\x07\nlast\\x1b"


# ---- screens


@pytest.mark.parametrize(
    ("environ", "encoding", "blocks"),
    [
        ({"LANG": "en_US.UTF-8"}, "utf-8", True),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "C"}, "utf-8", False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, "utf-8", False),
        ({}, "utf-8", False),
        ({"LANG": "en_US.UTF-8"}, "ascii", False),
        ({"LANG": "en_US.UTF-8"}, None, False),
    ],
)
def test_block_characters_only_where_the_locale_promises_them(
    environ: dict[str, str], encoding: str | None, blocks: bool
) -> None:
    assert shows_blocks(environ, encoding) is blocks


def test_json_is_plain_ascii_whatever_it_holds() -> None:
    screen = a_screen(is_json=True)
    screen.json({"a": "\x1b]0;x\x07\u202e\udc80世"})
    text = screen.out.getvalue()  # type: ignore[attr-defined]  # a StringIO
    assert text.isascii()
    assert "\x1b" not in text


# ---- lines in a pipe


def test_a_pipe_gets_one_line_for_each_change_and_messages_once_a_second() -> None:
    screen, now = a_screen(), [0.0]
    lines = Lines(screen, clock=lambda: now[0])
    running = {"started_at": NOON, "finished_at": NOON + timedelta(seconds=1)}
    lines.show([a_task()])
    lines.show([a_task()])
    lines.show([a_task("running", **running, message="one")])
    lines.show([a_task("running", **running, message="two")])
    now[0] = 1.5
    lines.show([a_task("running", **running, message="three")])
    lines.show([a_task("completed", **running)])
    shown = screen.out.getvalue().splitlines()  # type: ignore[attr-defined]  # a StringIO
    assert [line.split("  ")[1] for line in shown] == ["queued", "running", "running", "completed"]
    assert ["three" in line for line in shown] == [False, False, True, False]
