"""Ask the backend, check what it wrote, measure what that reaches; again while that helps."""

from collections.abc import Callable

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.backend import Generated, Order
from tta_interactive.runners.testgen.file_text import CUT_SHORT
from tta_interactive.runners.testgen.job import Job, Say
from tta_interactive.runners.testgen.measure import Measured
from tta_interactive.runners.testgen.split import Suite, split
from tta_interactive.runners.testgen.useless import Arc
from tta_interactive.runners.testgen.verify import RUNS, Verdict, unusable, verify
from tta_interactive.runners.testgen.worth import worthwhile

# Fraction done at the start of each round, and at the end of the last.
ROUNDS = (0.05, 0.5, 0.7, 0.83, 0.93)
MAX_ROUNDS = len(ROUNDS) - 1
MAX_BARREN = 2  # rounds in a row that brought nothing
NO_TESTS = Suite((), (), ())
LEAST_BUDGET = 1.0  # seconds: less is not worth a new process


def tests_for(job: Job) -> tuple[Suite, Measured]:
    """The tests that are worth keeping, and what they reach.

    Raises:
        TaskFailure: There are none.
    """
    wish, ledger = job.wish, job.ledger
    kept: Suite | None = None
    measured = job.known
    if measured is not None and not (measured.missing or measured.missing_branches):
        return NO_TESTS, measured
    barren = 0
    while ledger.rounds < MAX_ROUNDS and barren < MAX_BARREN:
        left = wish.budget - ledger.spent
        most = wish.max_tests - (len(kept.units) if kept else 0)
        if ledger.rounds and (left < LEAST_BUDGET or most < 1):
            break
        before = measured
        kept, measured = _round(job, _order(job, left, most, measured), kept, measured)
        ledger.rounds += 1
        if measured is not None and measured.line >= wish.coverage_threshold:
            break
        gained = measured is not None and (before is None or measured.line > before.line)
        barren = 0 if gained else barren + 1
    if measured is None or (kept is None and job.known is None):
        raise _nothing(job)
    return kept or NO_TESTS, measured


def _order(job: Job, left: float, most: int, measured: Measured | None) -> Order:
    return Order(
        source=job.source,
        copied=job.copied,
        seed=job.wish.seed,
        seconds=left,
        most=most,
        missing=frozenset(measured.missing) if measured else frozenset(),
        missing_branches=frozenset(measured.missing_branches) if measured else frozenset(),
        reached=frozenset(_arcs(measured) | _arcs(job.known)),
        round=job.ledger.rounds,
    )


def _arcs(measured: Measured | None) -> set[Arc]:
    every = measured.reached.values() if measured else ()
    return {arc for arcs in every for arc in arcs}


def _round(
    job: Job, order: Order, kept: Suite | None, measured: Measured | None
) -> tuple[Suite | None, Measured | None]:
    say, ledger = _in_round(job.say, order.round), job.ledger
    before = ledger.seconds["generate"]
    with ledger.timed("generate"):
        brought = job.backend.generate(job.bench, order, _generating(job, say))
    took = ledger.seconds["generate"] - before
    ledger.spent += took if brought.work is None else brought.work
    if brought.was_cut_short and not ledger.was_cut_short:
        ledger.was_cut_short = True
        ledger.notes.append(CUT_SHORT)
    ledger.suspect(brought.suspicious)
    ledger.resets = brought.resets or ledger.resets
    new = _parts(brought)
    ledger.generated += len(new.units)
    if not new.units:
        return kept, measured
    verdict = _verified(job, new, say)
    if kept is None and job.known is None and (failure := unusable(verdict)):
        raise failure
    good = verdict.tests.only(verdict.kept)
    if not good.units:
        return kept, measured
    both = kept.joined(good) if kept else good
    say(0.9, f"Measuring the coverage of {len(both.units)} tests")
    with ledger.timed("measure"):
        tests, after = worthwhile(job, both) or (kept, measured)
    if after is not None:
        ledger.reached(after.line)
    return tests, after


def _verified(job: Job, new: Suite, say: Say) -> Verdict:
    count = len(new.units)

    def ran(runs: int) -> None:
        say(0.6 + 0.3 * runs / RUNS, f"Checking {count} tests: run {runs} of {RUNS} is done")

    say(0.6, f"Checking {count} tests: each {RUNS} times, in fresh processes")
    with job.ledger.timed("verify"):
        verdict = verify(job.bench, job.copied.root, new, job.output.name, ran, seed=job.wish.seed)
    job.ledger.failed += len(verdict.failed)
    job.ledger.flaky += len(verdict.flaky)
    return verdict


def _in_round(say: Say, number: int) -> Say:
    """Reports a fraction of one round as a fraction of the whole."""
    start, end = ROUNDS[number], ROUNDS[number + 1]
    return lambda part, words: say(start + part * (end - start), words)


def _generating(job: Job, say: Say) -> Callable[[float], None]:
    """Reports each new percent of the lines that a search has reached."""
    base = job.known.line if job.known else job.probed.line
    shown = -1

    def progress(reached: float) -> None:
        nonlocal shown
        percent = int(100 * reached)
        if percent > shown:
            shown = percent
            # What is no line of a function runs at the import.
            job.ledger.reached(max(base, job.probed.line + reached * (100 - job.probed.line)))
            say(0.6 * reached, f"Generating tests: {percent} % of the lines in functions so far")

    return progress


def _parts(brought: Generated) -> Suite:
    """The backend's file taken apart; text that is no Python holds no tests."""
    if not brought.text:
        return NO_TESTS
    try:
        return split(brought.text, brought.subjects, brought.sharper)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return NO_TESTS


def _nothing(job: Job) -> TaskFailure:
    ledger = job.ledger
    if not ledger.generated:
        why = "the generator found no call of it that can be repeated"
    else:
        why = (
            f"of {ledger.generated} tests {ledger.failed} failed, {ledger.flaky} were flaky and "
            f"{ledger.useless} reached nothing that the import ({job.probed.line:.1f} % of the "
            "lines) does not reach"
        )
    return TaskFailure(
        "not_verified",
        f"No test of {job.wish.module_path!r} could be kept: {why}.",
        "A larger budget or another seed may help; code that needs files, a network or the "
        "clock needs tests written by hand.",
    )
