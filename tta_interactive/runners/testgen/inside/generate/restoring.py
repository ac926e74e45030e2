"""Fixtures that put back what tests leave behind in the module, where another test would notice.

Most of what is left behind disturbs nobody: a cache is fuller, a registry has one more entry that
no other test asks for. So the tests are run one after the other, forwards and then backwards, with
nothing put back; only if one of them fails then is there a fixture, and only for what matters.
"""

import collections
from collections.abc import Callable, Collection, Sequence
from itertools import count
from typing import Any, cast

from .attempt import Attempts
from .emit import Written
from .leftovers import How, Leftovers, Name
from .names import Names, slug

MAX_NAMES = 12  # of more all are put back
COPIES: dict[type, str] = {
    list: "list",
    dict: "dict",
    set: "set",
    collections.OrderedDict: "collections.OrderedDict",
    collections.deque: "list",
    bytearray: "bytes",
}
IN_PLACE = (list, bytearray)


class Restoring:
    """Writes the fixtures.

    Args:
        leftovers: What is left behind.
        attempts: Runs tests.
        names: What a test may name.
    """

    def __init__(self, leftovers: Leftovers, attempts: Attempts, names: Names) -> None:
        self._leftovers, self._attempts, self._names = leftovers, attempts, names

    def fixtures(self, tests: Sequence[Written]) -> list[str]:
        """The source of those that a file with these tests needs."""
        if not self._leftovers.were_there:
            return []
        changed: dict[Name, set[How]] = {}
        sound: list[Written] = []
        for test in tests:
            if self._attempts.passes(test):
                sound.append(test)
                for name, hows in self._leftovers.left().items():
                    changed.setdefault(name, set()).update(hows)
        needed = set(changed)
        if not changed or not self._is_disturbed(sound, ()):
            return []
        for name in sorted(changed) if len(changed) <= MAX_NAMES else ():
            if not self._is_disturbed(sound, needed - {name}):
                needed.discard(name)
        return [self._fixture(name, changed[name]) for name in sorted(needed)]

    def resets(self) -> list[str]:
        """The source of fixtures that begin each test with the module as its import left it.

        For tests that stand behind others, of which nobody knows what they leave behind: it may be
        what calls of the search left behind too.
        """
        self._leftovers.undo()
        ever = self._leftovers.ever
        some = [name for name in sorted(ever) if "new" not in ever[name]][:MAX_NAMES]
        return [line for name in some for line in self._reset(name, ever[name])]

    def _reset(self, name: Name, hows: Collection[How]) -> list[str]:
        subject, title = self._subject(name), f"{slug(name.path)}_as_imported"
        constant = title.upper()
        head = f'    """Begin with the `{name.path}` of the import, whatever other tests left."""'
        value: Any = self._value(subject)
        if hows == {"value"}:
            owner, _, attribute = subject.rpartition(".")
            if type(value) is count:  # it would go on
                line = f"monkeypatch.setattr({owner}, {attribute!r}, itertools.{value})"
                return [_function(title, "monkeypatch", head, [line])]
            line = f"monkeypatch.setattr({owner}, {attribute!r}, {constant})"
            return [f"{constant} = {subject}", _function(title, "monkeypatch", head, [line])]
        kept, put = self._kept(subject, value, hows)
        lines = [f"before = {kept}", *put(constant), "yield", *put("before")]
        return [f"{constant} = {kept}", _function(title, "", head, lines)]

    def _is_disturbed(self, tests: Sequence[Written], restored: Collection[Name]) -> bool:
        """Whether one of them fails after others, or when it is run again, with only so much put
        back between them."""
        self._leftovers.forget()
        for test in (*tests, *reversed(tests)):
            self._leftovers.undo(restored)
            if not self._attempts.passes(test, fresh=False):
                return True
        return False

    def _fixture(self, name: Name, hows: Collection[How]) -> str:
        subject = self._subject(name)
        owner, _, attribute = subject.rpartition(".")
        title = f"{slug(name.path)}_as_imported"
        head = f'    """Tests change `{name.path}`: each begins with what the import made of it."""'
        if "new" in hows:
            lines = ["yield", f"vars({owner}).pop({attribute!r}, None)"]
            return _function(title, "", head, lines)
        value: Any = self._value(subject)
        if hows == {"value"}:
            put = f"itertools.{value}" if type(value) is count else subject
            line = f"monkeypatch.setattr({owner}, {attribute!r}, {put})"
            return _function(title, "monkeypatch", head, [line])
        kept, put = self._kept(subject, value, hows)
        return _function(title, "", head, [f"before = {kept}", "yield", *put("before")])

    def _kept(
        self, subject: str, value: Any, hows: Collection[How]
    ) -> tuple[str, Callable[[str], list[str]]]:
        """(an expression that keeps what a container holds, statements that put it back)."""
        kind = cast("type[Any]", type(value))
        made = COPIES.get(kind) if hows == {"contents"} else None
        if made is None and not isinstance(value, tuple(COPIES)):
            subject, kind = f"vars({subject})", dict
        kept = f"{made}({subject})" if made else f"copy.deepcopy({subject})"

        def put(before: str) -> list[str]:
            if issubclass(kind, IN_PLACE):
                return [f"{subject}[:] = {before}"]
            more = "extend" if issubclass(kind, collections.deque) else "update"
            return [f"{subject}.clear()", f"{subject}.{more}({before})"]

        return kept, put

    def _subject(self, name: Name) -> str:
        return f"{self._names.module_of(name.module)}.{name.path}"

    def _value(self, subject: str) -> Any:
        return eval(subject, self._names.space)  # noqa: S307  (a dotted name, written here)


def _function(name: str, parameters: str, head: str, lines: Sequence[str]) -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f"@pytest.fixture(autouse=True)\ndef {name}({parameters}):\n{head}\n{body}"
