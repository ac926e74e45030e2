"""The form in which the kept tests are handed in, and proof that it costs nothing."""

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.job import Job
from tta_interactive.runners.testgen.measure import Measured, NotPassedError, measure
from tta_interactive.runners.testgen.reads.arrange import arranged
from tta_interactive.runners.testgen.split import Suite
from tta_interactive.runners.testgen.worth import measured_tests

UNCHANGED = "The tests stand as they were written: put together they did not reach the same."


def in_form(job: Job, tests: Suite, measured: Measured) -> tuple[Suite, Measured]:
    """The tests in tables and in the module's order, and what they reach in that form.

    Should the form fail or reach less, the tests stay as they were verified.
    """
    form = arranged(tests, job.source.text)
    if form == tests:
        return tests, measured
    seed = job.bench.next_hash_seed()
    try:
        with job.ledger.timed("measure"):
            after = measure(job.bench, job.copied, form, job.output.name, seed)
        after = after.joined(job.known) if job.known else after
    except NotPassedError:
        # The form, or a test that this hash seed is the first to show.
        with job.ledger.timed("measure"):
            found = measured_tests(job, tests, seed)
        if found is not None and found[0] != tests:
            return in_form(job, *found)
        after = None
    except TaskFailure:
        after = None
    if after is None or after.missing != measured.missing or after.branch < measured.branch:
        job.ledger.notes.append(UNCHANGED)
        return tests, measured
    return form, after
