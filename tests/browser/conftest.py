"""One JupyterLab for all tests of a file: it takes ten seconds to come up.

Not for more: as long as Playwright is started, its thread counts as one with a running event loop,
and asynchronous tests that come after it in the process could not run.
"""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
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
