"""Workflows at the command line: from a file or a pipe, shown as a tree."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_cli import HOSTILE, Tta
from tta_interactive.cli.main import main

STEPS: list[dict[str, Any]] = [
    {"name": "test", "kind": "shell", "params": {"argv": ["true"]}},
    {
        "name": "docs",
        "kind": "workflow",
        "params": {"steps": [{"name": "html", "kind": "shell", "params": {"argv": ["true"]}}]},
    },
    {
        "name": "ship",
        "kind": "shell",
        "params": {"script": "sleep 30"},
        "after": ["test", "docs"],
    },
]


@pytest.fixture
def tta(
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Tta:
    monkeypatch.setenv("TTA_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setenv("LANG", "C")
    monkeypatch.chdir(tmp_path)
    return Tta(capsys)


def write(steps: Sequence[dict[str, Any]], **more: Any) -> str:
    Path("flow.json").write_text(json.dumps({"steps": steps, **more} if more else steps))
    return "flow.json"


def test_a_file_is_submitted_and_shown_as_a_tree(tta: Tta) -> None:
    assert tta("submit", "workflow", write(STEPS), "--name", "release") == 0
    (task_id,) = tta.out.split()
    step_ids = {s["step"]: s["id"] for s in tta.json("list", "--steps") if s["step"]}
    assert main(["wait", step_ids["docs"], step_ids["test"]]) == 0
    assert tta("status", "release") == 0
    lines = tta.out.splitlines()
    tree = lines[lines.index(next(line for line in lines if line.startswith("|- test"))) :]
    assert [line.split()[:3] for line in tree][:3] == [
        ["|-", "test", "completed"],
        ["|-", "docs", "completed"],
        ["|", "`-", "html"],
    ]
    assert tree[3].split()[:2] == ["`-", "ship"]
    assert tta("cancel", task_id) == 0
    assert tta("wait", task_id) == 3
    assert ["`-", "ship", "cancelled"] in [line.split()[:3] for line in tta.out.splitlines()]


def test_lists_leave_the_steps_out_unless_asked(tta: Tta) -> None:
    assert tta("submit", "workflow", write(STEPS[:2]), "--wait") == 0
    assert "one after the other" in tta.out
    assert [task["kind"] for task in tta.json("list")] == ["workflow"]
    every = tta.json("list", "--steps")
    assert sorted(task["step"] for task in every) == ["", "docs", "html", "test"]
    (whole,) = [task for task in every if task["parent"] is None]
    assert (whole["steps"], {t["parent"] for t in every if t["step"] == "test"}) == (
        2,
        {whole["id"]},
    )
    (step,) = [task for task in every if task["step"] == "html"]
    assert tta("status", step["id"]) == 0
    assert f"html of {step['parent']}" in tta.out


def test_standard_input_is_a_file_and_params_may_follow(
    tta: Tta, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = [{"name": "bad", "kind": "shell", "params": {"argv": ["false"]}}]
    stream = io.TextIOWrapper(io.BytesIO(json.dumps(failing).encode()))
    monkeypatch.setattr("sys.stdin", stream)
    assert tta("submit", "workflow", "-", "on_failure=stop", "--wait") == 1
    assert "Step 'bad' failed (error): exited with 1." in tta.out
    (task,) = tta.json("list", "--kind", "workflow")
    assert task["on_failure"] == "stop"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("3", "neither a list of steps nor an object"),
        ('{"steps": [], "speed": 3}', "speed"),
        ('[{"name": "a", "kind": "shell", "after": ["b"]}]', "comes after 'b', which is no step"),
        ('[{"name": "a", "kind": "shell"}]', "Step 'a': Kind 'shell' cannot take"),
    ],
)
def test_a_file_that_is_no_workflow_is_refused_in_words(tta: Tta, text: str, words: str) -> None:
    Path("flow.json").write_text(text)
    assert tta("submit", "workflow", "flow.json") == 2
    assert words in tta.err
    assert tta.json("list", "--steps") == []


@pytest.mark.parametrize("words", [["nowhere.json"], ["."], ["a", "b"]])
def test_a_file_that_cannot_be_read_is_refused_in_words(tta: Tta, words: list[str]) -> None:
    assert tta("submit", "workflow", *words) == 2
    assert "workflow" in tta.err
    assert "Traceback" not in tta.err


def test_labels_of_steps_cannot_act_on_the_terminal(tta: Tta) -> None:
    steps = [{**STEPS[0], "label": HOSTILE}]
    assert tta("submit", "workflow", write(steps), "--wait") == 0
    assert tta("list", "--steps") == 0
    assert "\x1b" not in tta.out
    assert "\u202e" not in tta.out
