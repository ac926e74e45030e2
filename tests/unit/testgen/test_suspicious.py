"""Behaviour that looks like a bug is told and held by no test."""

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
    report = lab.run(budget=2)
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
