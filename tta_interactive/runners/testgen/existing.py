"""A test file that is to be extended: read as it is, run as it is, measured as it is."""

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.extend import Above, above_mark
from tta_interactive.runners.testgen.final import plain_arguments, plain_session
from tta_interactive.runners.testgen.measure import Measured, measured_in, under_coverage
from tta_interactive.runners.testgen.module import Source
from tta_interactive.runners.testgen.sheet import Sheet
from tta_interactive.runners.testgen.split import split
from tta_interactive.runners.testgen.steps import Bench, Step
from tta_interactive.runners.testgen.write import read_output

NOTHING_WRITTEN = "Nothing was written."


@dataclass(frozen=True)
class Existing:
    """A file of tests that stays as it is."""

    data: bytes
    """The whole file, with what an earlier run of ours has added."""
    above: Above
    from_here: bool = False
    """Whether its tests find the module only with the current directory on the path."""

    @property
    def flags(self) -> list[str]:
        """Of Python."""
        return [] if self.from_here else ["-P"]


def read_existing(
    output: Path, workspace: Path, source: Source, *, overwrite: bool
) -> Existing | None:
    """The file at the output path; None: there is none.

    Raises:
        TaskFailure: It cannot be extended.
    """
    data = read_output(output, workspace)
    if data is None:
        return None
    try:
        text = data.decode("utf-8")
        compile(importlib.util.decode_source(data), str(output), "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise TaskFailure(
            "existing_tests_fail",
            f"The test file {str(output)!r} is no Python text in UTF-8: {error}. {NOTHING_WRITTEN}",
            "Mend it, or choose another output_path.",
        ) from None
    above = above_mark(text, source.name)
    if above.is_edited and not overwrite:
        raise TaskFailure(
            "output_exists",
            f"The tests that tta-interactive has added to {str(output)!r} were edited since. "
            f"{NOTHING_WRITTEN}",
            "Delete the line '# Added by tta-interactive ...' to keep them as your own, or set "
            "overwrite=true to add others below them.",
        )
    return Existing(data, above)


def measure_existing(
    bench: Bench, source: Source, output: Path, workspace: Path, existing: Existing
) -> tuple[Existing, Measured]:
    """How the tests that are there can be run, and what they reach, in the real tree.

    Raises:
        TaskFailure: They do not pass.
    """
    # As `pytest`, else as `python -m pytest`, which has the current directory on its path.
    for way in (existing, replace(existing, from_here=True)):
        place = bench.place("existing")
        step, sheet = _run(bench, place, source, output, workspace, way)
        if step.code == 0 and sheet.status == 0 and sheet.is_authentic:
            return way, measured_in(bench, place, source.file, output.stem, (source.root,))
        if not sheet.broken:
            break
    bad = sorted(test for test, why in sheet.outcomes.items() if why)
    what = f"fail ({', '.join(bad[:5])})" if bad else f"cannot be run: pytest {step.how}"
    raise TaskFailure(
        "existing_tests_fail",
        f"The tests that {str(output)!r} holds already {what}. {NOTHING_WRITTEN}",
        f"Make `python -m pytest {output}` pass first. It runs in the sandbox here: a test "
        "that needs the network or writes outside of a temporary directory cannot pass.",
        (sheet.broken or step.output)[-4000:],
    )


def _run(
    bench: Bench, place: Path, source: Source, output: Path, workspace: Path, existing: Existing
) -> tuple[Step, Sheet]:
    # What an earlier run of ours has added stands there too: it must not count.
    added = {unit.name for unit in split(existing.data.decode()).units}
    own = {unit.name for unit in split(existing.above.text).units}
    session = plain_session(source, workspace, without=sorted(added - own))
    arguments = under_coverage(bench, place, source.file, plain_arguments(output))
    return session.run(bench, place, [*existing.flags, *arguments])
