"""The variables that a task gets: a short list of harmless ones, and what was asked for."""

import os
from collections.abc import Mapping

KEPT = frozenset(
    {
        "PATH",
        "HOME",
        "LANG",
        "LANGUAGE",
        "TZ",
        "USER",
        "LOGNAME",
        "SHELL",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "TTA_PYNGUIN_PYTHON",
    }
)
# Everything else stays behind: keys of other services, and PYTHON*, PYTEST_*, LD_*, GIT_* and
# BASH_ENV, which make programs run code that nobody asked for.
DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"


def task_environment(
    asked: Mapping[str, str], scratch: str, inherited: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The environment of a task.

    Args:
        asked: What the task's submitter set; wins.
        scratch: Its private directory for temporary files.
        inherited: The worker's own environment.
    """
    kept = {k: v for k, v in inherited.items() if k in KEPT or k.startswith("LC_")}
    return {"PATH": DEFAULT_PATH, **kept, "TMPDIR": scratch, **asked}
