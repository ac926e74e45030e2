"""Which of the tests that passed are worth keeping.

Those that reach what no other reaches, and those of which the backend says that they notice
changes that the others do not.
"""

from tta_interactive.runners.testgen.job import Job
from tta_interactive.runners.testgen.measure import Measured, NotPassedError, measure
from tta_interactive.runners.testgen.split import Suite

MAX_TRIES = 5


def worthwhile(job: Job, tests: Suite) -> tuple[Suite, Measured] | None:
    """The tests without the useless ones, and what they reach; None: none is left."""
    found = _together(job, tests)
    if found is None:
        return None
    tests, measured = found
    sharper = {unit.name for unit in tests.units if unit.is_sharper}
    useful = tests.only(measured.useful(job.known) | sharper)
    job.ledger.useless += len(tests.units) - len(useful.units)
    return measured_tests(job, useful) if useful != tests else (tests, _in_all(job, measured))


def measured_tests(
    job: Job, tests: Suite, hash_seed: int | None = None
) -> tuple[Suite, Measured] | None:
    """The tests that pass together, and what the file then reaches; None: none does."""
    found = _together(job, tests, hash_seed)
    return (found[0], _in_all(job, found[1])) if found else None


def _in_all(job: Job, measured: Measured) -> Measured:
    """With what the tests reach that are there already."""
    return measured.joined(job.known) if job.known else measured


def _together(
    job: Job, tests: Suite, hash_seed: int | None = None
) -> tuple[Suite, Measured] | None:
    """Tests of two rounds meet here for the first time: one can disturb another."""
    for _ in range(MAX_TRIES):
        if not tests.units:
            return None
        try:
            measured = measure(job.bench, job.copied, tests, job.output.name, hash_seed)
        except NotPassedError as error:
            rest = tests.only(unit.name for unit in tests.units if unit.name not in error.bad)
            if len(rest.units) == len(tests.units):
                return None
            job.ledger.flaky += tests.rows - rest.rows
            tests = rest
        else:
            return tests, measured
    return None
