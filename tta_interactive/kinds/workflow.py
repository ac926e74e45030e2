"""A graph of tasks: each step begins when those that it comes after have completed.

It has no process of its own. Its steps are ordinary tasks, stored together with it, and the
store keeps the rule that it ends after them. So nothing waits in a slot, nothing can be killed
but the steps themselves, and a workflow may have workflows as steps.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, JsonValue

from tta_interactive.kinds.base import Kind, Params, Plan, TaskFailure
from tta_interactive.kinds.steps import (
    MAX_STEPS,
    Step,
    critical_path,
    in_order,
    seconds,
    told_failure,
)
from tta_interactive.task import OnFailure, SandboxLevel, Task, TaskStatus

MAX_RESULT_CHARACTERS = 4096  # of one step's result in the whole's; the step itself has all


class WorkflowParams(Params):
    """The steps, and what a failure means."""

    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=MAX_STEPS)]
    """Each is `{name, kind, params, after}`, in any order: `after` names the steps that must
    complete first. It may set `label`, `priority`, `timeout` and `max_attempts` too."""
    on_failure: OnFailure = "continue"
    """When a step does not complete, what depends on it fails. `continue`: the others go on.
    `stop`: those that have not begun are cancelled."""


class WorkflowKind(Kind):
    """Completed when all its steps are; its result says what came of each."""

    name = "workflow"
    Params = WorkflowParams
    summary = "a graph of tasks; completed when all its steps are"
    idempotent = True
    sandbox = SandboxLevel.NONE

    def label(self, params: WorkflowParams) -> str:
        names = ", ".join(step.name for step in params.steps)
        return f"workflow of {len(params.steps)}: {names}"

    def plan(self, params: WorkflowParams) -> Plan:
        return Plan()

    def steps(self, params: WorkflowParams) -> Sequence[Step]:
        return in_order(params.steps)

    def on_failure(self, params: WorkflowParams) -> OnFailure:
        return params.on_failure

    def conclude(
        self, params: WorkflowParams, result: JsonValue, steps: Sequence[Task]
    ) -> JsonValue:
        bad = [step for step in steps if step.status is not TaskStatus.COMPLETED]
        if bad:
            message, detail = told_failure(steps)
            raise TaskFailure(
                "step_failed",
                f"{len(steps) - len(bad)} of {len(steps)} steps completed. {message}",
                "The steps' own records say more. Mend the cause and submit it again.",
                detail,
            )
        ends = [step.finished_at for step in steps if step.finished_at is not None]
        starts = [step.started_at for step in steps if step.started_at is not None]
        longest, names = critical_path(steps)
        total = (max(ends) - min(starts)).total_seconds() if ends and starts else 0.0
        return {
            "steps": {step.step: _facts(step) for step in steps},
            "counts": {"completed": len(steps)},
            "durations": {
                "total": round(total, 3),
                "sum_of_steps": round(sum(map(seconds, steps)), 3),
                "critical_path": round(longest, 3),
                "critical_steps": list[JsonValue](names),
            },
        }


def _facts(step: Task) -> dict[str, JsonValue]:
    facts: dict[str, Any] = {
        "id": step.id,
        "kind": step.kind,
        "status": step.status.value,
        "seconds": round(seconds(step), 3),
    }
    if len(json.dumps(step.result)) <= MAX_RESULT_CHARACTERS:
        facts["result"] = step.result
    else:
        facts["result_left_out"] = "It is large: ask for the step itself."
    return facts
