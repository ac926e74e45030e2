"""Runs a kind of the package in the task's process, and lets it verify what came out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tta_interactive.errors import RequestError
from tta_interactive.kinds import RunContext, checked_params, get_kind
from tta_interactive.kinds.base import TaskFailure
from tta_interactive.progress import progress
from tta_interactive.task import SandboxLevel


def run_kind(spec: Mapping[str, Any]) -> object:
    """The verified result of what `spec` names.

    Raises:
        TaskFailure: Its params are wrong; or the kind says so.
    """
    try:
        kind = get_kind(str(spec["kind"]))
        params = checked_params(kind, spec["params"])
    except RequestError as error:
        raise TaskFailure("invalid", str(error)) from None
    context = RunContext(
        task_id=str(spec["task_id"]),
        attempt=int(str(spec["attempt"])),
        workspace=Path(str(spec["workspace"])),
        scratch=Path(str(spec["scratch"])),
        state=Path(str(spec["state"])),
        sandbox=SandboxLevel(int(str(spec["sandbox"]))),
        progress=progress,
    )
    return kind.verify(params, kind.run(params, context), context)
