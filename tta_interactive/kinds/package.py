"""Tests for a whole package: a step for each module, and one summary of what they reached. Pure."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import JsonValue

from tta_interactive.kinds.steps import Step, critical_path, seconds
from tta_interactive.task import Task, TaskStatus

WORST: Final = 5
FACTS: Final = ("kept", "line", "branch", "threshold_met")


def steps_of_package(result: JsonValue) -> list[Step]:
    """The steps that a survey asks for; none where one module was meant."""
    if not isinstance(result, dict) or not isinstance(found := result.get("steps"), list):
        return []
    return [Step.model_validate(step) for step in found]


def summary(
    result: Mapping[str, JsonValue], steps: Sequence[Task], threshold: float
) -> dict[str, Any]:
    """What came of a package.

    A module whose task failed counts as not covered at all. The total is weighted by the modules'
    statements.

    Args:
        result: What the survey returned.
        steps: The modules' tasks, as they ended.
        threshold: Percent of lines that was asked for.
    """
    known: dict[str, Any] = {}
    for each in _dicts(result.get("modules")):
        known[str(each.get("step"))] = each
    modules = [_module(step, known.get(step.step, {})) for step in steps]
    weight = sum(module["statements"] for module in modules)
    covered = sum(module["statements"] * (module["line"] or 0.0) for module in modules)
    line = round(covered / weight, 2) if weight else 0.0
    files = [module["output_path"] for module in modules if module["status"] == "completed"]
    failed = [module["module"] for module in modules if module["status"] != "completed"]
    worst = sorted(modules, key=lambda module: (module["line"] or 0.0, module["module"]))
    longest, _ = critical_path(steps)
    return {
        "success": line >= threshold and not failed,
        "package": result.get("package"),
        "line": line,
        "threshold": threshold,
        "threshold_met": line >= threshold,
        "kept": sum(module["kept"] or 0 for module in modules),
        "modules": modules,
        "failed_modules": failed,
        "worst": [module["module"] for module in worst[:WORST]],
        "skipped": result.get("skipped", []),
        "left_out": result.get("left_out", []),
        "files": files,
        "command": " ".join(["python -m pytest", *map(shlex.quote, files)]) if files else "",
        "durations": {
            "total": _span(steps),
            "sum_of_steps": round(sum(map(seconds, steps)), 3),
            "critical_path": round(longest, 3),
        },
    }


def _module(step: Task, known: Mapping[str, Any]) -> dict[str, Any]:
    report = step.result if isinstance(step.result, dict) else {}
    facts: dict[str, Any] = {
        "module": str(known.get("module", step.step)),
        "module_path": str(known.get("module_path", "")),
        "task_id": step.id,
        "status": step.status.value,
        "statements": int(_number(known.get("statements"))),
        "output_path": str(report.get("output_path") or known.get("output_path", "")),
        **{name: report.get(name) for name in FACTS},
    }
    facts["line"] = _number(facts["line"]) if facts["line"] is not None else None
    facts["kept"] = int(_number(facts["kept"])) if facts["kept"] is not None else None
    if odd := report.get("suspicious"):
        facts["suspicious"] = len(odd) if isinstance(odd, list) else odd
    if step.status is not TaskStatus.COMPLETED:
        facts["error"] = "cancelled" if step.error is None else step.error.code
        facts["message"] = "" if step.error is None else step.error.message[:500]
    return facts


def _span(steps: Sequence[Task]) -> float:
    ends = [step.finished_at for step in steps if step.finished_at is not None]
    starts = [step.started_at for step in steps if step.started_at is not None]
    return round((max(ends) - min(starts)).total_seconds(), 3) if ends and starts else 0.0


def _number(value: object) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number else 0.0  # type: ignore[arg-type]


def _dicts(value: JsonValue | None) -> list[dict[str, JsonValue]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
