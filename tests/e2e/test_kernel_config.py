"""`%config TTA`: defaults of one kernel."""

from collections.abc import Iterator

import pytest

from tests.e2e.kernel import WIDGET_VIEW, Kernel


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    with Kernel() as kernel:
        yield kernel


def test_defaults_hold_until_a_line_says_otherwise(kernel: Kernel) -> None:
    assert "TTA.priority" in kernel.run("%config TTA").text
    kernel.run(
        "%config TTA.priority = 'high'\n%config TTA.timeout = 100\n%config TTA.kind = 'shell'"
    )
    kernel.run(
        "a = %tta_submit shell -- true\nb = %tta_submit shell --priority low --timeout 5 -- true"
    )
    kernel.run("%%tta_submit --name words\necho hello | tr a-z A-Z")
    facts = "[[t.task.priority.word, t.task.timeout] for t in (a, b)]"
    assert kernel.value(facts) == [["high", 100.0], ["low", 5.0]]
    kernel.run("%tta_wait words")
    assert kernel.run("%tta_logs words").text == "HELLO"


def test_the_form_of_cards_can_be_chosen(kernel: Kernel) -> None:
    kernel.run("%config TTA.display = 'html'")
    (card,) = kernel.run("%tta_submit shell -- true").cards
    assert WIDGET_VIEW not in card
    kernel.run("%config TTA.display = 'text'")
    assert kernel.run("%tta_submit shell -- true").text.startswith("QUEUED t_")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("display = 'fancy'", "expected any of ['auto', 'widget', 'html', 'text']"),
        ("priority = 'urgent'", "expected any of ['critical', 'high', 'normal', 'low']"),
        ("timeout = -1", "The timeout is -1.0. Give seconds above 0, or None."),
    ],
)
def test_a_default_that_cannot_be_is_refused_and_the_old_one_stays(
    kernel: Kernel, line: str, words: str
) -> None:
    before = kernel.run("%config TTA").text
    assert words in kernel.run(f"%config TTA.{line}").text
    assert kernel.run("%config TTA").text == before


def test_unloading_takes_the_defaults_away(kernel: Kernel) -> None:
    kernel.run("%unload_ext tta_interactive")
    assert "TTA" not in kernel.run("%config").text
