"""A workflow of an agent holds nothing that the agent could not submit alone (S15)."""

from pathlib import Path
from typing import Any

import pytest

from mcp_server.expand import Expansion
from mcp_server.policy import Policy
from tta_interactive.errors import ForbiddenError, InvalidRequestError, SandboxError
from tta_interactive.task import SandboxLevel


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    return tmp_path


def expansion(
    root: Path,
    *kinds: str,
    level: SandboxLevel = SandboxLevel.NAMESPACES,
) -> Expansion:
    policy = Policy(home=root / "h", roots=(root,), kinds=frozenset({"tests", "workflow", *kinds}))
    return Expansion(policy, root, level)


def step(kind: str, name: str = "s", **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": kind, "params": {}, **more}


def nested(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"name": "n", "kind": "workflow", "params": {"steps": list(steps)}}


@pytest.mark.parametrize("kind", ["shell", "python", "call", "nothing"])
def test_a_step_of_a_kind_that_is_not_allowed_is_refused(root: Path, kind: str) -> None:
    for steps in ([step(kind)], [step("tests"), nested(nested(step(kind)))]):
        with pytest.raises(ForbiddenError, match=f"Kind '{kind}' is not allowed here"):
            expansion(root).params("workflow", {"steps": steps})


@pytest.mark.parametrize(
    "name", ["sandbox", "environment", "python", "workspace", "idempotent", "metadata"]
)
def test_how_a_step_runs_is_not_the_agents_to_say(root: Path, name: str) -> None:
    asked = {"steps": [nested(step("tests", **{name: "x"}))]}
    with pytest.raises(ForbiddenError, match=f"A step may not set '{name}'"):
        expansion(root).params("workflow", asked)


def test_tests_in_steps_get_the_sandbox_that_they_would_get_alone(root: Path) -> None:
    found: Any = expansion(root, "shell").params(
        "workflow", {"steps": [step("tests"), step("shell"), nested(step("tests"))]}
    )
    tests, shell, inner = found["steps"]
    assert tests["sandbox"] == "landlock"
    assert "sandbox" not in shell
    assert inner["params"]["steps"][0]["sandbox"] == "landlock"
    with pytest.raises(SandboxError):
        expansion(root, level=SandboxLevel.LIMITS).params("workflow", {"steps": [step("tests")]})


def test_paths_in_steps_are_checked(root: Path) -> None:
    bad = {**step("tests"), "params": {"module_path": "../secret.py"}}
    with pytest.raises(InvalidRequestError, match="leads outside"):
        expansion(root).params("workflow", {"steps": [nested(bad)]})


def test_every_step_counts(root: Path) -> None:
    asked = expansion(root)
    asked.params("workflow", {"steps": [step("tests"), nested(step("tests"), step("tests"))]})
    assert asked.tasks == 5
    with pytest.raises(ForbiddenError, match="1,000 steps"):
        expansion(root).params("workflow", {"steps": [step("tests")] * 1001})
    deep = step("tests")
    for _ in range(200):
        deep = nested(deep)
    with pytest.raises(ForbiddenError, match="5 levels"):
        expansion(root).params("workflow", {"steps": [deep]})


def test_a_package_counts_as_many_modules_as_it_may_have(root: Path) -> None:
    for params, tasks in (
        ({"module_path": "src"}, 51),
        ({"module_path": "src", "max_modules": 7}, 8),
        ({"module_path": "src/a.py"}, 1),
        ({"module_path": "src", "max_modules": "x"}, 1),
    ):
        asked = expansion(root)
        asked.params("tests", dict(params))
        assert asked.tasks == tasks
    inside = expansion(root)
    inside.params("workflow", {"steps": [{**step("tests"), "params": {"module_path": "src"}}]})
    assert inside.tasks == 52


def test_what_is_no_step_is_left_to_the_kinds_own_check(root: Path) -> None:
    odd: list[Any] = [1, {"name": "a"}, {"name": "b", "kind": 3, "params": []}]
    assert expansion(root).params("workflow", {"steps": odd}) == {"steps": odd}
    assert expansion(root).params("workflow", {"steps": "x"}) == {"steps": "x"}
