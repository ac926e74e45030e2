"""What the generator hands over: its tests, what they are about, and what else it noticed.

A test is handed over if it reaches what no other does, or notices a change that no other does.
What a test reaches is looked at as coverage will: all of it, the assertions too, in the order of
the file, after an import that reached some of it already.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

from ..place import write_report
from .emit import Written, as_file, as_support
from .names import Names
from .plain import Plainness
from .restoring import Restoring
from .rewrite import Rewriter
from .search import Found, Search
from .sharpen import Row, Sharpener
from .trace import Arc, lines_of
from .work import Work

MORE_ROWS = 60  # may always be added to notice more; else twice as many as there are
REWRITING = 0.15  # of the work, and beside it: to make values plainer
MOST_LOOKS = 4  # with a test gone, another may be the first that fills a cache


def hand_over(
    job: dict[str, Any],
    search: Search,
    rows: list[Row],
    sharpener: Sharpener,
    names: Names,
    facts: dict[str, Any],
    known: Collection[Arc],
    work: Work,
    may_stay: Callable[[Written], bool],
    restoring: Restoring,
    plainness: Plainness,
) -> None:
    """Write the report; then again, with tests that notice more, and again in plainer words.

    Args:
        known: What needs no test: the import reaches it, or tests that are there already.
        may_stay: Whether a test holds nothing that looks like a bug.
        restoring: Knows what has to be put back between tests.
        plainness: Says which values are plain.
    """

    def report(rows: Sequence[Row], noticing: Collection[Written], **more: Any) -> None:
        rows = [row for row in rows if may_stay(row.test)]
        written = [row.test for row in rows]
        file = as_file(written, names, restoring.fixtures(written))
        tests = zip(rows, file.names, strict=True)
        found = {
            "source": file.text,
            "subjects": file.subjects,
            "resets": as_support(restoring.resets(), names) if job["reached"] else "",
            "sharper": [name for row, name in tests if row.test in noticing],
            "tests": len(file.names),
            "steps": search.steps,
            "work": round(work.now, 3),
            "cpu": round(time.process_time(), 2),
            "cut_short": work.was_cut_short,
        }
        write_report(job["report"], found | facts | more)

    def reached(rows: Sequence[Row]) -> list[frozenset[Arc]]:
        sharpener.forget()
        found: list[frozenset[Arc]] = []
        for row in rows:
            sharpener.is_at_work()
            found.append(search.attempts.reached(row.test) - frozenset(known))
        return found

    rows = only_needed(rows, reached, set())
    report(rows, ())  # from here on only better: a changed module may end the process
    noticing, more = set[Written](), dict[str, Any]()
    most = min(job["most"] - len(rows), max(MORE_ROWS, 2 * len(rows)))
    if most > 0 and rows and not job["reached"]:  # later rounds are for what is missing
        there = {row.test for row in rows}
        left = [
            one
            for one in search.found
            if one.is_sound
            and one.test not in there
            and not (one.candidate.is_private or one.candidate.is_inherited or one.is_deprecated)
            and may_stay(one.test)
        ]
        others = rows_of(left, [one.test for one in left])

        def keep(found: Sequence[Row]) -> None:
            report([*rows, *found], {row.test for row in found})

        added = [row for row in sharpener.more(rows, others, most, keep) if may_stay(row.test)]
        every = [*rows, *added]
        noticing = {row.test for row in added}
        while True:
            kept = only_needed(every, reached, noticing)
            rest = list(kept)
            for row in every:
                if row not in rest and not sharpener.is_spare(row, rest):
                    rest.append(row)
                    noticing.add(row.test)
            if len(rest) == len(kept):
                break
        more = {"changes": [sharpener.tried, sharpener.unnoticed, sharpener.tries]}
        rows = kept
        report(rows, noticing, **more)
    work.end += REWRITING * job["seconds"]
    pairs = Rewriter(plainness, search.attempts, sharpener, work, may_stay).rewritten(rows, reached)
    # What is there only since it was parted from another is there for what it checks.
    there = {row.test for row in rows}
    sharper = {new.test for old, new in pairs if old.test in noticing or old.test not in there}
    report([new for _, new in pairs], sharper, **more)


def only_needed(
    rows: Sequence[Row],
    reached: Callable[[Sequence[Row]], Sequence[Collection[Arc]]],
    noticing: Collection[Written],
) -> list[Row]:
    """Without those that reach nothing that the others do not reach, poor ones first.

    Args:
        rows: In the order in which they will run.
        reached: What each of some rows runs when they run one after the other.
        noticing: Tests that stay, whatever they reach.
    """
    left = list(rows)
    for _ in range(MOST_LOOKS):
        arcs = reached(left)
        count = Counter(arc for some in arcs for arc in some)
        gone: set[int] = set()
        for at in sorted(range(len(left)), key=lambda at: (_is_fit(left[at]), len(arcs[at]))):
            if left[at].test not in noticing and all(count[arc] > 1 for arc in arcs[at]):
                gone.add(at)
                count.subtract(arcs[at])
        if not gone:
            break
        left = [row for at, row in enumerate(left) if at not in gone]
    return left


def _is_fit(row: Row) -> bool:
    """Whether people should go the way that it goes."""
    candidate = row.candidate
    return not (candidate.is_private or candidate.is_inherited or row.is_deprecated)


def rows_of(chosen: Sequence[Found], tests: Sequence[Written]) -> list[Row]:
    """What was found, with the tests in a simpler form; those that became the same, once."""
    rows: dict[Written, Row] = {}
    for one, test in zip(chosen, tests, strict=True):
        rows.setdefault(test, Row(one.candidate, test, lines_of(one.arcs), one.is_deprecated))
    return list(rows.values())
