"""The fixtures of the tests of one attempt."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attempt_tools import Attempt, Attempts


@pytest.fixture
def attempts() -> Iterator[Attempts]:
    made = Attempts(Path(tempfile.mkdtemp(prefix="tta-")))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(params=["fork", "exec"])
def python(request: pytest.FixtureRequest, attempts: Attempts) -> Callable[..., Attempt]:
    """Runs Python text in the zygote's fork, and in an interpreter executed by path."""
    how = "" if request.param == "fork" else os.path.realpath(sys.executable)
    return lambda code, **facts: attempts.python(code, python=how, **facts)
