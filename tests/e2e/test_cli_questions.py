"""`tta` shows the question of a task, and answers it: by words, and at a terminal."""

import json
import subprocess
from pathlib import Path

import pexpect
import pytest

from tests.e2e.processes import until
from tests.e2e.tta_command import TTA, on_terminal, run, surroundings
from tta_interactive.blocking import BlockingEngine
from tta_interactive.task import Task

HOSTILE = "Sure?\x1b]0;owned\x07\x1b[2J\u202e"
FORM = {
    "type": "object",
    "required": ["branch"],
    "properties": {
        "branch": {"type": "string", "description": "where to\x1b[2J"},
        "push": {"type": "boolean", "default": False},
    },
}


@pytest.fixture
def asked(engine: BlockingEngine) -> Task:
    """A task that asks for one of two."""
    return ask(engine, f"ask({HOSTILE!r}, choices=['Yes', 'no'], default='no', timeout=3600)")


def ask(engine: BlockingEngine, call: str) -> Task:
    code = f"from tta_interactive import ask\n{call}"
    task_id = engine.submit("python", {"code": code}, workspace="/tmp")
    (task,) = engine.wait_any([task_id], 30, questions=True)
    assert task.open_question is not None
    return task


def test_the_status_shows_the_question_harmless_and_how_to_answer(asked: Task, home: Path) -> None:
    out = run(home, "status", asked.id[:12]).stdout
    assert "\x1b" not in out
    assert "\u202e" not in out
    lines = [line.split(None, 1) for line in out.splitlines()]
    facts = [(line[0], line[1]) for line in lines if len(line) == 2]
    assert ("status", "input_required") in facts
    assert [text for name, text in facts if name == "choice"] == ["Yes", "no"]
    assert next(t for n, t in facts if n == "question").startswith("Sure?\\x1b]0;owned\\x07")
    assert next(t for n, t in facts if n == "until").endswith(', then: "no"')
    assert ("answer", f"tta answer {asked.id[:10]} CHOICE") in facts
    assert "asks: Sure?" in run(home, "status").stdout


def test_an_answer_in_words_lets_the_task_go_on(
    asked: Task, engine: BlockingEngine, home: Path
) -> None:
    told = run(home, "answer", asked.id, "yes")
    assert (told.returncode, told.stderr) == (0, "")
    assert engine.wait(asked.id, 30).result == "Yes"
    task = engine.status(asked.id)
    assert task.question is not None
    assert task.question.answer is not None
    assert task.question.answer.by == "cli"
    late = run(home, "answer", asked.id, "no")
    assert late.returncode == 2
    assert "was answered by 'cli' already" in late.stderr


def test_an_answer_that_does_not_fit_is_wrong_usage_and_says_what_fits(
    asked: Task, home: Path
) -> None:
    wrong = run(home, "answer", asked.id, "perhaps")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "Give one of: 'Yes', 'no'." in wrong.stderr
    none = run(home, "answer", asked.id)
    assert none.returncode == 2
    assert f"tta answer {asked.id[:10]} CHOICE" in none.stderr
    assert "\x1b" not in none.stderr
    both = run(home, "answer", asked.id, "yes", "--decline")
    assert "beside --decline" in both.stderr


def test_a_form_is_filled_in_by_name_and_value(engine: BlockingEngine, home: Path) -> None:
    task = ask(engine, f"ask('Release?', form={FORM!r})")
    shown = run(home, "status", task.id).stdout
    assert "branch (text, needed): where to" in shown
    assert "push (yes or no, else false)" in shown
    assert run(home, "answer", task.id, "push=yes").returncode == 2
    told = run(home, "answer", task.id, "branch=a b", "push=yes", "--json")
    assert json.loads(told.stdout)["status"] == "running"
    assert engine.wait(task.id, 30).result == {"branch": "a b", "push": True}


def test_an_answer_may_begin_with_a_dash_and_may_be_none(
    engine: BlockingEngine, home: Path
) -> None:
    task = ask(engine, "[ask('One?'), ask('Two?', default='x')]")
    assert run(home, "answer", task.id, "--", "--force", "-n").returncode == 0
    until(lambda: getattr(engine.status(task.id).open_question, "text", "") == "Two?", 30)
    assert run(home, "answer", task.id, "--decline").returncode == 0
    assert engine.wait(task.id, 30).result == ["--force -n", None]


def test_a_wait_in_a_pipe_tells_the_question_and_goes_on(asked: Task, home: Path) -> None:
    with subprocess.Popen(
        [*TTA, "wait", asked.id], env=surroundings(home), stdout=subprocess.PIPE, text=True
    ) as wait:
        assert wait.stdout is not None
        told = [next(wait.stdout) for _ in range(6)]
        assert "input_required" in told[0]
        assert [line.split()[0] for line in told[1:]] == [
            *("question", "choice", "choice", "until", "answer"),
        ]
        assert run(home, "answer", asked.id, "no").returncode == 0
        rest = wait.stdout.read()
    assert (wait.returncode, "completed" in rest) == (0, True)


def test_a_wait_at_a_terminal_asks_the_person_until_the_answer_fits(
    asked: Task, engine: BlockingEngine, home: Path
) -> None:
    wait = on_terminal(home, "wait", asked.id)
    wait.expect("Sure")
    wait.expect("answer: ")
    wait.sendline("perhaps")
    wait.expect("Give one of: 'Yes', 'no'")
    wait.expect("answer: ")
    wait.sendline("yes")
    wait.expect("completed")
    wait.expect(pexpect.EOF)
    assert engine.status(asked.id).result == "Yes"


def test_who_does_not_answer_at_the_terminal_leaves_the_question_to_others(
    asked: Task, engine: BlockingEngine, home: Path
) -> None:
    wait = on_terminal(home, "wait", asked.id)
    wait.expect("answer: ")
    wait.sendeof()
    wait.expect("Not answered")
    assert engine.status(asked.id).status == "input_required"
    engine.answer(asked.id, "no")
    wait.expect("completed")
    other = ask(engine, "ask('Again?')")
    wait = on_terminal(home, "wait", other.id)
    wait.expect("answer: ")
    wait.sendintr()
    wait.expect("Stopped waiting")
    assert engine.status(other.id).status == "input_required"


def test_the_command_asks_for_each_field_at_a_terminal(engine: BlockingEngine, home: Path) -> None:
    task = ask(engine, f"ask('Release?', form={FORM!r})")
    told = on_terminal(home, "answer", task.id)
    told.expect("branch: ")
    told.sendline("main")
    told.expect("push: ")
    told.sendline("")
    told.expect(pexpect.EOF)
    assert engine.wait(task.id, 30).result == {"branch": "main", "push": False}
