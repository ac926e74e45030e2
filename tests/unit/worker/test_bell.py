"""Who is rung for what: a bell too few costs a quarter of a second, one too many a wake-up."""

import selectors
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tta_interactive import doorbell
from tta_interactive.worker.bell import BellServer

GREETING = b"v 1 1\n"


@pytest.fixture
def home() -> Iterator[Path]:
    """A path that is short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="tta-b-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


class Bells:
    """A server and one client of it."""

    def __init__(self, home: Path) -> None:
        self.selector = selectors.DefaultSelector()
        self.server = BellServer(
            home, self.selector, GREETING, lambda: None, lambda: None, lambda *_: None
        )
        self.server.open()
        client = doorbell.connect(home)
        assert client is not None
        client.setblocking(False)
        self.client = client
        self.turn()
        assert self.heard() == GREETING

    def turn(self) -> None:
        """Whatever the server has to do."""
        while found := self.selector.select(0):
            for key, _ in found:
                key.data()

    def says(self, line: bytes) -> None:
        self.client.sendall(line)
        self.turn()

    def heard(self) -> bytes:
        try:
            return self.client.recv(100)
        except BlockingIOError:
            return b""

    def rings(self, moved: dict[str, bool]) -> bool:
        self.server.ring(moved)
        return self.heard() == doorbell.BELL

    def close(self) -> None:
        self.client.close()
        self.server.close()
        self.selector.close()


@pytest.fixture
def bells(home: Path) -> Iterator[Bells]:
    made = Bells(home)
    yield made
    made.close()


def test_who_wants_to_hear_of_an_end_is_not_rung_before(bells: Bells) -> None:
    bells.says(b"e t_1\n")
    assert bells.heard() == doorbell.BELL  # what ended before the wish arrived is not missed
    assert not bells.rings({"t_1": False, "t_2": True})
    assert bells.rings({"t_1": True})
    assert bells.server.is_watched
    bells.says(b"u t_1\n")
    assert not bells.rings({"t_1": True})
    assert not bells.server.is_watched


def test_who_wants_to_hear_of_moves_hears_of_all(bells: Bells) -> None:
    bells.says(b"w t_1\ne t_1\n")
    bells.heard()
    assert bells.rings({"t_1": False})
    assert not bells.rings({"t_2": True})
    bells.says(b"a\n")
    bells.heard()
    assert bells.rings({"t_2": False})
