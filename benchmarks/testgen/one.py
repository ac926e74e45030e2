"""`python -m benchmarks.testgen.one JOB`: one module, one tool, through the kind `tests`.

Runs in the bench's environment. The pipeline does what it does for a user: it generates in the
sandbox, runs three times, drops, measures, and runs the file once more where it lies.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.testgen.memory import Usage
from tta_interactive.kinds.base import RunContext, TaskFailure
from tta_interactive.kinds.tests import TestsKind
from tta_interactive.task import SandboxLevel


def main(job: dict[str, Any]) -> None:
    """Leave the result in the file that the job names."""
    workspace = Path(job["workspace"])
    workspace.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {"module": job["params"]["module_path"], "progress": []}
    started = time.monotonic()

    def progress(done: float | None, message: str) -> None:
        result["progress"].append((round(time.monotonic() - started, 2), done, message))

    kind = TestsKind()
    with tempfile.TemporaryDirectory(prefix="ttab-") as scratch:
        context = RunContext(
            task_id="bench",
            attempt=1,
            workspace=workspace,
            scratch=Path(scratch) / "scratch",
            state=Path(scratch) / "state",
            sandbox=SandboxLevel.LIMITS,
            progress=progress,
        )
        context.scratch.mkdir()
        context.state.mkdir()
        with Usage() as usage:
            try:
                result["report"] = kind.run(kind.Params(**job["params"]), context)
            except TaskFailure as failure:
                result["failure"] = [failure.code, str(failure), failure.detail[-2000:]]
    result["seconds"] = round(time.monotonic() - started, 1)
    result["peak_mib"] = round(usage.peak_mib, 1)
    result["cpu"] = round(usage.cpu_seconds, 1)
    Path(job["result"]).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_bytes()))
