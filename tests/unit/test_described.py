"""Descriptions in a schema: the string below a field."""

import inspect
from typing import Any

import pytest

from tta_interactive.described import Described


class Wheel(Described):
    """A wheel."""

    size: float = 1.0
    """Across, in metres."""
    spokes: int = 0


class Cart(Described):
    """A cart."""

    wheel: Wheel
    """The one in front."""
    load: str = ""
    """What lies in it:
    a few words.
    """
    "not below a field"


class Car(Cart):
    """A cart with an engine."""

    load: str = "people"
    """Who sits in it."""
    fuel: str = ""
    """What it burns."""


def told(model: type[Described]) -> dict[str, Any]:
    return {
        name: facts.get("description")
        for name, facts in model.model_json_schema()["properties"].items()
    }


def test_the_string_below_a_field_describes_it() -> None:
    assert told(Cart) == {"wheel": "The one in front.", "load": "What lies in it:\na few words."}
    wheel = Cart.model_json_schema()["$defs"]["Wheel"]
    assert wheel["description"] == "A wheel."
    assert wheel["properties"]["size"]["description"] == "Across, in metres."
    assert "description" not in wheel["properties"]["spokes"]


def test_fields_of_a_base_are_described_and_the_nearest_words_count() -> None:
    assert told(Car) == {
        "wheel": "The one in front.",
        "load": "Who sits in it.",
        "fuel": "What it burns.",
    }


def test_a_model_without_a_source_has_a_schema_all_the_same() -> None:
    made: dict[str, Any] = {"Described": Described, "__name__": "nowhere"}
    exec("class Typed(Described):\n    size: int\n    'In metres.'", made)
    assert told(made["Typed"]) == {"size": None}


def test_no_source_is_read_until_a_schema_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []

    def getsource(thing: Any) -> str:
        read.append(thing)
        raise OSError

    monkeypatch.setattr(inspect, "getsource", getsource)
    monkeypatch.setattr(inspect, "findsource", getsource)

    class Late(Described):
        size: int
        """In metres."""

    assert Late(size=1).size == 1
    assert not read
    Late.model_json_schema()
    assert read == [Late]
