"""What may be asked for, and what a refusal says."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conftest import NOON
from tta_interactive.errors import InvalidRequestError, UnknownKindError
from tta_interactive.request import TaskRequest, as_task
from tta_interactive.task import Priority, SandboxLevel, Task


def made(kind: str = "shell", params: object = None, **options: object) -> Task:
    facts = {"kind": kind, "params": {"argv": ["true"]} if params is None else params, **options}
    return as_task(TaskRequest.checked(**facts), owner="cli", python="/py", at=NOON)


def test_a_request_becomes_a_queued_task_with_the_kind_s_defaults(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    task = made("shell", {"argv": ["echo", "a b"]})
    assert task.id.startswith("t_")
    assert len(task.id) == 24
    assert (task.label, task.owner, task.python) == ("echo 'a b'", "cli", "/py")
    assert task.workspace == str(tmp_path)
    assert (task.max_attempts, task.idempotent, task.sandbox) == (1, False, SandboxLevel.LIMITS)
    assert (task.status, task.submitted_at, task.attempt) == ("queued", NOON, 0)


def test_words_stand_for_priorities_and_levels() -> None:
    task = made(priority="high", sandbox="namespaces")
    assert (task.priority, task.sandbox) == (Priority.HIGH, SandboxLevel.NAMESPACES)


def test_asking_for_several_attempts_says_that_it_may_be_repeated() -> None:
    task = made(max_attempts=3)
    assert (task.max_attempts, task.idempotent) == (3, True)


def test_ids_are_never_the_same() -> None:
    assert len({made().id for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"timeout": 0}, "timeout"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": 1e18}, "timeout"),
        ({"timeout": "5 parsecs"}, "'5 parsecs'"),
        ({"priority": "urgent"}, "'urgent'"),
        ({"sandbox": "steel"}, "'steel'"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"max_attempts": 10**9}, "max_attempts"),
        ({"timeout_s": 5}, "timeout_s"),
        ({"label": "a\0b"}, "label"),
        ({"workspace": "rel/ative"}, "'rel/ative' is no absolute path"),
        ({"not_before": "2026-01-01T00:00:00"}, "not_before"),
        ({"not_before": "9999-12-31T23:59:59-12:00"}, "not_before"),
        ({"metadata": {"tta:damaged": 1}}, "reserved"),
        ({"request_key": ""}, "request_key"),
        ({"metadata": {"x": "\ud800"}}, "lone surrogates"),
        ({"metadata": {"x": float("nan")}}, "NaN"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidRequestError, match=r".") as caught:
        made(**options)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "params", "words"),
    [
        ("shell", {"argv": []}, "argv"),
        ("shell", {"argv": [""]}, "the command's name is empty"),
        ("shell", {"argv": ["a\0b"]}, "argv"),
        ("shell", {"argv": ["true"], "script": "true"}, "give either argv"),
        ("shell", {"cmd": "true"}, "It knows: argv, script."),
        ("shell", {"script": "x" * 200_000}, "script"),
        ("python", {"code": "def"}, "line 1: invalid syntax"),
        ("python", {"code": "x = '\0'"}, "code"),
        ("python", {"code": "(" * 300}, "code"),
        ("call", {"function": "os"}, "function"),
        ("call", {"function": "os:system; rm"}, "function"),
        ("call", {}, "give either function"),
        ("call", {"function": "os:getpid", "args": [float("nan")]}, "NaN"),
    ],
)
def test_wrong_params_are_named_with_what_is_known(kind: str, params: object, words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        made(kind, params)
    assert words in str(caught.value)


def test_an_unknown_kind_names_those_that_are_installed() -> None:
    with pytest.raises(UnknownKindError, match="Installed: call, python, shell, tests"):
        made("shel")


def test_a_request_that_is_too_large_is_refused_with_its_size() -> None:
    with pytest.raises(InvalidRequestError, match="Put the data into a file"):
        made(metadata={"x": "y" * (17 * 1024 * 1024)})


def test_a_moment_without_a_zone_is_not_guessed() -> None:
    assert made(not_before=NOON + timedelta(hours=1)).not_before == NOON + timedelta(hours=1)


def test_no_secret_of_the_environment_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("PATH", "/usr/bin")
    assert "sk-secret" not in made().model_dump_json()
    assert made(environment={"A": "b"}).environment["A"] == "b"
    assert sys.executable not in made().environment.values()
