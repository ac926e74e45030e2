"""What tests with real processes share: one kernel or one server for all tests of a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import a_project
from tests.e2e.certificate import Certificate, made_in
from tests.e2e.kernel import Kernel
from tests.e2e.mcp_agent import Place
from tests.e2e.mcp_http import HttpServer, add_token
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


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return made_in(tmp_path)


@pytest.fixture(scope="module")
def server(host: Host) -> Server:
    """One server for all of it: it must survive them together."""
    return host.start()


@pytest.fixture(scope="module")
def wide(host: Host) -> Server:
    """A server whose user allowed more."""
    return host.start("--allow", "shell,python")


@pytest.fixture(scope="module")
def web(host: Host) -> Iterator[HttpServer]:
    """A server over HTTP that knows two principals."""
    with HttpServer.running(host, "--allow", "generate,shell") as server:
        add_token(host.home, "other", "o" * 30)
        yield server


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return a_project(tmp_path, "twice.py", "def twice(n: int) -> int:\n    return 2 * n\n")


@pytest.fixture
def place(home: Path, project: Path) -> Place:
    return Place(home, project)
