"""What a task gets when it starts, and what is said when it cannot start."""

import json
import os
import sys

import pytest
from attempt_tools import Attempts

from tta_interactive.worker.attempt import AttemptSpec


def test_a_command_that_does_not_exist_is_named(attempts: Attempts):
    outcome = attempts.start(argv=("no-such-command-here",)).outcome()
    assert outcome.error is not None
    assert outcome.error["message"] == "The command 'no-such-command-here' was not found."


def test_a_file_that_may_not_be_executed_is_named(attempts: Attempts):
    file = attempts.workspace / "plain.txt"
    file.write_text("x")
    outcome = attempts.start(argv=(str(file),)).outcome()
    assert "may not be executed" in outcome.error["message"]  # type: ignore[index]


def test_a_script_without_an_interpreter_line_is_named(attempts: Attempts):
    file = attempts.workspace / "run"
    file.write_text("true")
    file.chmod(0o755)
    outcome = attempts.start(argv=("./run",)).outcome()
    assert outcome.status == "failed"
    assert "'./run'" in outcome.error["message"]  # type: ignore[index]


@pytest.mark.parametrize("name", ["-pevil.py", "a b", "new\nline", "ü", ";rm -rf x", "$(id)"])
def test_file_names_are_only_names(attempts: Attempts, name: str):
    (attempts.workspace / name).write_text("content")
    attempt = attempts.start(argv=("cat", "--", name))
    assert attempt.outcome().status == "completed"
    assert attempt.log() == b"content"


@pytest.mark.parametrize("child", [None, "python"])
def test_a_workspace_that_is_gone_is_said(attempts: Attempts, child: str | None):
    gone = attempts.workspace / "gone"
    what = {"argv": ("true",)} if child is None else {"child": child, "payload": {"code": ""}}
    outcome = attempts.start(workspace=str(gone), **what).outcome()
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert outcome.error["code"] == "workspace"
    assert str(gone) in outcome.error["message"]


def test_an_interpreter_that_is_gone_is_said(attempts: Attempts):
    outcome = attempts.python("1", python="/nowhere/python").outcome()
    assert outcome.error is not None
    assert outcome.error["code"] == "interpreter"


def test_a_sandbox_that_cannot_be_had_is_never_replaced(attempts: Attempts):
    outcome = attempts.shell("true", sandbox=4).outcome()
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert outcome.error["code"] == "sandbox"
    assert "bubblewrap" in outcome.error["remedy"]


@pytest.mark.parametrize("how", ["argv", "fork"])
def test_only_listed_variables_and_asked_ones_arrive(
    attempts: Attempts, how: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SECRET_KEY", "s")
    for name in ("PYTHONSTARTUP", "PYTEST_ADDOPTS", "LD_DEBUG", "GIT_DIR", "BASH_ENV"):
        monkeypatch.setenv(name, "bad")
    monkeypatch.setenv("LC_MARK", "kept")
    monkeypatch.delenv("LD_DEBUG")
    (attempts.home / "second").mkdir()
    second = Attempts(attempts.home / "second")  # its zygote starts with these variables
    try:
        code = "import json, os\nprint(json.dumps(dict(os.environ)))"
        given = {"environment": {"ASKED": "yes"}}
        if how == "argv":
            attempt = second.start(argv=(sys.executable, "-c", code), **given)
        else:
            attempt = second.python(code, **given)
        assert attempt.outcome().status == "completed"
        seen = json.loads(attempt.log())
    finally:
        second.close()
    assert seen["ASKED"] == "yes"
    assert seen["LC_MARK"] == "kept"
    assert seen["TTA_TASK_ID"] == attempt.spec.task_id
    assert seen["TTA_ATTEMPT"] == "1"
    assert seen["TMPDIR"] == f"{attempt.spec.directory}/scratch"
    assert not {"SECRET_KEY", "PYTHONSTARTUP", "PYTEST_ADDOPTS", "GIT_DIR", "BASH_ENV"} & set(seen)


@pytest.mark.parametrize("how", ["argv", "fork"])
def test_a_task_has_no_descriptors_but_its_own(attempts: Attempts, how: str):
    code = (
        "import os\n"
        "for n in sorted(os.listdir('/proc/self/fd'), key=int):\n"
        "    try: print(n, os.readlink(f'/proc/self/fd/{n}').split(':')[0].rsplit('/')[-1])\n"
        "    except OSError: pass\n"
    )
    attempt = (
        attempts.python(code)
        if how == "fork"
        else attempts.start(argv=(sys.executable, "-c", code))
    )
    assert attempt.outcome().status == "completed"
    kinds = [line.split()[1] for line in attempt.log().decode().splitlines()]
    asks = ["socket"] if how == "fork" else []  # Python code may ask questions
    assert sorted(kinds) == ["lock", "null", "pipe", "pipe", "pipe", *asks]


def test_a_task_starts_in_a_session_of_its_own_without_core_files(attempts: Attempts):
    attempt = attempts.shell("ulimit -c; cut -d' ' -f1,6 /proc/$$/stat; trap")
    assert attempt.outcome().status == "completed"
    core, ids = attempt.log().decode().splitlines()
    assert core == "0"
    pid, session = ids.split()
    assert pid == session


def test_a_large_file_of_the_task_stays_whole_under_a_small_log_limit(attempts: Attempts):
    attempt = attempts.shell(
        "head -c 20000000 /dev/zero > big; head -c 100000 /dev/zero", max_log_bytes=4096
    )
    outcome = attempt.outcome()
    assert outcome.status == "completed"
    assert (attempts.workspace / "big").stat().st_size == 20_000_000
    assert outcome.log_bytes == 100_000
    assert outcome.log_dropped >= 100_000 - 4096


@pytest.mark.parametrize("timeout", [0, -1.0, 1e18, float("nan"), float("inf")])
def test_time_outs_that_make_no_sense_are_refused(timeout: float):
    with pytest.raises(ValueError, match="timeout"):
        AttemptSpec(
            task_id="t", attempt=1, kind="x", argv=("true",), workspace="/", directory="/d",
            state="/s", timeout=timeout,
        )  # fmt: skip


def test_a_spec_and_its_json_are_the_same():
    spec = AttemptSpec(
        task_id="t", attempt=1, kind="x", argv=("a", "b"), workspace="/", directory="/d",
        state="/s", successor=("w",), environment={"A": "1"},
    )  # fmt: skip
    assert AttemptSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_the_child_of_a_fork_shows_its_task_in_its_environment(attempts: Attempts):
    code = "open('/proc/self/environ', 'rb').read().decode('utf-8', 'replace').split(chr(0))"
    attempt = attempts.python(code)
    outcome = attempt.outcome()
    assert isinstance(outcome.result, list)
    assert f"TTA_TASK_ID={attempt.spec.task_id}" in outcome.result
    assert os.environ.get("TTA_TASK_ID") is None
