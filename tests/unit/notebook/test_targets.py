"""What the words after `submit` mean, one sentence per test."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tta_interactive.errors import InvalidRequestError
from tta_interactive.targets import Named, request_from_words, value_of


def params(*words: object, **options: Any) -> dict[str, Any]:
    return request_from_words(words, **options).params


def refusal(*words: object) -> str:
    with pytest.raises(InvalidRequestError) as caught:
        request_from_words(words)
    return str(caught.value)


def test_after_two_dashes_every_word_is_taken_as_it_is() -> None:
    words = ["shell", "--", "awk", "{print $1}", "a=1", "$HOME", "--", "-q"]
    assert params(*words) == {"argv": ["awk", "{print $1}", "a=1", "$HOME", "--", "-q"]}


def test_one_word_for_shell_is_a_script_and_several_are_a_command() -> None:
    assert params("shell", "ls | wc -l") == {"script": "ls | wc -l"}
    assert params("shell", "ls", "src") == {"argv": ["ls", "src"]}
    assert params("shell", "--", "ls") == {"argv": ["ls"]}


def test_a_bare_word_after_a_kind_is_its_target() -> None:
    request = request_from_words(["python", "print(1)"], priority="high", label=None)
    assert (request.kind, request.params) == ("python", {"code": "print(1)"})
    assert request.priority.word == "high"


def test_a_function_takes_args_and_named_values() -> None:
    assert params("pkg.mod:Class.fit", "3", "lr=0.1", 'cfg={"a": [1, null]}', "who=me") == {
        "function": "pkg.mod:Class.fit",
        "args": [3],
        "kwargs": {"lr": 0.1, "cfg": {"a": [1, None]}, "who": "me"},
    }


def test_a_param_that_wants_text_gets_the_text_that_was_typed() -> None:
    assert params("python", "code=12") == {"code": "12"}


def test_an_unknown_param_is_refused_with_the_known_ones() -> None:
    sentence = refusal("shell", "bad=1")
    assert "bad" in sentence
    assert "It knows: argv, script." in sentence


def test_a_second_bare_word_is_refused_where_one_is_taken() -> None:
    assert "got a second: 'b'" in refusal("python", "a", "b")


def test_a_name_given_twice_is_refused() -> None:
    assert refusal("python", "code=1", "code=2") == "'code' is given twice. Give it once."
    assert "as code=... and as a bare word" in refusal("python", "1", "code=2")


def test_what_is_neither_kind_nor_function_is_refused_with_the_kinds() -> None:
    sentence = refusal("tset", "src/auth.py")
    assert sentence.startswith("'tset' is neither a kind nor a function. Kinds: call, python")


def test_a_named_value_is_no_kind_and_no_function() -> None:
    assert refusal(Named("f", print)).startswith("'f=...' is neither a kind nor a function.")


def test_nothing_is_refused_with_an_example() -> None:
    assert "tests src/auth.py" in refusal()


def test_a_value_that_is_no_json_is_refused_by_doors_without_a_pickler() -> None:
    assert "argument 1" in refusal("m:f", {1})
    assert "'code'" in refusal("python", Named("code", object()))


def test_a_value_that_is_no_json_goes_to_the_pickler() -> None:
    seen: list[object] = []

    def pickler(function: object, args: Sequence[object], kwargs: Mapping[str, object]) -> str:
        seen.append((function, list(args), dict(kwargs)))
        return "cGlja2xl"

    request = request_from_words(
        ["m:f", Named("", "a=1"), Named("x", {1, 2}), "y=3"], pickler=pickler
    )
    assert request.params == {"pickle": "cGlja2xl", "name": "m:f"}
    assert seen == [("m:f", ["a=1"], {"x": {1, 2}, "y": 3})]


def test_an_object_that_is_a_text_is_never_read_as_words() -> None:
    assert params("shell", Named("", "script=rm -rf /")) == {"script": "script=rm -rf /"}
    assert params("m:f", Named("x", "5")) == {"function": "m:f", "args": [], "kwargs": {"x": "5"}}


def test_a_path_is_text_for_a_kind() -> None:
    assert params("shell", Path("/bin/ls"), 3) == {"argv": ["/bin/ls", "3"]}


@pytest.mark.parametrize(
    ("text", "value"),
    {
        "true": True,
        "True": True,
        "null": None,
        "None": None,
        "1.5": 1.5,
        '"5"': "5",
        "'5'": "5",
        "(1, 2)": [1, 2],
        "{'a': 1}": {"a": 1},
        "plain words": "plain words",
        "{1, 2}": "{1, 2}",
        "b'x'": "b'x'",
        "NaN": "NaN",
        "1e999": "1e999",
        "": "",
    }.items(),
)
def test_a_value_is_json_else_a_literal_else_text(text: str, value: object) -> None:
    assert value_of(text) == value
    assert type(value_of(text)) is type(value)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "(" * 100_000, "9" * 10_000, "[" * 250 + "]" * 250]
)
def test_a_monstrous_value_is_text(text: str) -> None:
    assert value_of(text) == text


def test_all_that_is_read_goes_through_json_unchanged() -> None:
    words = ["m:f", "a={'x': (1, 2.5)}", "b=null", "c=1e3", "d=ok"]
    found = params(*words)
    assert json.loads(json.dumps(found)) == found
