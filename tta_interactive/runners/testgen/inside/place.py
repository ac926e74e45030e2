"""Where the copy of the project stands on `sys.path`, and how reports leave the sandbox."""

import json
import os
import sys
from pathlib import Path
from typing import Any

try:
    import resource
except ImportError:  # Windows
    resource = None


def put_on_path(root: str) -> None:
    """Let `root` win over installed packages and lose against the standard library.

    A project's `logging.py` must not replace Python's, and an older installed release of the
    project must not be tested in its place.
    """
    if root in sys.path:
        sys.path.remove(root)
    installed = [
        at
        for at, entry in enumerate(sys.path)
        if entry.endswith(("site-packages", "dist-packages"))
    ]
    sys.path.insert(installed[0] if installed else len(sys.path), root)


def limit_resources() -> None:
    """A bound on memory and on the size of files, for this process and what it starts."""
    if resource is None:
        return
    for limit, bound in (
        (resource.RLIMIT_DATA, 2 * 1024**3),
        (resource.RLIMIT_FSIZE, 64 * 1024**2),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(limit)
        most = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(limit, (most, most))


def write_report(path: str, report: dict[str, Any]) -> None:
    """Write the report whole or not at all."""
    half = Path(f"{path}.part")
    half.write_text(json.dumps(report), encoding="utf-8")
    os.replace(half, path)
