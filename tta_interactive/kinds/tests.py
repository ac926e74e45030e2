"""Tests for a Python module: generated, run, measured, and only then written."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, JsonValue, StringConstraints

from tta_interactive.kinds.base import Kind, Params, Plan, RunContext
from tta_interactive.kinds.package import steps_of_package, summary
from tta_interactive.kinds.steps import Step
from tta_interactive.task import SandboxLevel, Task

MAX_MODULES = 200  # of one package at once

PathText = Annotated[
    str, StringConstraints(min_length=1, max_length=4096, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class TestsParams(Params):
    """Which module, and how hard to try."""

    __test__ = False  # the name is a user's word: pytest must not collect it

    module_path: PathText
    """A Python file in the workspace (`src/auth.py`), a module that the task's interpreter can
    import (`jmespath.lexer`), or a directory (`src/shop`): then each of its modules."""
    output_path: PathText | None = None
    """The test file, in the workspace; default: `tests/test_<module>.py`. Of a directory: where
    the files `test_<package>_<module>.py` go; default: `tests`."""
    python: PathText | None = None
    """The interpreter that has the project's packages: the path of a Python or of a virtual
    environment (`.venv`); default: the one that runs the task."""
    coverage_threshold: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 80
    """Percent of the module's lines; `success` says whether the kept tests reach it."""
    backend: Annotated[str, StringConstraints(min_length=1, max_length=80)] = "native"
    """Who writes the tests: `native`, or `pynguin` where that is installed."""
    budget: Annotated[float, Field(ge=0.5, le=3600, allow_inf_nan=False)] = 20
    """Seconds for writing tests; checking them comes on top. `native` counts work, not time: about
    what an ordinary machine does in a second, so that the same seed brings the same tests."""
    seed: Annotated[int, Field(ge=0, le=2**31)] = 1
    """Same seed, same tests."""
    overwrite: bool = False
    """Whether to replace a test file that was not made by us, or was edited since."""
    ask: bool = False
    """Whether to ask, for up to an hour, before such a file is replaced, in place of failing."""
    extend: bool = False
    """Whether to add to a test file that is there what raises the coverage, below its last line;
    what stands in it stays as it is."""
    max_tests: Annotated[int, Field(ge=1, le=2000)] = 300
    """No more tests than this."""
    mutants: Annotated[int, Field(ge=0, le=1000)] = 0
    """Also try the kept tests on that many small changes of the module, half a second each; needs
    the extra `mutation`."""
    max_modules: Annotated[int, Field(ge=1, le=MAX_MODULES)] = 50
    """Of a directory no more modules than this, those with the most code in functions first."""
    use_cache: bool = True
    """Whether an earlier result of the same question may be used."""


class TestsKind(Kind):
    """Generates tests; completed when the file is on disk, passes, and was measured."""

    __test__ = False

    name = "tests"
    Params = TestsParams
    summary = "tests for a Python module or package: generated, run, measured, then written"
    target = "module_path"
    idempotent = True
    # Wanted where the machine can: a door that must have it asks for it in the request.
    sandbox = SandboxLevel.LIMITS
    timeout = 3600.0
    step_kinds = frozenset({"tests"})

    def label(self, params: TestsParams) -> str:
        return f"tests {params.module_path}"

    def plan(self, params: TestsParams) -> Plan:
        return Plan(child="kind", contains_itself=True)

    def run(self, params: TestsParams, context: RunContext) -> JsonValue:
        # Here and not above: the doors load this file and never need the pipeline.
        from tta_interactive.runners.testgen.package import is_package  # noqa: PLC0415
        from tta_interactive.runners.testgen.pipeline import Wish, run  # noqa: PLC0415

        if is_package(params.module_path, context.workspace):
            return self._surveyed(params, context)
        report = run(Wish(**params.model_dump(exclude={"max_modules"})), context)
        return report.model_dump(mode="json")

    def steps_after(self, params: TestsParams, result: JsonValue) -> Sequence[Step]:
        return steps_of_package(result)

    def conclude(self, params: TestsParams, result: JsonValue, steps: Sequence[Task]) -> JsonValue:
        facts = result if isinstance(result, dict) else {}
        return summary(facts, steps, params.coverage_threshold)

    def _surveyed(self, params: TestsParams, context: RunContext) -> JsonValue:
        """What is to be done for a directory: a step for each module, and what is left out."""
        from tta_interactive.runners.testgen import package  # noqa: PLC0415  (as in `run`)

        context.progress(0.0, "Looking for modules")
        found = package.survey(params.module_path, context.workspace)
        chosen = found.modules[: params.max_modules]
        files = package.outputs(found.modules, params.output_path or "tests")
        same = params.model_dump(
            mode="json",
            exclude={"module_path", "output_path", "max_modules"},
            exclude_defaults=True,
        )
        modules = package.describe_all(chosen, files)
        steps: list[JsonValue] = [
            {
                "name": module["step"],
                "kind": self.name,
                "params": {
                    **same,
                    **{name: module[name] for name in ("module_path", "output_path")},
                },
            }
            for module in modules
        ]
        return {
            "package": params.module_path,
            "steps": steps,
            "modules": list[JsonValue](modules),
            "skipped": [{"path": path, "reason": reason} for path, reason in found.skipped],
            "left_out": [module.path for module in found.modules[params.max_modules :]],
        }
