"""Write the file and run it where it lives; what does not hold there goes."""

from dataclasses import dataclass

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.file_text import file_text
from tta_interactive.runners.testgen.final import Final, needs_path_lines, path_lines, run_in_place
from tta_interactive.runners.testgen.job import Job
from tta_interactive.runners.testgen.measure import Measured
from tta_interactive.runners.testgen.split import Suite
from tta_interactive.runners.testgen.tidy import tidied
from tta_interactive.runners.testgen.worth import measured_tests
from tta_interactive.runners.testgen.write import remove_test_file, signed, write_test_file

MAX_PLACINGS = 4


@dataclass(frozen=True)
class Placed:
    """A file on disk that passed where it lies."""

    text: str
    tests: Suite
    measured: Measured


def place(job: Job, tests: Suite, measured: Measured) -> Placed:
    """Put the tests into the real tree.

    Raises:
        TaskFailure: No file passes there; none is left behind.
    """
    before = ""
    if needs_path_lines(job.source, job.workspace):
        before = path_lines(job.source, job.output, job.workspace)
    final: Final | None = None
    for _ in range(MAX_PLACINGS):
        text = _text(job, tests, measured, before)
        final = _run(job, text)
        if final.passed and not final.imports_other:
            return Placed(text, tests, measured)
        if final.imports_other and not before and job.source.in_workspace:
            before = path_lines(job.source, job.output, job.workspace)
            continue
        rest = tests.only(unit.name for unit in tests.units if unit.name not in final.bad)
        if not final.bad or not rest.units:
            break
        job.ledger.failed += len(tests.units) - len(rest.units)
        with job.ledger.timed("measure"):
            found = measured_tests(job, rest)
        if found is None:
            break
        tests, measured = found
    remove_test_file(job.output, job.workspace, job.source.name)
    raise TaskFailure(
        "not_verified",
        "The tests pass in a copy of the project but not in the project itself under plain "
        "pytest. The file was taken away again.",
        "Look at the detail: the project's pytest settings or conftest.py may be the cause.",
        final.output if final else "",
    )


def _text(job: Job, tests: Suite, measured: Measured, before: str) -> str:
    made_by = f"backend {job.wish.backend}, seed {job.wish.seed}"
    plain = file_text(job.source, tests, measured, made_by, before)
    formatted, note = tidied(plain, job.output, job.workspace)
    if note and note not in job.ledger.notes:
        job.ledger.notes.append(note)
    return signed(formatted, job.source.name)


def _run(job: Job, text: str) -> Final:
    write_test_file(text, job.output, job.workspace, job.source.name, overwrite=job.wish.overwrite)
    job.say(0.95, f"Running {job.output} in the real tree with plain pytest")
    with job.ledger.timed("verify"):
        return run_in_place(job.bench, job.source, job.output, job.workspace)
