"""How a finished file is formatted: by ruff, as the project would, and never to its harm."""

import subprocess
import sys
from pathlib import Path

import pytest

from tta_interactive.runners.testgen import tidy
from tta_interactive.runners.testgen.tidy import tidied

ROUGH = """'''Tests.'''
import re
import copy, json
def test_long():
    assert copy.copy(['item number one', 'item number two', 'item number three', 'number 4']) == [ 1 ]
"""
OUTPUT = Path("tests/test_m.py")


def by_ruff(text: str, workspace: Path, *command: str) -> int:
    return subprocess.run(
        [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(OUTPUT), "-"],
        cwd=workspace,
        input=text.encode(),
        capture_output=True,
        check=False,
    ).returncode


def test_the_text_is_what_ruff_makes_of_it(tmp_path: Path) -> None:
    text, note = tidied(ROUGH, OUTPUT, tmp_path)
    assert note == ""
    assert text == (
        '"""Tests."""\n\nimport copy\n\n\ndef test_long():\n'
        "    assert copy.copy(\n"
        '        ["item number one", "item number two", "item number three", "number 4"]\n'
        "    ) == [1]\n"
    )
    assert by_ruff(text, tmp_path, "format", "--check") == 0
    assert by_ruff(text, tmp_path, "check", "--select", "I,F401") == 0


def test_the_projects_own_settings_are_kept(tmp_path: Path) -> None:
    (tmp_path / "ruff.toml").write_text('line-length = 60\n[format]\nquote-style = "single"\n')
    text, note = tidied(ROUGH, OUTPUT, tmp_path)
    assert note == ""
    assert "        [\n            'item number one',\n" in text
    assert by_ruff(text, tmp_path, "format", "--check") == 0


def test_settings_that_ruff_refuses_are_left_aside(tmp_path: Path) -> None:
    (tmp_path / "ruff.toml").write_text('line-length = "wide"\n')
    text, note = tidied(ROUGH, OUTPUT, tmp_path)
    assert (text[:20], note) == ('"""Tests."""\n\nimport', "")


@pytest.mark.parametrize("text", ["def test_a(:\n", "\ud800"])
def test_what_is_no_python_stays_as_it_is_and_the_note_says_so(tmp_path: Path, text: str) -> None:
    assert tidied(text, OUTPUT, tmp_path) == (text, tidy.REFUSED)


def test_without_ruff_the_text_stays_and_the_note_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What an interpreter without ruff says: its finders find nothing of that name.
    monkeypatch.setitem(sys.modules, "ruff", None)
    text, note = tidied(ROUGH, OUTPUT, tmp_path)
    assert text == ROUGH
    assert "tta-interactive[tests]" in note


def test_a_form_that_changes_the_tests_is_not_taken() -> None:
    assert tidy.is_the_same("import b, a\nx = ('a')\n", 'import a\nx = "a"\n')
    assert not tidy.is_the_same(
        "def test_a():\n    assert f(1) == 2\n", "def test_a():\n    pass\n"
    )
