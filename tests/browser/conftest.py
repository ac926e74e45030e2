"""One JupyterLab for all tests that a process runs: it takes ten seconds to come up."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def shared_lab() -> Iterator[object]:
    from tests.browser.lab import Lab

    with Lab() as lab:
        yield lab


@pytest.fixture
def lab(shared_lab: object) -> Iterator[object]:
    """The server with no kernel of another test, and afterwards without task and page."""
    from tests.browser.lab import Lab

    assert isinstance(shared_lab, Lab)
    yield shared_lab
    shared_lab.clear()
