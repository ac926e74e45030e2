"""What tests with real processes share: one kernel or one server for all tests of a file."""

from collections.abc import Iterator

import pytest

from tests.e2e.kernel import Kernel
from tests.e2e.mcp_wire import Host, Server


@pytest.fixture(scope="module")
def shared() -> Iterator[Kernel]:
    with Kernel() as kernel:
        yield kernel


@pytest.fixture
def kernel(shared: Kernel) -> Kernel:
    """A kernel with the magics loaded and no task unfinished; the tests of a file share it."""
    shared.run("%tta_cancel --all")
    return shared


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host.made() as made:
        yield made


@pytest.fixture(scope="module")
def server(host: Host) -> Server:
    """One server for all of it: it must survive them together."""
    return host.start()


@pytest.fixture(scope="module")
def wide(host: Host) -> Server:
    """A server whose user allowed more."""
    return host.start("--allow", "shell,python")
