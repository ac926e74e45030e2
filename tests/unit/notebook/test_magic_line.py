"""How a magic's line is split, one sentence per test."""

from contextlib import suppress
from typing import Any

import pytest

from tta_interactive.notebook.line import LineError, Spot, read_line

NAMES: dict[str, Any] = {"x": 7, "cfg": {"a": [1]}, "name": "two words", "flag": "--all"}


def evaluate(expression: str) -> object:
    return eval(expression, dict(NAMES))


def words(line: str) -> list[str]:
    return read_line(line, evaluate).words


def spots(line: str) -> list[tuple[str | None, object]]:
    return [(word.name, word.value) for word in words(line) if isinstance(word, Spot)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tests src/auth.py a=1", ["tests", "src/auth.py", "a=1"]),
        ("name='two words' b=\"it's\"", ["name=two words", "b=it's"]),
        (r'a\ b "say \"hi\" \n"', ["a b", r'say "hi" \n']),
        ("'' x", ["", "x"]),
        ("a#b # a comment", ["a#b"]),
        ("'# no comment'", ["# no comment"]),
        ("'{x}' \"$x\" a'{x}'", ["{x}", "$x", "a{x}"]),
        ("pre{x} {x}post a$x", ["pre{x}", "{x}post", "a$x"]),
        ("   ", []),
    ],
)
def test_words_are_split_and_quoted_as_in_a_shell(line: str, expected: list[str]) -> None:
    assert words(line) == expected


def test_a_whole_word_in_braces_is_a_python_object() -> None:
    assert spots("{x} a={cfg} $x b=$name {x + 1} {'}'}") == [
        (None, 7),
        ("a", {"a": [1]}),
        (None, 7),
        ("b", "two words"),
        (None, 8),
        (None, "}"),
    ]
    assert spots("a={cfg}")[0][1] is NAMES["cfg"]


def test_braces_that_are_a_dictionary_are_the_dictionary() -> None:
    assert spots("k={'a': x, 'b': {'c': 1}} e={}") == [("k", {"a": 7, "b": {"c": 1}}), ("e", {})]


def test_an_option_keeps_its_name_apart_from_its_object() -> None:
    found = words("--timeout={x} --name $name")
    assert found == ["--timeout", "{x}", "--name", "$name"]
    assert [word.value for word in found if isinstance(word, Spot)] == [7, "two words"]


def test_an_object_is_never_taken_for_an_option() -> None:
    assert words("{flag}") == ["{flag}"]


def test_after_two_dashes_nothing_is_expanded() -> None:
    line = read_line("shell --quiet -- awk '{print $1}' {secret} $HOME {1+1} # -- {", evaluate)
    assert line.words == ["shell", "--quiet"]
    assert line.verbatim == ["awk", "{print $1}", "{secret}", "$HOME", "{1+1}", "#", "--", "{"]


def test_quoted_dashes_are_a_word() -> None:
    assert read_line("a '--' b", evaluate).verbatim is None


@pytest.mark.parametrize("line", ["{nope}", "$nope", "a={1/0}", "{def}", "{x.y}"])
def test_an_expression_without_a_value_is_an_error_that_says_how_to_pass_text(line: str) -> None:
    with pytest.raises(LineError, match="quote it"):
        read_line(line, evaluate)


@pytest.mark.parametrize("line", ["'open", 'a "open', "{open", "a={[1, {2}"])
def test_what_is_left_open_is_an_error(line: str) -> None:
    with pytest.raises(LineError, match="never closed"):
        read_line(line, evaluate)


def test_hostile_lines_end_in_words_or_an_error_and_never_hang() -> None:
    for line in ["{" * 100_000, "'" * 99_999, "\\" * 100_001, "\x00 \ud800", "a " * 200_000]:
        with suppress(LineError):
            assert len(read_line(line, evaluate).words) <= 200_000
