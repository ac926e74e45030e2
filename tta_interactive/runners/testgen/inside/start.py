"""`python -P start.py JOB`: run one job inside the sandbox; the job file says which."""

import importlib
import json
import sys
from pathlib import Path

JOBS = {
    "look": "look",
    "probe": "probe",
    "generate": "generate.main",
    "facts": "coverage_facts",
    "mutants": "mutants",
}


def main() -> None:
    """Load what the job needs under the name that the copy of this folder has, and run it."""
    job = json.loads(Path(sys.argv[1]).read_bytes())
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    try:
        runner = importlib.import_module(f"_tta_inside.{JOBS[job['do']]}")
    finally:
        del sys.path[0]
    runner.run(job)


if __name__ == "__main__":
    main()
