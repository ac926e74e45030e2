"""`python -P start.py JOB`: run one job inside the sandbox; the job file says which."""

import json
import sys
from pathlib import Path


def main() -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    try:
        # Found under the name that `steps.install_inside` gives to the copy of this folder.
        from _tta_inside import coverage_facts, probe  # pyright: ignore
        from _tta_inside.generate import main as generate  # pyright: ignore
    finally:
        del sys.path[0]
    jobs = {
        "probe": probe.run,
        "generate": generate.run,
        "facts": coverage_facts.run,
    }
    job = json.loads(Path(sys.argv[1]).read_bytes())
    jobs[job["do"]](job)


if __name__ == "__main__":
    main()
