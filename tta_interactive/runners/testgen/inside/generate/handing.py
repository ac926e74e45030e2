"""What the generator hands over: its tests, what they are about, and what else it noticed."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..place import write_report
from .emit import Written, as_file
from .names import Names
from .search import Found, Search
from .sharpen import Row, Sharpener, lines_of

MORE_ROWS = 20  # may always be added to notice more; else as many as there are


def hand_over(
    job: dict[str, Any],
    search: Search,
    rows: list[Row],
    sharpener: Sharpener,
    names: Names,
    facts: dict[str, Any],
) -> None:
    """Write the report; then again, with tests that notice more."""

    def report(added: list[Row], **more: Any) -> None:
        file = as_file([row.test for row in (*rows, *added)], names)
        found = {
            "source": file.text,
            "subjects": file.subjects,
            "sharper": file.names[len(rows) :],
            "tests": len(file.names),
            "steps": search.steps,
        }
        write_report(job["report"], found | facts | more)

    report([])  # from here on only better: a changed module may end the process
    most = min(job["most"] - len(rows), max(MORE_ROWS, len(rows)))
    if most > 0 and rows and not job["round"]:  # later rounds are for lines that are missing
        known = {row.test for row in rows}
        left = [one for one in search.found if one.is_sound and one.test not in known]
        others = rows_of(left, [one.test for one in left])
        added = sharpener.more(rows, others, most)
        report(added, changes=[sharpener.tried, sharpener.unnoticed])


def needed(chosen: list[Found]) -> list[Found]:
    """Without those that reach nothing that the others do not reach, the poorest first."""
    count = Counter(arc for one in chosen for arc in one.arcs)
    gone: set[int] = set()
    for at in sorted(range(len(chosen)), key=lambda at: len(chosen[at].arcs)):
        if all(count[arc] > 1 for arc in chosen[at].arcs):
            gone.add(at)
            count.subtract(chosen[at].arcs)
    return [one for at, one in enumerate(chosen) if at not in gone]


def rows_of(chosen: Sequence[Found], tests: Sequence[Written]) -> list[Row]:
    """What was found, with the tests in a simpler form; those that became the same, once."""
    rows: dict[Written, Row] = {}
    for one, test in zip(chosen, tests, strict=True):
        rows.setdefault(test, Row(one.candidate, test, lines_of(one.arcs)))
    return list(rows.values())
