"""What a task prints of its secrets is taken out, however it is cut into writes."""

import itertools

import pytest

from tta_interactive.worker.redact import MARK, Redactor

VALUE = "hunter2-hunter3"
M = MARK.encode()


def shown(redactor: Redactor, pieces: list[bytes]) -> bytes:
    return b"".join(map(redactor.feed, pieces)) + redactor.flush()


def test_a_secret_is_found_wherever_it_is_cut() -> None:
    data = f"a {VALUE} b hunter2-hunt c {VALUE}".encode()
    whole = b"a " + M + b" b hunter2-hunt c " + M
    for cuts in itertools.combinations(range(len(data)), 2):
        pieces = [data[: cuts[0]], data[cuts[0] : cuts[1]], data[cuts[1] :]]
        assert shown(Redactor([VALUE]), pieces) == whole
    assert shown(Redactor([VALUE]), [bytes([byte]) for byte in data]) == whole


def test_what_cannot_be_a_secret_is_shown_at_once() -> None:
    redactor = Redactor([VALUE])
    assert redactor.feed(b"progress: 10 %") == b"progress: 10 %"
    assert redactor.feed(b" hun") == b" "  # perhaps
    assert redactor.feed(b"gry") == b"hungry"


def test_of_two_secrets_that_begin_alike_the_longer_one_goes_whole() -> None:
    redactor = Redactor(["secret", "secret-and-more"])
    assert shown(redactor, [b"x secret", b"-and-more y secret z"]) == (
        b"x " + M + b" y " + M + b" z"
    )


@pytest.mark.parametrize("value", ['quo"te\\back', "line\nline", "täglich-ä", "it's-it"])
def test_a_secret_is_found_as_json_and_repr_write_it(value: str) -> None:
    import json

    for text in (value, json.dumps({"k": value}), repr([value]), json.dumps([value]) + "\n"):
        left = shown(Redactor([value]), [text.encode()]).decode()
        assert MARK in left
        assert value not in left


def test_results_are_cleaned_in_depth_and_in_keys() -> None:
    value = {f"k{VALUE}": [1, None, {"x": f"-{VALUE}-"}], "n": 2.5}
    assert Redactor([VALUE]).clean(value) == {
        f"k{MARK}": [1, None, {"x": f"-{MARK}-"}],
        "n": 2.5,
    }
