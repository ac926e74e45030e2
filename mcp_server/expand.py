"""What a request asks for in the steps inside it, checked like a request of its own.

An agent's workflow may hold only what the agent could submit alone: kinds that are allowed,
paths inside the roots, tests in the sandbox. How a step runs (its environment, its interpreter,
its directory, its containment) is not the agent's to say.
"""

from pathlib import Path
from typing import Final, cast

from pydantic import JsonValue

from mcp_server.policy import DEFAULT_KIND, WORKFLOW, Policy
from tta_interactive.errors import ForbiddenError
from tta_interactive.kinds.steps import MAX_DEPTH, MAX_STEPS
from tta_interactive.kinds.tests import TestsParams
from tta_interactive.task import SandboxLevel

STEP_FIELDS: Final = frozenset(
    {"name", "kind", "params", "after", "label", "priority", "timeout", "max_attempts"}
)
MAX_MODULES_DEFAULT: Final = TestsParams.model_fields["max_modules"].default


class Expansion:
    """The params of one request, with all that stands in their steps.

    Args:
        policy: What is allowed.
        workspace: Where relative paths begin.
        available: The best containment of this machine.
    """

    def __init__(self, policy: Policy, workspace: Path, available: SandboxLevel) -> None:
        self._policy, self._workspace, self._available = policy, workspace, available
        self.tasks = 1
        """How many tasks it will be."""

    def params(
        self, kind: str, params: dict[str, JsonValue], depth: int = 0
    ) -> dict[str, JsonValue]:
        """The params as they may be submitted.

        Raises:
            ForbiddenError: A step asks for what the agent may not have.
            InvalidRequestError: A path leads outside.
        """
        checked = self._policy.params(params, self._workspace)
        if kind == DEFAULT_KIND:
            self.tasks += self._modules(checked)
        steps = checked.get("steps")
        if kind != WORKFLOW or not isinstance(steps, list):
            return checked
        self.tasks += len(steps)
        if self.tasks > MAX_STEPS or depth >= MAX_DEPTH:
            raise ForbiddenError(
                f"A workflow may have {MAX_STEPS:,} steps and {MAX_DEPTH} levels. Submit less."
            )
        return {**checked, "steps": [self._step(step, depth + 1) for step in steps]}

    def _modules(self, params: dict[str, JsonValue]) -> int:
        """How many tasks a package may become: nobody has looked into it yet."""
        path, most = params.get("module_path"), params.get("max_modules", MAX_MODULES_DEFAULT)
        if not isinstance(path, str) or not isinstance(most, int):
            return 0  # the kind's model says what is wrong with it
        return most if (self._workspace / path).is_dir() else 0

    def _step(self, step: JsonValue, depth: int) -> JsonValue:
        if not isinstance(step, dict):
            return step  # the kind's model says what is wrong with it
        for name in sorted(step.keys() - STEP_FIELDS):
            raise ForbiddenError(
                f"A step may not set {name[:80]!r} here. It may set: "
                f"{', '.join(sorted(STEP_FIELDS))}."
            )
        kind, params = step.get("kind"), step.get("params", {})
        if not isinstance(kind, str) or not isinstance(params, dict):
            return step
        self._policy.check_kind(kind)
        level = self._policy.sandbox(kind, self._available)
        wanted: dict[str, JsonValue] = {} if level is None else {"sandbox": level.word}
        return cast(
            "JsonValue", {**step, **wanted, "params": self.params(kind, dict(params), depth)}
        )
