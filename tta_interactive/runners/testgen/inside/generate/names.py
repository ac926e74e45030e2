"""The names that a test file uses: what they are here, and the import or definition behind each."""

import ast
import builtins
import functools
import importlib
import keyword
import re
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import pytest

from .recipes import OPTIONAL, TOOLS

FIXTURES = ("capsys", "monkeypatch", "tmp_path")


class Names:
    """The names that a test may use, and the import line behind each."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.space: dict[str, Any] = {}
        self._lines: dict[str, tuple[str, str]] = {}
        """Name in a test -> (module to import from or '', name there)."""
        self._support: dict[str, str] = {}
        """Name -> source of a class or function that stands above the tests."""
        for tool in TOOLS:
            there = sys.modules.get(tool) if tool in OPTIONAL else importlib.import_module(tool)
            if there is not None:
                self.add(tool, there, "", tool)
        self.space["pytest"] = pytest  # whole tests are run too

    def add(self, name: str, value: Any, home: str, there: str) -> str:
        self.space[name] = value
        self._lines[name] = (home, there)
        return name

    def own(self, name: str) -> str:
        """How a test writes a name of the module; made importable."""
        value = vars(self.module)[name]
        taken = hasattr(builtins, name) or name in {*TOOLS, *FIXTURES, "pytest", "result"}
        written = f"module_{name.strip('_')}" if taken else name
        return self.add(written, value, self.module.__name__, name)

    def module_of(self, dotted: str) -> str:
        """How a test writes a module of the package; made importable."""
        home, _, name = dotted.rpartition(".")
        value = sys.modules[dotted]
        free = [name, f"{name}_module"]
        here = next((one for one in free if self.space.get(one, value) is value), f"the_{name}")
        return self.add(here, value, home, name)

    def imports(self, used: set[str]) -> list[tuple[str, str, str]]:
        """(module, name there, name here) of each used name; the module is '' for `import x`."""
        return sorted(
            (home, there, name) for name, (home, there) in self._lines.items() if name in used
        )

    def support(self, name: str, source: str) -> str:
        """Let tests use what the source defines under the name."""
        if self._support.get(name) != source:
            exec(compile(source, "<support>", "exec"), self.space)  # noqa: S102  (our own text)
            self._support[name] = source
        return name

    def support_in(self, sources: Iterable[str]) -> dict[str, str]:
        """Name -> source of all the support that the sources need, each after what it needs."""
        found: dict[str, str] = {}
        asked: set[str] = set()

        def collect(source: str) -> None:
            for name in names_in(source):
                if name in self._support and name not in asked:
                    asked.add(name)
                    collect(self._support[name])
                    found[name] = self._support[name]

        for source in sources:
            collect(source)
        return found

    def knows(self, name: str) -> bool:
        return name in self._lines

    def variable(self, owner: str) -> str:
        """A variable's name for an object of the class."""
        name = (
            re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", owner.rsplit(".", maxsplit=1)[-1])
            .strip("_")
            .lower()
        )
        busy = name in self.space or hasattr(builtins, name) or keyword.iskeyword(name)
        return f"a_{name}" if busy or not name.isidentifier() else name


def slug(text: str) -> str:
    """The text as a part of a test's name."""
    words = re.sub(r"_+", "_", re.sub(r"\W+", "_", text)).strip("_").lower()
    return words if words.isascii() else "text"


@functools.lru_cache(maxsize=4096)
def names_in(source: str) -> tuple[str, ...]:
    """The names that the source reads or binds, each once, in order."""
    nodes = ast.walk(ast.parse(source))
    return tuple(dict.fromkeys(node.id for node in nodes if isinstance(node, ast.Name)))


def fixtures_in(sources: Iterable[str]) -> tuple[str, ...]:
    """The pytest fixtures that the sources use."""
    used = {name for source in sources for name in names_in(source)}
    return tuple(name for name in FIXTURES if name in used)
