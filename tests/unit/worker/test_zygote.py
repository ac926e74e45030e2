"""The zygote outlives every bad order, and nothing outlives the zygote's purpose."""

import os
import resource
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
from attempt_tools import Attempts, until

from tta_interactive.worker.handing import FRAME
from tta_interactive.worker.zygote import Zygote, ZygoteGoneError


def forged(attempts: Attempts, body: bytes) -> bytes:
    """What the shim answers to a body that no worker would send."""
    ours, theirs = socket.socketpair()
    lock = os.open(attempts.home / "forged", os.O_RDWR | os.O_CREAT)
    control: Any = attempts.zygote._control  # pyright: ignore[reportPrivateUsage]
    socket.send_fds(control, [FRAME.pack(len(body), 0)], [lock, theirs.fileno()])
    control.sendall(body)
    theirs.close()
    os.close(lock)
    ours.settimeout(10)
    with ours:
        return ours.recv(1 << 16)


@pytest.mark.parametrize(
    "body", [b"not json", b"[]", b"{}", b'{"task_id": 1}', b"[" * 100_000, b"\xff\xfe"]
)
def test_it_survives_a_bad_spec(attempts: Attempts, body: bytes):
    assert b'"internal"' in forged(attempts, body)
    assert attempts.shell("true").outcome().status == "completed"


def test_it_takes_a_payload_of_eight_megabytes(attempts: Attempts):
    code = "len('" + "x" * (8 * 1024 * 1024) + "')"
    assert attempts.python(code).outcome().result == 8 * 1024 * 1024


def test_it_buries_its_dead(attempts: Attempts):
    for _ in range(5):
        attempts.shell("true").outcome()
    children = Path(f"/proc/{attempts.zygote.pid}/task/{attempts.zygote.pid}/children")
    until(lambda: children.read_text() == "")


def test_it_keeps_no_descriptors(attempts: Attempts):
    place = f"/proc/{attempts.zygote.pid}/fd"
    attempts.shell("true").outcome()
    before = len(os.listdir(place))
    for _ in range(5):
        attempts.shell("true").outcome()
    until(lambda: len(os.listdir(place)) <= before)


def test_it_ends_with_its_worker_and_its_attempts_go_on(attempts: Attempts):
    attempt = attempts.shell("sleep 0.3; echo done")
    attempt.pid()
    attempts.zygote.close()
    assert attempt.outcome().status == "completed"
    assert attempt.log() == b"done\n"


def test_a_dead_zygote_is_noticed_and_nothing_was_started(attempts: Attempts):
    os.kill(attempts.zygote.pid, signal.SIGKILL)
    until(lambda: Path(f"/proc/{attempts.zygote.pid}/stat").read_text().split()[2] == "Z")
    with pytest.raises(ZygoteGoneError):
        attempts.shell("true")
    attempts.zygote.close()
    attempts.zygote = Zygote.start()
    assert attempts.shell("true").outcome().status == "completed"


def test_neither_the_store_nor_the_models_are_loaded_in_it(attempts: Attempts):
    code = "import sys\nsorted({'sqlite3', 'pydantic', 'anyio', 'asyncio', 'threading'} & set(sys.modules))"
    assert attempts.python(code).outcome().result == []


def test_an_attempt_that_finds_no_descriptor_is_refused_and_may_come_again(attempts: Attempts):
    attempts.shell("true").outcome()
    used = set(map(int, os.listdir(f"/proc/{attempts.zygote.pid}/fd")))
    # Room for the two that come with the order, and one more; the pipes need four.
    limit = next(n for n in range(100) if len(set(range(n)) - used) == 3)
    old = resource.prlimit(attempts.zygote.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(attempts.zygote.pid, resource.RLIMIT_NOFILE, (limit, old[1]))
    attempt = attempts.shell("true")
    assert "open files" in attempt.hears("refused")["reason"]
    resource.prlimit(attempts.zygote.pid, resource.RLIMIT_NOFILE, old)
    assert attempts.shell("true").outcome().status == "completed"
