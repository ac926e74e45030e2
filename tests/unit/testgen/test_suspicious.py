"""Behaviour that looks like a bug is told and held by no test."""

import pytest

from .conftest import Lab

ODD = '''
    """Odd things."""

    def first_word(text: str) -> str:
        """Give the first word.

        >>> first_word("green tea")
        'tea'
        """
        return text.split()[0]

    def half(number: int) -> float:
        """Halve a number; raises ValueError for negative ones."""
        if number < 0:
            raise ValueError("negative")
        return number / 2

    def strip(text):
        return text.strip()
'''


def test_an_accident_and_a_wrong_example_are_reported_and_not_enshrined(lab: Lab) -> None:
    lab.write("m.py", ODD)
    report = lab.run(budget=1, coverage_threshold=0)
    told = {(one["kind"], one["subject"]): one for one in report["suspicious"]}
    accident = told["undocumented exception", "first_word"]
    assert accident["seen"].startswith("IndexError")
    assert accident["call"].startswith("first_word(")
    assert accident["line"] == 10
    example = told["example fails", "first_word"]
    assert (example["call"], example["seen"]) == ('first_word("green tea")', "'green'")
    assert "'tea'" in example["said"]
    # What is raised on purpose is no bug, nor is what comes of an argument of a wrong type.
    assert {subject for _, subject in told} == {"first_word"}
    text = (lab.workspace / report["output_path"]).read_text()
    assert "IndexError" not in text
    assert "ValueError" in text


PAIR = """
    def escape_text(text: str) -> str:
        return text.replace("&", "&amp;")

    def unescape_text(text: str) -> str:
        return text.replace("&amp;", "&"){0}

    def size(text: str) -> int:
        return len(text)
"""
READ = """
    class Size:
        def __init__(self, count: int) -> None:
            self.count = count
        def __eq__(self, other: object) -> bool:
            return isinstance(other, Size) and self.count == other.count
        def __hash__(self) -> int:
            return hash(self.count)
        def __str__(self) -> str:
            return f"{{self.count}} pieces"
        @classmethod
        def parse(cls, text: str) -> "Size":
            return cls(int(text.split()[0]){0})
"""
HASHED = """
    class Word:
        def __init__(self, text: str) -> None:
            self.text = text
        def __eq__(self, other: object) -> bool:
            return isinstance(other, Word) and len(self.text) == len(other.text)
        def __hash__(self) -> int:
            return hash({0})
        def size(self) -> int:
            return len(self.text)
"""
ORDERED = """
    class Size:
        def __init__(self, size: int) -> None:
            self.size = size
        def __lt__(self, other: "Size") -> bool:
            return self.size {0} other.size
        def shown(self) -> str:
            return f"size {{self.size}}"
"""


@pytest.mark.parametrize(
    ("text", "healthy", "odd", "kind", "subject"),
    [
        (PAIR, "", "[:1]", "no round trip", "unescape_text"),
        (READ, "", " + 1", "no round trip", "Size.parse"),
        (HASHED, "len(self.text)", "self.text", "equality", "Word.__hash__"),
        (ORDERED, "<", "!=", "order", "Size.__lt__"),
    ],
    ids=["two functions", "a class that reads itself", "hash", "order"],
)
def test_a_law_that_does_not_hold_is_reported_and_not_enshrined(
    lab: Lab, text: str, healthy: str, odd: str, kind: str, subject: str
) -> None:
    lab.write("m.py", text.format(odd))
    lab.write("well.py", text.format(healthy))
    report = lab.run(budget=1, coverage_threshold=0)
    (told,) = [one for one in report["suspicious"] if one["kind"] == kind]
    assert told["subject"] == subject
    kept = (lab.workspace / report["output_path"]).read_text()
    assert told["call"] not in kept
    assert ") < " not in kept
    well = lab.run("well.py", budget=1, coverage_threshold=0)["suspicious"]
    assert [one for one in well if one["kind"] == kind] == []


def test_a_text_that_is_only_written_in_another_way_the_second_time_breaks_no_law(
    lab: Lab,
) -> None:
    lab.write(
        "m.py",
        """
        def encode(text: str) -> str:
            return text.lower().replace(" ", "-")

        def decode(text: str) -> str:
            return text.replace("-", " ")
        """,
    )
    report = lab.run(budget=1, coverage_threshold=0)
    assert report["suspicious"] == []
    assert "encode(" in (lab.workspace / report["output_path"]).read_text()


def test_an_error_of_an_object_that_was_made_of_what_it_does_not_take_is_no_bug(lab: Lab) -> None:
    lab.write(
        "m.py",
        """
        class Limit:
            def __init__(self, size: float) -> None:
                self.size = size

            def leaves(self, amount: float) -> float:
                if amount > 2:
                    return 0.0
                return self.size - amount
        """,
    )
    assert lab.run(budget=2)["suspicious"] == []
