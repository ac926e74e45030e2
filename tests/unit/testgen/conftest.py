"""A workspace with one module in it, and the kind `tests` run on it as a worker would."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tta_interactive.kinds.base import RunContext, TaskFailure
from tta_interactive.kinds.tests import TestsKind, TestsParams
from tta_interactive.runners.testgen.job import Wish
from tta_interactive.runners.testgen.module import find_module
from tta_interactive.runners.testgen.scratch import Copied, copy_project
from tta_interactive.runners.testgen.split import Suite, split
from tta_interactive.runners.testgen.steps import Bench, best_level
from tta_interactive.task import SandboxLevel

GOOD = '''
    """Grades."""

    LIMITS = {"good": 80, "fair": 50}


    def grade(points: int) -> str:
        if points < 0:
            raise ValueError(f"no points: {points}")
        for name, least in LIMITS.items():
            if points >= least:
                return name
        return "poor"


    def initials(name: str) -> str:
        return "".join(word[0] for word in name.split())
'''


@dataclass
class Lab:
    """A directory to work in and what happened there."""

    base: Path
    level: SandboxLevel = SandboxLevel.LIMITS
    progress: list[tuple[float | None, str]] = field(default_factory=list[tuple[float | None, str]])
    _runs: int = 0

    def __post_init__(self) -> None:
        self.workspace = self.base / "w"
        self.state = self.base / "state"
        self.workspace.mkdir()
        self.state.mkdir()

    def write(self, name: str, text: str) -> Path:
        path = self.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        return path

    def context(self) -> RunContext:
        self._runs += 1
        scratch = self.base / f"s{self._runs}"
        scratch.mkdir()
        return RunContext(
            task_id="t1",
            attempt=1,
            workspace=self.workspace,
            scratch=scratch,
            state=self.state,
            sandbox=self.level,
            progress=lambda fraction, message: self.progress.append((fraction, message)),
        )

    def run(self, module_path: str = "m.py", **options: Any) -> dict[str, Any]:
        """The report of one whole run, with a small budget."""
        asked = {"budget": 0.6, **options, "module_path": module_path}
        params = TestsParams.model_validate(asked)
        result = TestsKind().run(params, self.context())
        assert isinstance(result, dict)
        return result

    def failure(self, module_path: str = "m.py", **options: Any) -> TaskFailure:
        with pytest.raises(TaskFailure) as caught:
            self.run(module_path, **options)
        return caught.value

    def bench(self) -> Bench:
        context = self.context()
        return Bench(sys.executable, best_level(self.level), context.scratch)

    def copied(self, bench: Bench, module_path: str = "m.py") -> Copied:
        return copy_project(find_module(module_path, self.workspace), bench.project)

    def files(self) -> dict[str, bytes]:
        """Every file of the workspace."""
        return {
            str(path.relative_to(self.workspace)): path.read_bytes()
            for path in self.workspace.rglob("*")
            if path.is_file()
        }


def wished(**options: Any) -> Wish:
    """What the kind asks of the pipeline."""
    asked = {"module_path": "m.py", "budget": 30, "use_cache": False, **options}
    return Wish(**TestsParams.model_validate(asked).model_dump(exclude={"max_modules"}))


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


Made = tuple[Lab, dict[str, Any]]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One whole run on a good module, looked at by several tests."""
    lab = Lab(tmp_path_factory.mktemp("made"))
    lab.write("m.py", GOOD)
    return lab, lab.run()


@pytest.fixture
def tests_of() -> Callable[[str], Suite]:
    return lambda text: split(dedent(text))
