"""May the test file be written where it belongs? Where a person must decide, they are asked.

Only if the task was submitted with `ask`: a run that nobody attends fails at once, as it did.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

from tta_interactive.asking import ask
from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.job import Wish
from tta_interactive.runners.testgen.write import check_free

PATIENCE: Final = 3600.0  # seconds; then nobody is there, and nothing is replaced


def with_consent(wish: Wish, output: Path, workspace: Path, module: str) -> Wish:
    """The wish, with `overwrite` where somebody agreed to that.

    Raises:
        TaskFailure: The file may not be written.
    """
    try:
        check_free(output, workspace, module, overwrite=wish.overwrite)
    except TaskFailure as problem:
        if problem.code != "output_exists" or not wish.ask or wish.overwrite:
            raise
        question = f"{problem.message} Replace it?"
        if ask(question, choices=["yes", "no"], default="no", timeout=PATIENCE) != "yes":
            raise
        check_free(output, workspace, module, overwrite=True)  # a link is in the way still
        return replace(wish, overwrite=True)
    return wish
