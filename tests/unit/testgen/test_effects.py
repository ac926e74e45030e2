"""What a call leaves in files and on standard output is asserted, as what it returns is."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.testgen.test_devices import generated
from tta_interactive.runners.testgen.inside.generate.effects import of_files, of_module, of_output

KEPT = (
    "a_file = tmp_path / 'a.txt'",
    "a_file.write_text('one\\n', encoding='utf-8')",
    "change(a_file)",
)


def literal(text: str) -> str | None:
    return None if "/tmp/" in text else repr(text)


@pytest.mark.parametrize(
    ("found", "asserts"),
    [
        ({"a.txt": b"one\n"}, []),
        ({"a.txt": b"two\n"}, ["assert a_file.read_text(encoding='utf-8') == 'two\\n'"]),
        ({}, ["assert not a_file.exists()"]),
        (
            {"a.txt": b"one\n", "b.txt": b"new"},
            ["assert (tmp_path / 'b.txt').read_text(encoding='utf-8') == 'new'"],
        ),
        ({"a.txt": b"\xff"}, []),
        ({"a.txt": b"one\r\n"}, []),
        ({"a.txt": b"in /tmp/here"}, []),
        (None, []),
    ],
)
def test_a_file_is_told_where_it_is_another_than_the_test_wrote(
    found: object, asserts: list[str]
) -> None:
    assert of_files(KEPT, found, literal) == asserts


@pytest.mark.parametrize(
    ("printed", "asserts"),
    [
        ("", []),
        ("hello\n", ["assert capsys.readouterr().out == 'hello\\n'"]),
        ("made in /tmp/x", []),
        ("x" * 1000, []),
    ],
)
def test_what_is_printed_is_told_if_it_is_short_and_always_the_same(
    printed: str, asserts: list[str]
) -> None:
    assert of_output(printed, literal) == asserts


def test_tests_of_what_writes_and_prints_look_at_what_came_of_it(tmp_path: Path) -> None:
    text = """
        from pathlib import Path

        def mark(path: Path) -> None:
            path.write_text("marked", encoding="utf-8")

        def greet(times: int) -> None:
            if times > 3:
                print("hello, all")
            else:
                print("hello")
    """
    report = generated(tmp_path, text, seconds=0.75)
    assert ".read_text(encoding='utf-8') == 'marked'" in report["source"]
    assert "assert capsys.readouterr().out == 'hello, all\\n'" in report["source"]
    (tmp_path / "test_m.py").write_text(report["source"], encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_m.py"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stdout


LONG = list(range(10))


@pytest.mark.parametrize(
    ("before", "now", "asserts"),
    [
        (0, 1, ["assert m.X == 1"]),
        (None, True, ["assert m.X is True"]),
        ([], ["a"], ["assert m.X == ['a']"]),
        (LONG, [*LONG, 7], ["assert m.X[-1] == 7"]),
        (LONG, [8, 7, *LONG], ["assert m.X[:2] == [8, 7]"]),
        (LONG, LONG[::-1], []),
        (
            dict.fromkeys("abcde", 1),
            {**dict.fromkeys("abcde", 1), "b": 2},
            ["assert m.X['b'] == 2"],
        ),
        (set(LONG), {*LONG, "new"}, ["assert 'new' in m.X"]),
        ([], ["/tmp/here"], []),
    ],
)
def test_what_a_call_left_in_the_module_is_asserted_by_its_difference(
    before: object, now: object, asserts: list[str]
) -> None:
    def shown(value: object) -> str | None:
        return literal(repr(value)) and repr(value)

    assert of_module("m.X", before, now, shown) == asserts


def test_a_function_that_only_leaves_something_in_the_module_is_tested_for_that(
    tmp_path: Path,
) -> None:
    text = "LOG = []\n\n\ndef note(number: int) -> None:\n    LOG.append(number + 1)\n"
    report = generated(tmp_path, text, seconds=0.3)
    assert "assert m.LOG == [" in report["source"]
