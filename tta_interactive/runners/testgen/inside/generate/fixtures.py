"""The fixtures that statements ask for by name, given as pytest gives them."""

import contextlib
import functools
import os
import re
import shutil
import sys
import types
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ..guard import Guard


class Fixtures:
    """Makes a `tmp_path`, a `monkeypatch` and a `capsys` for one run of some statements."""

    def __init__(self, own: Path, guard: Guard) -> None:
        self._own, self._guard = own, guard

    def asked(self, statements: Sequence[str]) -> set[str]:
        """Those that the statements name."""
        return {name for text in statements for name in _asked(text)}

    def given(
        self, statements: Sequence[str], names: dict[str, Any]
    ) -> contextlib.AbstractContextManager[object]:
        """Put the fixtures that the statements name among the names; undo all of it at the end."""
        asked = self.asked(statements)
        return self._made(asked, names) if asked else contextlib.nullcontext()

    @contextlib.contextmanager
    def _made(self, asked: set[str], names: dict[str, Any]) -> Generator[None]:
        with contextlib.ExitStack() as stack:
            if "monkeypatch" in asked:
                names["monkeypatch"] = stack.enter_context(pytest.MonkeyPatch.context())
            if "capsys" in asked:
                names["capsys"] = Captured()
            if "tmp_path" in asked:
                names["tmp_path"] = stack.enter_context(self._directory())
            yield

    @contextlib.contextmanager
    def _directory(self) -> Generator[Path]:
        # The same one each time, emptied: to make and remove directories costs more than a call.
        path = self._own / "test"
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._guard.own_directory = str(path.resolve())
        try:
            yield path
        finally:
            self._guard.own_directory = ""
            with os.scandir(path) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        shutil.rmtree(entry, ignore_errors=True)
                    else:
                        os.unlink(entry)


class Captured:
    """Does as pytest's `capsys`, while the runner's own stream stands for standard output."""

    def readouterr(self) -> types.SimpleNamespace:
        """What was printed since the statements began."""
        printed: Any = getattr(sys.stdout, "text", str)
        return types.SimpleNamespace(out=printed(), err="")


@functools.lru_cache(maxsize=4096)
def _asked(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\b(?:capsys|monkeypatch|tmp_path)\b", text))
