"""What the options of the magics accept, one sentence per test."""

import pytest

from tta_interactive.notebook.line import Spot
from tta_interactive.notebook.options import PARSERS, OptionError, help_of, read_options


def test_options_and_words_may_be_mixed() -> None:
    options = read_options(
        "tta_submit", ["tests", "--priority", "HIGH", "a.py", "--timeout", "2m", "k=-1"]
    )
    assert options.words == ["tests", "a.py", "k=-1"]
    assert (options.priority, options.timeout) == ("high", 120.0)


def test_an_object_stays_an_object_among_the_words() -> None:
    spot = Spot.of("{x}", None, [1])
    (word,) = read_options("tta_submit", [spot]).words
    assert word is spot


def test_an_option_takes_the_object_and_not_what_was_typed() -> None:
    words = ["--timeout", Spot.of("{t}", None, 2.5), "--name", Spot.of("$n", None, "--all")]
    options = read_options("tta_submit", words)
    assert (options.timeout, options.name) == (2.5, "--all")


@pytest.mark.parametrize("name", ["tta_wait", "tta_submit"])
@pytest.mark.parametrize(
    "time", ["0", "-1", "nan", "inf", "1e309", "1e3", "5 parsecs", "", "0.0s", "9" * 400, "٣"]
)
def test_a_timeout_that_is_no_time_is_wrong_usage(name: str, time: str) -> None:
    with pytest.raises(OptionError, match="timeout"):
        read_options(name, [f"--timeout={time}"])


@pytest.mark.parametrize(
    ("text", "seconds"), [("30", 30), ("1.5s", 1.5), ("10m", 600), ("2h", 7200), (".5", 0.5)]
)
def test_a_timeout_is_written_as_people_do(text: str, seconds: float) -> None:
    assert read_options("tta_wait", ["--timeout", text]).timeout == seconds


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tta_submit", ["--priority", "urgent"]),
        ("tta_submit", ["--retries", "-1"]),
        ("tta_submit", ["--retries", "100"]),
        ("tta_submit", ["--prio", "high"]),
        ("tta_submit", ["--sandbox", "docker"]),
        ("tta_logs", ["-n", "many"]),
        ("tta_logs", ["-n", "0"]),
        ("tta_list", ["--state", "done"]),
        ("tta_list", ["what"]),
        ("tta_wait", ["%s%(prog)s", "--nope"]),
    ],
)
def test_a_wrong_option_is_one_sentence_that_points_to_the_help(
    name: str, words: list[str]
) -> None:
    with pytest.raises(OptionError) as caught:
        read_options(name, words)
    assert f"%{name}? shows examples." in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", PARSERS)
def test_every_magic_has_help_with_examples(name: str) -> None:
    text = help_of(name)
    assert f"%{name}" in text
    assert "examples:" in text
