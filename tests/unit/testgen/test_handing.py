"""What the generator hands over is what is needed: no more than the pipeline will keep."""

from pathlib import Path

from tta_interactive.runners.testgen.inside.generate.candidate import Candidate
from tta_interactive.runners.testgen.inside.generate.emit import Written
from tta_interactive.runners.testgen.inside.generate.handing import only_needed
from tta_interactive.runners.testgen.inside.generate.sharpen import Row
from tta_interactive.runners.testgen.inside.generate.trace import Arc, traced

from .conftest import Lab

SHOP = '''
    """A shop."""

    import functools


    def checked(function):
        """Refuse what is below nothing."""

        @functools.wraps(function)
        def inside(*arguments):
            if arguments[-1] < 0:
                raise ValueError("below nothing")
            return function(*arguments)

        return inside


    @checked
    def price(count: int) -> int:
        if count > 100:
            return 90 * count
        if count >= 10:
            return 95 * count
        return 100 * count


    class Basket:
        """Counts."""

        def __init__(self, count: int = 0) -> None:
            self.count = count if count > 0 else 0

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Basket) and self.count == other.count

        def __hash__(self) -> int:
            return hash(self.count)

        def __repr__(self) -> str:
            return f"Basket({self.count})"

        def with_more(self, count: int) -> "Basket":
            return Basket(self.count + count) if count < 50 else self

        def sizes(self):
            size = self.count
            while size > 1:
                yield size
                size //= 2
'''


BASES = '''
    """Sizes."""


    class _Sized:
        _size: int

        def __lt__(self, other: "_Sized") -> bool:
            if not isinstance(other, _Sized):
                return NotImplemented
            return self._size < other._size

        def __hash__(self) -> int:
            return hash(self._size)


    class Size(_Sized):
        """A size."""

        def __init__(self, size: int) -> None:
            self._size = _bounded(size, True)

        def shown(self) -> str:
            return "big".upper() if self._size > 9 else "small"


    def _bounded(size: int, is_bounded: bool) -> int:
        if is_bounded:
            size = max(size, 0)
        if size != size + 0:
            size = 7
        return size


    def first(words):
        if words is None:
            words = words.strip()
        return words
'''


OLD = '''
    """Boxes."""

    import warnings


    class Box:
        def __init__(self, size: int = 1) -> None:
            self.size = size

        def length(self) -> int:
            if self.size > 3:
                return 3
            return self.size

        def len(self) -> int:
            warnings.warn("use length", DeprecationWarning, stacklevel=2)
            return self.length()
'''


def row(name: str) -> Row:
    return Row(Candidate(None, raw=(name,)), Written(name, (name,), ()), frozenset())


def test_nothing_is_handed_over_that_the_pipeline_finds_useless(lab: Lab) -> None:
    lab.write("m.py", SHOP)
    report = lab.run(budget=3)
    assert report["generated"] >= 8
    assert report["useless"] == 0
    assert report["kept"] == report["generated"]
    assert report["line"] == 100.0


def test_accidents_of_wrong_use_and_private_detours_are_no_tests(lab: Lab) -> None:
    lab.write("m.py", BASES)
    report = lab.run(budget=3)
    text = (lab.workspace / report["output_path"]).read_text()
    assert "AttributeError" not in text
    assert "_bounded(" not in text
    assert "not supported between instances" in text  # an operator that refuses is behaviour
    assert len(report["uncovered"].split(", ")) == 2  # no call reaches them and is no accident


def test_a_way_that_warns_of_itself_is_gone_only_for_what_no_other_way_reaches(lab: Lab) -> None:
    lab.write("m.py", OLD)
    report = lab.run(budget=2)
    text = (lab.workspace / report["output_path"]).read_text()
    assert report["line"] == 100.0
    assert text.count(".len()") == text.count("`Box().len()`") + 1
    assert ".length() == 3" in text


def test_of_two_that_reach_the_same_the_poorer_goes_unless_it_notices_more() -> None:
    rich, poor = row("rich"), row("poor")
    arcs: dict[str, set[Arc]] = {"rich": {(1, 2), (2, 3)}, "poor": {(1, 2)}}

    def reached(rows: object) -> list[set[Arc]]:
        assert isinstance(rows, list)
        return [arcs[one.test.target] for one in (rich, poor) if one in rows]

    assert only_needed([rich, poor], reached, set()) == [rich]
    assert only_needed([rich, poor], reached, {poor.test}) == [rich, poor]


def test_a_generator_that_pauses_has_neither_ended_nor_begun_again(tmp_path: Path) -> None:
    file = tmp_path / "steps.py"
    file.write_text("def steps():\n    yield 1\n    yield 2\n")
    space: dict[str, object] = {}
    exec(compile(file.read_text(), str(file), "exec"), space)
    with traced(str(file)) as arcs:
        list(space["steps"]())  # type: ignore[operator]  # a function, made just now
    assert arcs == {(-1, 2), (2, 3), (3, -1)}
