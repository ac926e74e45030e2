"""Tests for a Python module: generated, run, measured, and only then written."""

from typing import Annotated

from pydantic import Field, JsonValue, StringConstraints

from tta_interactive.kinds.base import Kind, Params, Plan, RunContext
from tta_interactive.task import SandboxLevel

PathText = Annotated[
    str, StringConstraints(min_length=1, max_length=4096, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class TestsParams(Params):
    """Which module, and how hard to try."""

    __test__ = False  # the name is a user's word: pytest must not collect it

    module_path: PathText
    """A Python file in the workspace (`src/auth.py`) or a module that the task's interpreter can
    import (`jmespath.lexer`)."""
    output_path: PathText | None = None
    """The test file, in the workspace; default: `tests/test_<module>.py`."""
    coverage_threshold: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 80
    """Percent of the module's lines; `success` says whether the kept tests reach it."""
    backend: Annotated[str, StringConstraints(min_length=1, max_length=80)] = "native"
    """Who writes the tests; `native` needs no model."""
    budget: Annotated[float, Field(ge=0.5, le=3600, allow_inf_nan=False)] = 20
    """Seconds for writing tests; checking them comes on top."""
    seed: Annotated[int, Field(ge=0, le=2**31)] = 1
    """Same seed, same tests."""
    overwrite: bool = False
    """Whether to replace a test file that was not made by us, or was edited since."""
    extend: bool = False
    """Whether to add to a test file that is there what raises the coverage, below its last line;
    what stands in it stays as it is."""
    max_tests: Annotated[int, Field(ge=1, le=2000)] = 300
    """No more tests than this."""
    mutants: Annotated[int, Field(ge=0, le=1000)] = 0
    """Also try the kept tests on that many small changes of the module, half a second each; needs
    the extra `mutation`."""
    use_cache: bool = True
    """Whether an earlier result of the same question may be used."""


class TestsKind(Kind):
    """Generates tests; completed when the file is on disk, passes, and was measured."""

    __test__ = False

    name = "tests"
    Params = TestsParams
    summary = "tests for a Python module: generated, run, measured, then written"
    target = "module_path"
    idempotent = True
    # Wanted where the machine can: a door that must have it asks for it in the request.
    sandbox = SandboxLevel.LIMITS
    timeout = 3600.0

    def label(self, params: TestsParams) -> str:
        return f"tests {params.module_path}"

    def plan(self, params: TestsParams) -> Plan:
        return Plan(child="kind", contains_itself=True)

    def run(self, params: TestsParams, context: RunContext) -> JsonValue:
        # Here and not above: the doors load this file and never need the pipeline.
        from tta_interactive.runners.testgen.pipeline import Wish, run  # noqa: PLC0415

        report = run(Wish(**params.model_dump()), context)
        return report.model_dump(mode="json")
