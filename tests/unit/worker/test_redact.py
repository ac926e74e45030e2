"""What a task prints of its secrets is taken out, however it is cut into writes."""

import base64
import html
import itertools
import shlex
import textwrap
import urllib.parse

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


ODD = "p@ss w/'o\"<&>?~x"
KEY = "-----BEGIN-----\n" + "AbCdEfGhIj+/" * 10 + "\n-----END-----\n"


@pytest.mark.parametrize(
    ("value", "printed", "left"),
    [
        (ODD, base64.b64encode(ODD.encode()), "[secret]"),
        (ODD, base64.urlsafe_b64encode(ODD.encode()).rstrip(b"="), "[secret]"),
        (ODD, base64.b64encode(f"me:{ODD}".encode()), "bWU6[secret]"),
        (ODD, base64.b64encode(f"you:{ODD}".encode()), "eW91On[secret]g="),
        (ODD, base64.b64encode(f"it is {ODD}\n".encode()), "aXQgaXMg[secret]o="),
        (ODD, base64.b64encode(f"it is:{ODD}, and".encode()), "aXQgaXM6[secret]CwgYW5k"),
        (KEY, base64.b64encode(KEY.encode()), "[secret]"),
        (KEY, base64.encodebytes(KEY.encode()), "[secret]\n"),
        (KEY, base64.encodebytes(KEY.encode()).replace(b"\n", b"\r\n"), "[secret]\r\n" * 3),
        (KEY, textwrap.indent(KEY, "  ").encode(), "  [secret]\n" * 3),
        (ODD, urllib.parse.quote(ODD), "[secret]"),
        (ODD, urllib.parse.quote(ODD, safe=""), "[secret]"),
        (ODD, urllib.parse.quote_plus(ODD).lower(), "[secret]"),
        (
            ODD,
            "https://me:" + urllib.parse.quote(ODD, safe="") + "@host",
            "https://me:[secret]@host",
        ),
        (ODD, html.escape(ODD), "[secret]"),
        (ODD, html.escape(ODD, quote=False), "[secret]"),
        (ODD, shlex.join(["curl", "-u", ODD]), "curl -u '[secret]'"),
        (ODD, ODD.encode().hex(), "[secret]"),
        (f" {ODD}\n", ODD, "[secret]"),
        (f"{ODD}\n", base64.b64encode(ODD.encode()), "[secret]"),
    ],
)
def test_a_secret_is_found_in_the_forms_in_which_programs_print_it(
    value: str, printed: bytes | str, left: str
) -> None:
    data = printed if isinstance(printed, bytes) else printed.encode()
    assert shown(Redactor([value]), [data]).decode() == left
    assert shown(Redactor([value]), [bytes([byte]) for byte in data]).decode() == left
    assert Redactor([value]).clean(data.decode()) == left


def test_a_line_of_a_secret_that_is_too_short_to_be_one_is_shown() -> None:
    redactor = Redactor(["{\n  long-enough\n}\n"])
    assert shown(redactor, [b"{x}\n\tlong-enough"]) == b"{x}\n\t" + M


def test_results_are_cleaned_in_depth_and_in_keys() -> None:
    value = {f"k{VALUE}": [1, None, {"x": f"-{VALUE}-"}], "n": 2.5}
    assert Redactor([VALUE]).clean(value) == {
        f"k{MARK}": [1, None, {"x": f"-{MARK}-"}],
        "n": 2.5,
    }
