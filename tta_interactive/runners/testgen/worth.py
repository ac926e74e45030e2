"""Which of the tests that passed are worth keeping: those that reach what no other reaches."""

from tta_interactive.runners.testgen.job import Job
from tta_interactive.runners.testgen.measure import Measured, NotPassedError, measure
from tta_interactive.runners.testgen.split import Suite

MAX_TRIES = 5


def worthwhile(job: Job, tests: Suite) -> tuple[Suite, Measured] | None:
    """The tests without the useless ones, and what they reach; None: none is left."""
    found = measured_tests(job, tests)
    if found is None:
        return None
    tests, measured = found
    useful = tests.only(measured.useful())
    dropped = len(tests.units) - len(useful.units)
    if not dropped:
        return found
    job.ledger.useless += dropped
    return measured_tests(job, useful)


def measured_tests(job: Job, tests: Suite) -> tuple[Suite, Measured] | None:
    """The tests that pass together, and what they reach; None: none does.

    Tests of two rounds meet here for the first time: one can disturb another.
    """
    for _ in range(MAX_TRIES):
        if not tests.units:
            return None
        try:
            measured = measure(job.bench, job.copied, job.source.name, tests, job.output.name)
        except NotPassedError as error:
            rest = tests.only(unit.name for unit in tests.units if unit.name not in error.bad)
            if len(rest.units) == len(tests.units):
                return None
            job.ledger.flaky += len(tests.units) - len(rest.units)
            tests = rest
        else:
            return tests, measured
    return None
