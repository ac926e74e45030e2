"""A secret reaches its task's process, and nothing else: no row, no file, no log, no result."""

import os
from pathlib import Path

import pytest

from tests.e2e.processes import marked, until
from tests.e2e.tta_command import run
from tta_interactive.blocking import BlockingEngine
from tta_interactive.errors import ForbiddenError, InvalidRequestError
from tta_interactive.request import TaskRequest

VALUE = "hunter2-é'\"-hunter3"
NAME = "MY_API_KEY"


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setenv(NAME, VALUE)


def holders(home: Path) -> list[Path]:
    """The files of the store in which the value stands; SQLite's own are read by copy."""
    needles = [VALUE.encode(), b"hunter2"]
    files = [path for path in home.rglob("*") if path.is_file() and not path.is_symlink()]
    # Another process looks: see promise D8, our own must not open the database.
    found: list[Path] = []
    for path in files:
        pid = os.fork()
        if pid == 0:
            try:
                data = path.read_bytes()
            except OSError:
                data = b""
            os._exit(int(any(needle in data for needle in needles)))
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
            found.append(path)
    return found


def test_a_secret_reaches_the_task_and_only_the_task(engine: BlockingEngine, home: Path) -> None:
    go = home.parent / "go"
    script = f'echo "[${NAME}]"; while [ ! -e {go} ]; do sleep 0.02; done'
    task_id = engine.submit("shell", {"script": script}, secrets=[NAME])
    until(lambda: "[secret]" in engine.logs(task_id), what="it has printed its secret")
    value = home / "secrets" / task_id
    assert holders(home) == [value]
    assert value.stat().st_mode & 0o777 == 0o600
    assert engine.status(task_id).secrets == (NAME,)
    go.touch()
    assert engine.wait(task_id, 20).status == "completed"
    until(lambda: not value.exists(), what="the value is deleted")
    assert holders(home) == []


def test_a_secret_in_two_writes_a_result_and_an_error_is_taken_out(
    engine: BlockingEngine, home: Path
) -> None:
    code = f"""
import os, select, sys
key = os.environ[{NAME!r}]
for part in (key[:7], key[7:]):
    os.write(1, part.encode())
    select.select([], [], [], 0.1)
print()
"""
    good = engine.submit("python", {"code": code + "[key, {key: len(key)}]"}, secrets=[NAME])
    task = engine.wait(good, 20)
    assert task.result == ["[secret]", {"[secret]": len(VALUE)}]
    assert engine.logs(good) == "[secret]\n"
    bad = engine.submit("python", {"code": code + "raise ValueError(key)"}, secrets=[NAME])
    error = engine.wait(bad, 20).error
    assert error is not None
    assert "[secret]" in error.message
    assert "hunter2" not in error.model_dump_json()
    until(lambda: holders(home) == [], what="nothing of it is left")


@pytest.mark.sandbox
def test_a_secret_reaches_a_contained_task_and_stands_on_no_command_line(
    engine: BlockingEngine, home: Path
) -> None:
    go = home.parent / "go"
    script = f'test "${NAME}" && echo set; while [ ! -e {go} ]; do sleep 0.02; done'
    options = {"sandbox": "namespaces", "workspace": str(home.parent)}
    task_id = engine.submit("shell", {"script": script}, secrets=[NAME], **options)
    until(lambda: engine.logs(task_id) == "set\n", what="it runs")
    assert marked(str(go)) != []
    assert marked("hunter2") == []
    go.touch()
    assert engine.wait(task_id, 20).status == "completed"


def test_a_call_with_a_secret_gets_a_process_of_its_own(engine: BlockingEngine) -> None:
    params = {"function": "os:getenv", "args": [NAME]}
    task = engine.wait(engine.submit("call", params, secrets=[NAME]), 20)
    assert task.result == "[secret]"
    task = engine.wait(engine.submit("call", params), 20)
    assert task.result is None


def test_a_task_cancelled_in_the_queue_leaves_no_secret(engine: BlockingEngine, home: Path) -> None:
    first = engine.submit("shell", {"argv": ["sleep", "60"]})
    waiting = engine.submit("shell", {"argv": ["true"]}, after=[first], secrets=[NAME])
    assert (home / "secrets" / waiting).exists()
    engine.cancel(waiting)
    until(lambda: not (home / "secrets" / waiting).exists(), 20)
    engine.cancel(first)


def test_a_repeated_attempt_gets_its_secret_again(engine: BlockingEngine) -> None:
    script = f'[ "${NAME}" ] && [ $TTA_ATTEMPT -gt 1 ]'
    task_id = engine.submit("shell", {"script": script}, secrets=[NAME], max_attempts=2)
    task = engine.wait(task_id, 20)
    assert (task.status, task.attempt) == ("completed", 2)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("NOT_SET_HERE", None, "is not set here"),
        ("LD_PRELOAD", "evil.so", "cannot be the name"),
        ("A=B", "xxxxxxxx", "cannot be the name"),
        ("PIN_CODE", "1234", "has 4 characters"),
        ("PIN_LINE", "  1234\n", "has 4 characters"),
    ],
)
def test_what_cannot_be_kept_secret_is_refused_and_nothing_is_stored(
    engine: BlockingEngine,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str | None,
    words: str,
) -> None:
    if value is not None and "=" not in name:
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidRequestError, match=words):
        engine.submit("shell", {"argv": ["true"]}, secrets=[NAME, name])
    assert engine.list() == []
    assert holders(home) == []


def test_a_kind_that_takes_none_and_a_door_that_may_not_are_refused(home: Path) -> None:
    with (
        BlockingEngine(home) as engine,
        pytest.raises(InvalidRequestError, match="take no secrets"),
    ):
        engine.submit("tests", {"module_path": "x.py"}, secrets=[NAME])
    request = TaskRequest(kind="shell", params={"argv": ["true"]}, secrets=(NAME,))
    with (
        BlockingEngine(home, owner="mcp:x", allow={"shell"}) as engine,
        pytest.raises(ForbiddenError, match="secrets"),
    ):
        engine.submit(request)
    assert holders(home) == []


def test_a_repeated_key_leaves_no_second_copy(engine: BlockingEngine, home: Path) -> None:
    options = {"secrets": [NAME], "request_key": "k"}
    ids = {engine.submit("shell", {"argv": ["sleep", "60"]}, **options) for _ in range(3)}
    assert [path.name for path in (home / "secrets").iterdir()] == list(ids)
    engine.cancel(ids.pop())


def test_the_command_passes_a_secret_by_name(home: Path) -> None:
    line = ["submit", "--wait", "--secret", NAME, "shell", f'test -n "${NAME}"']
    done = run(home, *line, **{NAME: VALUE})
    assert (done.returncode, done.stderr) == (0, "")
    done = run(home, *line)
    assert done.returncode == 2
    assert f"'{NAME}' is not set here" in done.stderr
