"""The magics in terminal IPython: text only, a line that changes, Ctrl-C that only leaves."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.e2e.kernel import kernel_environment, new_home, remove_home
from tta_interactive.blocking import BlockingEngine

PROMPT = r"In \[\d+\]: "


@pytest.fixture
def ipython() -> Iterator["pexpect.spawn[str]"]:
    home = new_home()
    child = pexpect.spawn(
        sys.executable,
        [
            "-m",
            "IPython",
            "--simple-prompt",
            "--no-banner",
            "--no-confirm-exit",
            "--colors=nocolor",
        ],
        env=kernel_environment(home, TERM="xterm", COLUMNS="120"),
        cwd=str(home),
        encoding="utf-8",
        timeout=30,
        dimensions=(40, 120),
    )
    child.expect(PROMPT)
    ask(child, "%load_ext tta_interactive")
    yield child
    child.close(force=True)
    remove_home(home)


def ask(child: "pexpect.spawn[str]", line: str) -> str:
    """What is printed between the line and the next prompt."""
    child.sendline(line)
    child.expect(re.escape(line[-20:]) + r"\r\n")
    child.expect(PROMPT)
    return str(child.before)


def test_a_task_is_submitted_waited_for_and_read_in_a_terminal(
    ipython: "pexpect.spawn[str]",
) -> None:
    assert re.search(
        r"QUEUED t_\S+  shell: echo hello", ask(ipython, "%tta_submit shell -- echo hello")
    )
    assert "COMPLETED t_" in ask(ipython, "r = %tta_wait")
    assert "{'exit_code': 0}" in ask(ipython, "r")
    assert "hello" in ask(ipython, "%tta_logs")
    assert "STATUS" in ask(ipython, "%tta_list")


def test_a_terminal_shows_a_new_task_and_what_the_cell_gave(
    ipython: "pexpect.spawn[str]",
) -> None:
    shown = ask(ipython, "%tta_submit shell -- true")
    assert re.search(r"QUEUED t_\S+  shell: true\r\n.*Out\[\d+\]: <TaskHandle t_", shown, re.DOTALL)
    assert re.search(r"Out\[\d+\]: \w+ t_\S+  shell: true", ask(ipython, "_"))


def test_the_wait_shows_one_line_that_changes_and_ctrl_c_leaves_it(
    ipython: "pexpect.spawn[str]",
) -> None:
    ask(ipython, "t = %tta_submit shell -- sleep 60")
    ipython.sendline("%tta_wait t")
    ipython.expect(r"\r\x1b\[KRUNNING t_\S+  shell: sleep 60  1\.\d s")
    ipython.sendintr()
    ipython.expect(r"Stopped waiting; t_\S+ goes on\. Cancel with: %tta_cancel t_", timeout=2)
    ipython.expect(PROMPT)
    assert "running" in ask(ipython, "t.status.value")
    ask(ipython, "%tta_cancel t")
    assert "CANCELLED" in ask(ipython, "%tta_wait t --no-raise")


def test_a_failed_task_and_wrong_usage_are_short_in_a_terminal(
    ipython: "pexpect.spawn[str]",
) -> None:
    ask(ipython, "%tta_submit shell -- false")
    failed = ask(ipython, "%tta_wait")
    assert "TaskFailed: t_" in failed
    assert "Traceback" not in failed
    assert "UsageError: No task has the id 'nope'." in ask(ipython, "%tta_status nope")


def test_what_a_task_writes_cannot_act_on_the_terminal(ipython: "pexpect.spawn[str]") -> None:
    ask(ipython, r"%tta_submit shell --name '\x1b' -- printf '\033]0;owned\007\033[2J ok'")
    ask(ipython, "%tta_wait")
    shown = ask(ipython, "%tta_logs")
    assert "\x1b]0;owned" not in shown
    assert "\\x1b]0;owned\\x07\\x1b[2J ok" in shown


def test_a_terminal_carries_variables_and_shows_a_value_as_text(
    ipython: "pexpect.spawn[str]",
) -> None:
    ask(ipython, "n = 20")
    ask(ipython, "t = %tta_submit python 'z = {n, n + 1}; z' --in n --out z")
    assert re.search(r"Out\[\d+\]: {20, 21}", ask(ipython, "%tta_wait t"))
    assert re.search(r"Out\[\d+\]: {20, 21}", ask(ipython, "z"))
    ask(ipython, "%config TTA.priority = 'low'")
    ask(ipython, "t = %tta_submit shell -- true")
    assert "'low'" in ask(ipython, "t.task.priority.word")


def test_ctrl_c_leaves_a_handle_with_one_line(ipython: "pexpect.spawn[str]") -> None:
    ask(ipython, "t = %tta_submit shell -- sleep 60")
    # Between two statements a Ctrl-C is Python's own: it says so when the wait has begun.
    ask(ipython, "import sys")
    say = "f.f_code.co_name == '_wait' and (sys.setprofile(None), print('beg' + 'in'))"
    ipython.sendline(f"sys.setprofile(lambda f, *_: {say}); t.result()")
    ipython.expect("begin\r\n")
    ipython.sendintr()
    ipython.expect(r"Stopped waiting; t_\S+ goes on\. Cancel with: %tta_cancel t_", timeout=2)
    ipython.expect(PROMPT)
    assert "Traceback" not in str(ipython.before)
    ask(ipython, "%tta_cancel t")


def test_whoever_waits_in_a_terminal_is_asked_and_ctrl_d_gives_no_answer(
    ipython: "pexpect.spawn[str]",
) -> None:
    code = "from tta_interactive import ask; [ask(q, choices=['a', 'b']) for q in ('1?', '2?')]"
    ask(ipython, f't = %tta_submit python "{code}"')
    ipython.sendline("%tta_wait t")
    ipython.expect(r"t_\S+ asks: 1\?\r\n")
    ipython.expect(r"answer \(a \| b\): ")
    ipython.sendline("c")
    ipython.expect("Give one of: 'a', 'b'")
    ipython.expect(r"answer \(a \| b\): ")
    ipython.sendline("b")
    ipython.expect(r"asks: 2\?\r\n")
    ipython.expect(r"answer \(a \| b\): ")
    ipython.sendeof()
    ipython.expect(r"Not answered. It still waits. In another terminal: tta answer t_")
    ipython.sendintr()
    ipython.expect(PROMPT)
    assert "input_required" in ask(ipython, "t.status.value")
    ask(ipython, "%tta_answer t a")
    assert "['b', 'a']" in ask(ipython, "%tta_wait t")


def test_a_question_that_is_answered_elsewhere_frees_the_terminal(
    ipython: "pexpect.spawn[str]",
) -> None:
    ask(ipython, "t = %tta_submit python \"from tta_interactive import ask; ask('Go?')\"")
    ipython.sendline("%tta_wait t")
    ipython.expect("answer: ")
    with BlockingEngine(Path(str(ipython.cwd)) / "store", owner="cli") as engine:
        (task,) = engine.list(limit=1)
        engine.answer(task.id, "yes")
    ipython.expect("It is not asked any more")
    ipython.expect(PROMPT)
    assert "'yes'" in ask(ipython, "t.result()")
