"""Tasks that ask what nobody should have to hear: they harm themselves, and nobody else."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import until
from tests.e2e.test_questions import ASK, PATIENCE, question_of, result, submit
from tta_interactive.blocking import BlockingEngine
from tta_interactive.worker.start import worker_pid

DOOR = (
    "import fcntl, os, socket, struct, termios, time\n"
    "door = socket.socket(fileno=os.dup(int(os.environ['TTA_ASK_FD'].split('.')[0])))\n"
)
# What was sent counts as waiting until the shim has taken it.
RAW = DOOR + (
    "def raw(text, default='null'):\n"
    '    packet = \'{"question": {"text": "\' + text + \'", "default": \' + default + \'}}\'\n'
    "    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
    "    socket.send_fds(door, [packet.encode()], [theirs.fileno()])\n"
    "    theirs.close()\n"
    "    return mine\n"
    "def say_when_taken():\n"
    "    while fcntl.ioctl(door, termios.TIOCOUTQ, bytes(4)) != bytes(4): time.sleep(0.01)\n"
    "    print('taken', flush=True)\n"
)
LINGERING = RAW + (
    "server = socket.create_server(('127.0.0.1', 0))\n"
    "slow = socket.create_connection(server.getsockname()); peer, _ = server.accept()\n"
    "slow.setblocking(False)\n"
    "try:\n"
    "    while True: slow.send(bytes(65536))\n"
    "except BlockingIOError: pass\n"
    "slow.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 600))\n"
    "one, two = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
)
SENT = {
    "the way back": "socket.send_fds(door, [b'x'], [slow.fileno()])",
    "two at once": "socket.send_fds(door, [b'x'], [slow.fileno(), slow.fileno()])",
    "in the way back": "socket.send_fds(two, [b'x'], [slow.fileno()])\n"
    "socket.send_fds(door, [b'x'], [one.fileno()])",
}


@pytest.mark.parametrize(
    "field",
    [
        "'required': [[]], 'properties': {'n': {'type': 'integer'}}",
        "'properties': {'n': {'type': 'integer', 'minimum': 10**400, 'default': 1}}",
    ],
)
def test_no_question_ends_the_worker(engine: BlockingEngine, home: Path, field: str) -> None:
    code = f"try: ask('x', form={{'type': 'object', {field}}})\nexcept ValueError: said = 'refused'"
    task_id = submit(engine, f"{ASK}{code}\nsaid")
    assert result(engine, task_id) == "refused"
    worker = worker_pid(home)
    assert result(engine, submit(engine, "7")) == 7
    assert worker_pid(home) == worker


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
def test_no_socket_that_comes_with_a_question_keeps_its_task_from_being_ended(
    engine: BlockingEngine, sent: str
) -> None:
    # What is sent while a question is open is not taken yet: only its taker can close it then.
    code = (
        f"{LINGERING}open_one = raw('Ready?')\n{sent}\nslow.close(); one.close(); two.close()\n"
        "print('sent', flush=True)\nsay_when_taken()\ntime.sleep(600)"
    )
    task_id = submit(engine, code)
    until(lambda: "sent" in engine.logs(task_id), PATIENCE)
    assert question_of(engine, task_id).text == "Ready?"
    engine.answer(task_id, "yes")
    until(lambda: "taken" in engine.logs(task_id), PATIENCE)
    engine.cancel(task_id)
    assert engine.wait(task_id, PATIENCE).status == "cancelled"


def test_an_empty_packet_does_not_end_asking(engine: BlockingEngine) -> None:
    task_id = submit(engine, f"{DOOR}door.send(b'')\n{ASK}ask('Still there?')")
    assert question_of(engine, task_id).text == "Still there?"
    engine.answer(task_id, "yes")
    assert result(engine, task_id) == "yes"


def test_a_question_that_was_dropped_while_no_worker_lived_gives_way_to_the_next(
    engine: BlockingEngine, home: Path, tmp_path: Path
) -> None:
    code = ASK + (
        "import os, signal, time\n"
        "child = os.fork()\n"
        "if child == 0: ask('First?'); os._exit(0)\n"
        f"while not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.01)\n"
        "os.kill(child, signal.SIGKILL); os.waitpid(child, 0)\n"
        "print('dropped', flush=True)\n"
        "ask('Second?')"
    )
    task_id = submit(engine, code)
    assert question_of(engine, task_id).text == "First?"
    worker = worker_pid(home)
    assert worker is not None
    os.kill(worker, signal.SIGSTOP)  # deaf, and then dead
    (tmp_path / "go").touch()
    until(lambda: "dropped" in engine.logs(task_id), PATIENCE)
    os.kill(worker, signal.SIGKILL)
    until(lambda: getattr(engine.status(task_id).open_question, "text", "") == "Second?", PATIENCE)
    engine.answer(task_id, "now")
    assert result(engine, task_id) == "now"


def test_a_child_that_keeps_the_socket_of_a_question_does_not_keep_it_open(
    engine: BlockingEngine,
) -> None:
    code = ASK + (
        "import os, signal, time\n"
        "def late(*_):\n"
        "    if os.fork() == 0: time.sleep(600)\n"  # with the asking end
        "    raise TimeoutError\n"
        "signal.signal(signal.SIGALRM, late); signal.setitimer(signal.ITIMER_REAL, 0.3)\n"
        "try: ask('Given up?')\n"
        "except TimeoutError: answer = ask('Again?')\n"
        "answer"
    )
    task_id = submit(engine, code)
    until(lambda: getattr(engine.status(task_id).open_question, "text", "") == "Again?", PATIENCE)
    engine.answer(task_id, "yes")
    assert result(engine, task_id) == "yes"


def test_a_question_that_is_nested_too_deep_to_be_told_is_refused_in_words(
    engine: BlockingEngine, home: Path
) -> None:
    # From those that every reader could read to those that none could: at some depth between,
    # one process can still read what the next cannot.
    code = RAW + (
        "said = set()\n"
        "for depth in [*range(32, 40), *range(960, 1010), 5000]:\n"
        "    for begin, end in ('[', ']'), ('{\"a\":', '}'):\n"
        "        text = begin * depth + '1' + end * depth\n"
        "        said.add(raw('?', text).recv(999))\n"
        "[one.decode() for one in said]"
    )
    assert result(engine, submit(engine, "7")) == 7
    worker = worker_pid(home)
    (said,) = result(engine, submit(engine, code))
    assert said == '{"refused": "The question is no JSON object, or has more than 32 levels."}'
    assert worker_pid(home) == worker


def test_questions_that_a_stopped_worker_could_not_take_are_told_when_it_goes_on(
    engine: BlockingEngine, home: Path, tmp_path: Path
) -> None:
    # Each is 24 KB when told: thirty are three times what its socket takes.
    code = f"{RAW}{ASK}print('ready')\n" + (
        f"while not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.01)\n"
        "for _ in range(30): raw(chr(0x1F600) * 1999).close()\n"
        "[raw(chr(0x1F600) * 16000).recv(999).decode(), ask('Heard?')]"
    )
    task_id = submit(engine, code)
    until(lambda: "ready" in engine.logs(task_id), PATIENCE)
    worker = worker_pid(home)
    assert worker is not None
    os.kill(worker, signal.SIGSTOP)
    try:
        (tmp_path / "go").touch()
        time.sleep(0.5)  # so that the shim has told what it can
    finally:
        os.kill(worker, signal.SIGCONT)
    until(lambda: getattr(engine.status(task_id).open_question, "text", "") == "Heard?", PATIENCE)
    engine.answer(task_id, "yes")
    said, answer = result(engine, task_id)
    assert said == '{"refused": "The question has 64,029 bytes; allowed are 16,384."}'
    assert answer == "yes"


def test_questions_that_were_given_up_while_no_worker_lived_do_not_stop_the_next(
    engine: BlockingEngine, home: Path, tmp_path: Path
) -> None:
    code = RAW + (
        "first = raw('First?')\n"
        f"while not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.01)\n"
        "first.close()\n"
        "raw('Second?').close()\n"
        "third = raw('Third?')\n"
        "say_when_taken()\n"
        "third.recv(999).decode()"
    )
    task_id = submit(engine, code)
    assert question_of(engine, task_id).text == "First?"
    worker = worker_pid(home)
    assert worker is not None
    os.kill(worker, signal.SIGSTOP)  # deaf, and then dead
    (tmp_path / "go").touch()
    until(lambda: "taken" in engine.logs(task_id), PATIENCE)  # all is told to the deaf one
    os.kill(worker, signal.SIGKILL)
    until(lambda: getattr(engine.status(task_id).open_question, "text", "") == "Third?", PATIENCE)
    engine.answer(task_id, "now")
    assert result(engine, task_id) == '{"value": "now"}'


CALLS = """
import os, threading, time
from tta_interactive import ask

