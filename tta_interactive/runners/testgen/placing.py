"""Write the file and run it where it lives; what does not hold there goes."""

from collections.abc import Collection
from dataclasses import dataclass

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.extend import beside, with_block, with_resets
from tta_interactive.runners.testgen.file_text import file_text
from tta_interactive.runners.testgen.final import Final, needs_path_lines, path_lines, run_in_place
from tta_interactive.runners.testgen.form import in_form
from tta_interactive.runners.testgen.job import Job
from tta_interactive.runners.testgen.measure import Measured
from tta_interactive.runners.testgen.split import Imported, Suite, compose
from tta_interactive.runners.testgen.tidy import tidied
from tta_interactive.runners.testgen.worth import measured_tests
from tta_interactive.runners.testgen.write import (
    put_back,
    read_output,
    replace_file,
    signed,
    write_test_file,
)

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
        TaskFailure: No file passes there; what was there before is there again.
    """
    if not tests.units:
        return Placed("", tests, measured)  # all there is to add to a file is nothing
    tests, measured = in_form(job, tests, measured)
    bound: Collection[Imported] = ()
    plain, resets = tests, job.ledger.resets
    if job.existing is not None:
        tests, bound = beside(tests, job.existing.above.text)
    before = ""
    if job.existing is None and needs_path_lines(job.source, job.workspace, job.interpreter):
        before = path_lines(job.source, job.output, job.workspace)
    there = read_output(job.output, job.workspace)
    text, final = "", None
    for _ in range(MAX_PLACINGS):
        written, text = text, _text(job, tests, measured, before, bound)
        final = _run(job, text, written, tests)
        if final.passed and not final.imports_other:
            return Placed(text, tests, measured)
        if final.words:
            break
        if final.imports_other and not before and job.source.in_workspace:
            before = path_lines(job.source, job.output, job.workspace)
            continue
        if final.bad and resets and job.existing is not None:
            # Those that stand above may leave the module changed.
            tests, bound = beside(with_resets(plain, resets), job.existing.above.text)
            resets = ""
            continue
        rest = tests.only(unit.name for unit in tests.units if unit.name not in final.bad)
        if not final.bad or not rest.units:
            break
        job.ledger.failed += tests.rows - rest.rows
        with job.ledger.timed("measure"):
            found = measured_tests(job, rest)
        if found is None:
            break
        tests, measured = found
    put_back(job.output, job.workspace, text.encode(), there)
    raise _not_verified(job, final, there is not None)


def _not_verified(job: Job, final: Final | None, was_there: bool) -> TaskFailure:
    after = "The file is as it was." if was_there else "The file was taken away again."
    detail = final.output if final else ""
    if final is not None and final.words:
        return TaskFailure(
            "not_verified",
            f"The tests cannot be run by pytest in this project: {final.words}. {after}",
            f"Run `{job.interpreter.said} -m pytest {job.output.parent}` and mend what it says. Plugins "
            "that the project's settings ask for must be installed in that interpreter; another "
            "one is named with python=PATH.",
            detail,
        )
    return TaskFailure(
        "not_verified",
        "The tests pass in a copy of the project but not in the project itself under plain "
        f"pytest. {after}",
        "Look at the detail: the project's pytest settings or conftest.py may be the cause.",
        detail,
    )


def _text(
    job: Job, tests: Suite, measured: Measured, before: str, bound: Collection[Imported]
) -> str:
    if job.existing is not None:
        block = compose(tests, before_imports=before, bound=bound)
        return with_block(job.existing.above, f"\n{_tidied(job, block)}", job.source.name)
    made_by = f"backend {job.wish.backend}, seed {job.wish.seed}"
    plain = file_text(
        job.source, tests, measured, made_by, before, was_cut_short=job.ledger.was_cut_short
    )
    return signed(_tidied(job, plain), job.source.name)


def _tidied(job: Job, text: str) -> str:
    formatted, note = tidied(text, job.output, job.workspace)
    if note and note not in job.ledger.notes:
        job.ledger.notes.append(note)
    return formatted


def _run(job: Job, text: str, written: str, tests: Suite) -> Final:
    """Write the text, over what was `written` the last time, and run it."""
    wish, name = job.wish, job.source.name
    if job.existing is not None:
        before = written.encode() or job.existing.data
        replace_file(job.output, job.workspace, text.encode(), before)
    else:
        write_test_file(text, job.output, job.workspace, name, overwrite=wish.overwrite)
    job.say(0.95, f"Running {job.output} in the real tree with plain pytest")
    names = [unit.name for unit in tests.units]
    with job.ledger.timed("verify"):
        flags = job.existing.flags if job.existing else ["-P"]
        return run_in_place(job.bench, job.source, job.output, job.workspace, names, flags)
