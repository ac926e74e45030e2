"""What `visible` promises about text that strangers wrote."""

import pytest

from tta_interactive.text import one_line, visible

HOSTILE = {
    "window title": ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
    "clipboard": ("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"),
    "lying link": ("\x1b]8;;javascript:x\x1b\\ok", "\\x1b]8;;javascript:x\\x1b\\ok"),
    "clear screen": ("\x1b[2Jhi", "\\x1b[2Jhi"),
    "cursor up": ("a\x1b[1Ab", "a\\x1b[1Ab"),
    "one-byte CSI": ("\x9b2J", "\\x9b2J"),
    "one-byte OSC": ("\x9d0;t\x9c", "\\x9d0;t\\x9c"),
    "device string": ("\x1bP$q\x1b\\", "\\x1bP$q\\x1b\\"),
    "backspace": ("safe\x08\x08\x08\x08evil", "safe\\x08\\x08\\x08\\x08evil"),
    "bell and NUL": ("\x07\x00", "\\x07\\x00"),
    "bidi override": ("\u202egnp.exe", "\\u202egnp.exe"),
    "bidi isolate": ("\u2066a\u2069", "\\u2066a\\u2069"),
    "zero width": ("ad\u200bmin", "ad\\u200bmin"),
    "line separator": ("a\u2028b", "a\\u2028b"),
    "tag smuggling": ("a\U000e0041", "a\\U000e0041"),
    "lone surrogate": ("a\udc80", "a\\udc80"),
    "half a colour": ("\x1b[31", "\\x1b[31"),
}


@pytest.mark.parametrize(("text", "shown"), HOSTILE.values(), ids=HOSTILE)
def test_what_acts_or_hides_is_made_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_colours_and_erase_in_line_are_dropped() -> None:
    assert visible("\x1b[1;31mred\x1b[0m\x1b[K.") == "red."


def test_taking_out_a_colour_cannot_put_an_escape_together() -> None:
    assert "\x1b" not in visible("\x1b\x1b[m[2J")
    assert visible("\x1b\x1b[m[2J") == "\\x1b[2J"


def test_honest_text_stays_as_it_is() -> None:
    honest = "grüße, 世界, سلام\tمی\u200cخواهم 👩\u200d💻 ❤\ufe0f\nsecond line"  # noqa: RUF001  (on purpose)
    assert visible(honest) == honest


def test_a_carriage_return_cannot_print_over_a_line() -> None:
    assert visible("all is well\rowned\r\nnext") == "all is well\nowned\nnext"


def test_a_limit_bounds_the_answer_and_says_so() -> None:
    assert visible("abcdefgh", limit=8) == "abcdefgh"
    assert visible("abcdefghi", limit=8) == "abcde..."
    assert visible("\x1b\x1b", limit=6) == "\\x1..."
    assert len(visible("\x00" * 10_000_000, limit=100)) == 100


def test_one_line_has_no_line_ends_and_no_tabs() -> None:
    assert one_line(" a\nb\r\nc\td  e ") == "a b c d e"
    assert one_line("x" * 50, limit=10) == "xxxxxxx..."
    assert one_line("\n" * 1_000_000, limit=10) == ""