def leaves():
    threading.Thread(target=ask, args=("Left behind?",), daemon=True).start()
    time.sleep(0.5)
    return os.getpid()

def asks_later():
    def later():
        time.sleep(1)
        ask("In whose name?")
    threading.Thread(target=later, daemon=True).start()
    return os.getpid()

def asks(text):
    return [os.getpid(), ask(text, timeout=0.2, default="nobody")]
"""


@pytest.mark.parametrize("first", ["leaves", "asks_later"])
def test_a_call_has_nothing_to_do_with_what_an_earlier_one_asks(
    engine: BlockingEngine, tmp_path: Path, first: str
) -> None:
    (tmp_path / "calls.py").write_text(CALLS)

    def called(function: str, *args: Any) -> Any:
        facts = {"function": f"calls:{function}", "args": list(args)}
        return result(engine, engine.submit("call", facts, workspace=str(tmp_path)))

    before = called(first)
    process, answer = called("asks", "Mine?")
    assert answer == "nobody"
    assert process != before


def test_no_two_tries_of_a_call_ask_by_the_same_key(engine: BlockingEngine, tmp_path: Path) -> None:
    code = "import os\nfrom tta_interactive import ask\n\ndef who(path):\n"
    code += "    open(path, 'w').write(str(os.getpid()))\n    return ask('Who?')\n"
    (tmp_path / "calls.py").write_text(code)
    facts = {"function": "calls:who", "args": [str(tmp_path / "pid")]}
    task_id = engine.submit("call", facts, workspace=str(tmp_path), max_attempts=3, idempotent=True)
    first = question_of(engine, task_id)
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    until(lambda: engine.status(task_id).attempt == 2, PATIENCE)
    assert question_of(engine, task_id).key != first.key
