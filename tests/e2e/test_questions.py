"""A running task asks, somebody answers: with a real worker, whoever is killed meanwhile."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.processes import marked, until
from tta_interactive.asking import ask
from tta_interactive.blocking import BlockingEngine
from tta_interactive.engine import ExecutionEngine
from tta_interactive.errors import InvalidRequestError, NoQuestionError, TaskNotFoundError
from tta_interactive.question import Question
from tta_interactive.task import Task
from tta_interactive.worker.start import worker_pid

PATIENCE = 30.0
ASK = "from tta_interactive import ask\n"
CHOICE = ASK + "ask('Which?', choices=['a', 'b'])"


def submit(engine: BlockingEngine, code: str, **options: Any) -> str:
    return engine.submit("python", {"code": code}, workspace="/tmp", **options)


def asking(engine: BlockingEngine, task_id: str) -> Task:
    """The task, once it waits for an answer."""
    (task,) = engine.wait_any([task_id], PATIENCE, questions=True)
    assert task.status == "input_required", task
    return task


def question_of(engine: BlockingEngine, task_id: str) -> Question:
    question = asking(engine, task_id).open_question
    assert question is not None
    return question


def result(engine: BlockingEngine, task_id: str) -> Any:
    return engine.wait(task_id, PATIENCE, check=True).result


def test_a_task_asks_and_gets_the_answer_that_another_process_gives(
    engine: BlockingEngine, home: Path
) -> None:
    task_id = submit(engine, CHOICE)
    question = question_of(engine, task_id)
    assert (question.text, question.choices, question.key) == ("Which?", ("a", "b"), "1.1")
    code = (
        "import sys, tta_interactive as t; t.BlockingEngine(sys.argv[1]).answer(sys.argv[2], 'b')"
    )
    subprocess.run([sys.executable, "-c", code, str(home), task_id], check=True, timeout=PATIENCE)
    assert result(engine, task_id) == "b"


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ("ask('Name?')", "Zoë \U0001f600 '\"\n"),
        ("ask('Name?')", "\x1b" * 2000),  # six bytes each on the way
        (
            "ask('R', form={'type': 'object', 'properties': {'n': {'type': 'integer'}}})",
            {"n": 2**60},
        ),
        ("ask('Which?', choices=['a', 'b'], default='a')", None),
    ],
)
def test_every_answer_arrives_as_it_was_given(
    engine: BlockingEngine, call: str, answer: Any
) -> None:
    task_id = submit(engine, ASK + call)
    asking(engine, task_id)
    engine.answer(task_id, answer)
    assert result(engine, task_id) == answer


def test_an_answer_that_does_not_fit_changes_nothing(engine: BlockingEngine) -> None:
    task_id = submit(engine, CHOICE)
    before = asking(engine, task_id)
    with pytest.raises(InvalidRequestError, match="'c' is no answer to this question"):
        engine.answer(task_id, "c")
    assert engine.status(task_id) == before
    engine.answer(task_id, "a")
    assert result(engine, task_id) == "a"


def test_a_second_answer_is_refused_and_says_who_was_quicker(engine: BlockingEngine) -> None:
    task_id = submit(engine, CHOICE + "\nimport time; time.sleep(60)")
    key = question_of(engine, task_id).key
    assert engine.answer(task_id, "a", key=key).status == "running"
    with pytest.raises(NoQuestionError, match="was answered by 'python' already"):
        engine.answer(task_id, "b")
    engine.cancel(task_id)


def test_an_answer_to_an_older_question_does_not_reach_a_newer_one(engine: BlockingEngine) -> None:
    task_id = submit(engine, ASK + "[ask('1?'), ask('2?')]")
    first = question_of(engine, task_id)
    engine.answer(task_id, "one", key=first.key)
    until(lambda: getattr(engine.status(task_id).open_question, "key", "") == "1.2", PATIENCE)
    with pytest.raises(NoQuestionError, match="followed by another one"):
        engine.answer(task_id, "late", key=first.key)
    engine.answer(task_id, "two")
    assert result(engine, task_id) == ["one", "two"]


def test_a_task_that_asks_nothing_takes_no_answer(engine: BlockingEngine) -> None:
    task_id = engine.submit("shell", {"argv": ["sleep", "60"]})
    until(lambda: engine.status(task_id).status == "running")
    with pytest.raises(NoQuestionError, match="is running and asks nothing"):
        engine.answer(task_id, "yes")
    engine.cancel(task_id)


def test_an_agent_cannot_answer_for_others(engine: BlockingEngine, home: Path) -> None:
    task_id = submit(engine, CHOICE)
    asking(engine, task_id)
    eve = BlockingEngine(home, owner="mcp:eve", sees="own")
    with eve, pytest.raises(TaskNotFoundError):
        eve.answer(task_id, "a")
    assert engine.status(task_id).status == "input_required"
    engine.cancel(task_id)


def test_without_an_answer_in_time_the_default_counts(engine: BlockingEngine) -> None:
    task_id = submit(engine, ASK + "[ask('A?', default='x', timeout=0.2), ask('B?', timeout=0)]")
    assert result(engine, task_id) == ["x", None]
    question = engine.status(task_id).question
    assert question is not None
    assert question.answer is not None
    assert (question.answer.how, question.answer.value) == ("expired", None)


def test_a_question_does_not_use_up_the_time_of_its_task(engine: BlockingEngine) -> None:
    code = ASK + "import time\nbegun = time.time()\nask('Go on?')\ntime.time() - begun"
    task_id = submit(engine, code, timeout=1)
    question = question_of(engine, task_id)
    other = submit(engine, "import time; time.sleep(1.2)")  # longer than the time-out
    engine.wait(other, PATIENCE, check=True)
    assert engine.status(task_id).open_question == question
    engine.answer(task_id, "yes")
    assert result(engine, task_id) > 1


def test_what_is_left_of_the_time_counts_on_after_the_answer(engine: BlockingEngine) -> None:
    task_id = submit(engine, ASK + "import time\nask('Go on?')\ntime.sleep(60)", timeout=1)
    asking(engine, task_id)
    engine.answer(task_id, "yes")
    error = engine.wait(task_id, PATIENCE).error
    assert error is not None
    assert error.code == "timeout"


def test_a_task_that_waits_for_an_answer_can_be_cancelled(engine: BlockingEngine) -> None:
    mark = f"ttaask-{os.getpid()}"
    code = f"import subprocess\nsubprocess.Popen(['sleep', '86399', '{mark}'])\n" + CHOICE
    task_id = submit(engine, code.replace("'sleep', '86399'", "'sh', '-c', 'sleep 86399', 'sh'"))
    asking(engine, task_id)
    engine.cancel(task_id)
    assert engine.wait(task_id, PATIENCE).status == "cancelled"
    assert marked(mark) == []
    with pytest.raises(NoQuestionError, match="is cancelled"):
        engine.answer(task_id, "a")


def test_waiting_for_people_leaves_the_slots_to_others(
    engine: BlockingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTA_SLOTS", "1")
    waiting = [submit(engine, CHOICE), engine.submit("call", function="tta_interactive.asking:ask",
               args=["Name?"], workspace="/tmp"), submit(engine, CHOICE)]  # fmt: skip
    for task_id in waiting:
        asking(engine, task_id)
    assert result(engine, submit(engine, "7")) == 7
    called = engine.submit("call", function="os.path:basename", args=["/a/b"], workspace="/tmp")
    assert result(engine, called) == "b"
    for task_id in waiting:
        engine.answer(task_id, "a")
    assert [result(engine, task_id) for task_id in waiting] == ["a", "a", "a"]


def test_threads_and_child_processes_ask_one_after_another(engine: BlockingEngine) -> None:
    code = ASK + (
        "import concurrent.futures as f, multiprocessing as m\n"
        "with f.ThreadPoolExecutor(4) as threads, f.ProcessPoolExecutor(2, "
        "m.get_context('fork')) as forks:\n"
        "    found = [*(p.submit(ask, f'{n}?') for n, p in enumerate([threads] * 4 + [forks] * 2))]\n"
        "[one.result() for one in found]"
    )
    task_id = submit(engine, code)
    for number in range(1, 7):
        until(lambda key=f"1.{number}": question_of(engine, task_id).key == key, PATIENCE)
        engine.answer(task_id, "answer to " + question_of(engine, task_id).text)
    assert result(engine, task_id) == [f"answer to {n}?" for n in range(6)]


def test_a_worker_that_is_killed_finds_the_question_and_the_answer_again(
    engine: BlockingEngine, home: Path
) -> None:
    task_id = submit(engine, CHOICE)
    before = asking(engine, task_id)
    pid = worker_pid(home)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: worker_pid(home) not in (None, pid), PATIENCE, "another worker serves")
    assert engine.status(task_id) == before  # nobody is asked twice
    engine.answer(task_id, "b")
    assert result(engine, task_id) == "b"


def test_an_answer_that_no_worker_saw_is_not_lost(engine: BlockingEngine, home: Path) -> None:
    task_id = submit(engine, CHOICE)
    asking(engine, task_id)
    pid = worker_pid(home)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        assert engine.answer(task_id, "b").status == "running"
    finally:
        os.kill(pid, signal.SIGKILL)
    assert result(engine, task_id) == "b"
    assert engine.status(task_id).attempt == 1


def test_an_attempt_that_was_killed_with_its_question_asks_again(
    engine: BlockingEngine, home: Path
) -> None:
    task_id = submit(engine, "import os; print(os.getpid())\n" + CHOICE, idempotent=True)
    first = question_of(engine, task_id)
    until(lambda: engine.logs(task_id).strip().isdigit(), what="it said which process it is")
    task_pid = int(engine.logs(task_id))
    shim, worker = psutil.Process(task_pid).ppid(), worker_pid(home)
    assert worker is not None
    for pid in (worker, shim, task_pid):
        os.kill(pid, signal.SIGKILL)
    until(lambda: engine.status(task_id).attempt == 2, PATIENCE, "it is tried again")
    assert question_of(engine, task_id).key == "2.1"
    with pytest.raises(NoQuestionError):
        engine.answer(task_id, "a", key=first.key)
    engine.answer(task_id, "b")
    assert result(engine, task_id) == "b"


def test_who_does_not_wait_any_more_has_no_open_question(engine: BlockingEngine) -> None:
    code = ASK + (
        "import signal\n"
        "def late(*_): raise TimeoutError\n"
        "signal.signal(signal.SIGALRM, late); signal.setitimer(signal.ITIMER_REAL, 0.3)\n"
        "try: ask('Quick!')\n"
        "except TimeoutError: answer = ask('Again?')\n"
        "answer"
    )
    task_id = submit(engine, code)
    until(lambda: getattr(engine.status(task_id).open_question, "text", "") == "Again?", PATIENCE)
    engine.answer(task_id, "yes")
    assert result(engine, task_id) == "yes"


def test_a_task_that_ends_while_a_thread_of_it_asks_is_over(engine: BlockingEngine) -> None:
    code = ASK + (
        "import threading, os, time\n"
        "threading.Thread(target=ask, args=['Still there?'], daemon=True).start()\n"
        f"while not os.path.exists({str(engine.home / 'go')!r}): time.sleep(0.02)\n"
        "7"
    )
    task_id = submit(engine, code)
    asking(engine, task_id)
    (engine.home / "go").touch()
    assert result(engine, task_id) == 7


def test_what_cannot_be_asked_is_an_error_in_the_task(engine: BlockingEngine) -> None:
    code = ASK + (
        "def words(*a, **k):\n"
        "    try: return ask(*a, **k)\n"
        "    except ValueError as error: return str(error)[:31]\n"
        "[words(''), words('x' * 99999), words('x', default=object()), words('x', timeout=-1)]"
    )
    assert result(engine, submit(engine, code)) == [
        "The question is ''. Give a text",
        "The question has 100,059 bytes;",
        "The question cannot be sent as ",
        "The time-out of the question is",
    ]


def test_rubbish_where_questions_go_harms_nobody(engine: BlockingEngine) -> None:
    code = ASK + (
        "import os, socket, json\n"
        "door = socket.socket(fileno=os.dup(int(os.environ['TTA_ASK_FD'].split('.')[0])))\n"
        "file = os.open('/dev/null', os.O_RDWR)\n"
        "for packet in (b'\\xff', b'{}', b'[' * 60000, b'null', b'{\"question\": 5}'):\n"
        "    door.send(packet)\n"
        "    socket.send_fds(door, [packet], [file])\n"
        "    socket.send_fds(door, [packet], [file] * 100)\n"
        "    one, two = socket.socketpair()\n"
        "    socket.send_fds(door, [packet], [two.fileno()])\n"
        "    two.close(); one.close()\n"
        "ask('Sane?')"
    )
    task_id = submit(engine, code)
    assert question_of(engine, task_id).text == "Sane?"
    engine.answer(task_id, "quite")
    assert result(engine, task_id) == "quite"


def test_a_secret_is_not_shown_in_a_question(
    engine: BlockingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "hunter2hunter2")
    code = ASK + "import os; ask('Use ' + os.environ['MY_KEY'] + '?', choices=['no'])"
    task_id = submit(engine, code, secrets=["MY_KEY"])
    assert question_of(engine, task_id).text == "Use [secret]?"
    engine.answer(task_id, "no")
    assert result(engine, task_id) == "no"


@pytest.mark.sandbox
def test_a_sandboxed_task_asks_as_well(engine: BlockingEngine) -> None:
    here = str(Path(__file__).parents[2])  # from where it can import us, installed or not
    task_id = engine.submit("python", {"code": CHOICE}, workspace=here, sandbox="namespaces")
    task = asking(engine, task_id)
    assert task.sandbox_got is not None
    assert task.sandbox_got.word == "namespaces"
    engine.answer(task_id, "b")
    assert result(engine, task_id) == "b"


def test_where_nobody_can_be_asked_the_default_comes_back_at_once(engine: BlockingEngine) -> None:
    assert ask("Outside of a task?", default="yes") == "yes"
    inside = "from tta_interactive import ask; print(ask('In a shell?', default='no'))"
    task_id = engine.submit("shell", {"argv": [sys.executable, "-c", inside]}, workspace="/tmp")
    assert engine.wait(task_id, PATIENCE).status == "completed"
    assert engine.logs(task_id) == "no\n"
    started = f"import subprocess, sys; subprocess.check_output([sys.executable, '-c', {inside!r}])"
    assert result(engine, submit(engine, started)) == {"repr": "b'no\\n'", "type": "bytes"}


async def test_the_engine_for_code_that_awaits_answers_as_well(home: Path) -> None:
    async with ExecutionEngine(home) as engine:
        task_id = await engine.submit("python", {"code": CHOICE}, workspace="/tmp")
        (task,) = await engine.wait_all([task_id], PATIENCE, questions=True)
        assert task.open_question is not None
        assert await engine.wait_any([task_id], 0) == []
        await engine.answer(task_id, "a")
        assert (await engine.wait(task_id, PATIENCE, check=True)).result == "a"
