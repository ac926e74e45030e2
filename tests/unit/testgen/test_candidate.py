"""What may become a test: how it is written down, and which way it goes."""

from dataclasses import replace

import pytest

from tta_interactive.runners.testgen.inside.generate.candidate import Argument, Candidate, Use
from tta_interactive.runners.testgen.inside.generate.targets import Target


def method(name: str, *arguments: str) -> Use:
    """A call of a method of the private class `_Counter`."""
    target = Target("method", "_Counter", name, name, None, frozenset(), True, is_private=True)
    slot, shape = (target.key, "value"), ("str",)
    return Use(target, tuple(Argument(slot, shape, text) for text in arguments))


DOWN = Candidate(method("down"), "counter(3)", "a_counter")


@pytest.mark.parametrize(
    ("candidate", "is_private"),
    [
        (DOWN, False),  # what a public function gives is asked in public
        (replace(DOWN, made="_Counter(3)"), True),
        (replace(DOWN, last=method("_turn")), True),
        (replace(DOWN, before=(method("up"),)), False),
        (replace(DOWN, before=(method("_turn"),)), True),
    ],
)
def test_a_way_is_private_where_it_names_what_is_private(
    candidate: Candidate, is_private: bool
) -> None:
    assert candidate.is_private is is_private


def test_the_steps_of_a_coroutine_stand_in_it_and_what_is_set_before_stands_above() -> None:
    candidate = replace(
        DOWN,
        before=(method("up", "'a'"),),
        given=("monkeypatch.setenv('A', '1')",),
        wrap="asyncio.run(awaited({}))",
        in_loop=True,
    )
    assert candidate.statements() == [
        "monkeypatch.setenv('A', '1')",
        "async def steps():\n"
        "    a_counter = counter(3)\n"
        "    a_counter.up('a')\n"
        "    return await awaited(a_counter.down())",
        "asyncio.run(steps())",
    ]
