"""Variables that statements of their own set up: files under `tmp_path`, objects changed first."""

import random
import re
from collections.abc import Sequence

MAX_FILES = 40
MAX_OBJECTS = 24
"""Of one class."""
ENDINGS = re.compile(r"\.[a-z]{1,5}")
CONTENTS = (
    "a\nb\n",
    "",
    "key = value\n",
    '{"a": 1}',
    "[section]\na = 1\n",
    "x,y\n1,2\n",
    "no newline",
)
_NUMBERED = re.compile(r"\b[a-z]\w*_\d+\b")


class Setup:
    """Draws the variables, and knows the statements behind each."""

    def __init__(self, texts: Sequence[str], draw: random.Random) -> None:
        self._draw, self._texts = draw, texts
        self._endings = [".txt", *(text for text in texts if ENDINGS.fullmatch(text))]
        self._statements: dict[str, tuple[str, ...]] = {}
        self._files: list[str] = []
        self._objects: dict[str, list[str]] = {}

    def path(self) -> str:
        """An expression for a path: mostly of a file, else of a directory or of nothing."""
        draw = self._draw
        dice = draw.random()
        if dice < 0.1:
            return "tmp_path"
        if dice < 0.25:
            return "(tmp_path / 'missing.txt')"
        count = len(self._files)
        if count >= MAX_FILES or (count and dice < 0.5):
            return draw.choice(self._files)
        name = f"a_file_{count + 1}"
        content = CONTENTS[count % len(CONTENTS)]
        if count > len(CONTENTS) and self._texts:
            content = "\n".join(draw.choices(self._texts, k=draw.choice((1, 2, 3))))
        self._files.append(name)
        self._statements[name] = (
            f"{name} = tmp_path / {'a' + draw.choice(self._endings)!r}",
            f"{name}.write_text({content!r}, encoding='utf-8')",
        )
        return name

    def has_room(self, variable: str) -> bool:
        """Whether another object of this sort may be set up."""
        return len(self._objects.get(variable, ())) < MAX_OBJECTS

    def known(self, variable: str) -> list[str]:
        """The objects of this sort that were set up before."""
        return self._objects.get(variable, [])

    def add(self, variable: str, made: str, changes: Sequence[str]) -> str:
        """A variable that is made and then changed.

        Args:
            variable: What to call it, before a number.
            made: The expression of the object.
            changes: Statements with a NUL in the place of the variable.
        """
        every = self._objects.setdefault(variable, [])
        name = f"{variable}_{len(every) + 1}"
        every.append(name)
        lines = [change.replace("\0", name) for change in changes]
        self._statements[name] = (f"{name} = {made}", *lines)
        return name

    def drop(self, statement: str) -> bool:
        """Never again make a change that fails; whether there was such a one."""
        for name, lines in self._statements.items():
            if statement in lines[1:]:
                self._statements[name] = tuple(line for line in lines if line != statement)
                return True
        return False

    def before(self, statements: Sequence[str]) -> list[str]:
        """The statements, after those that set up what they use."""
        needed: dict[str, None] = {}
        there = set(statements)

        def collect(text: str, depth: int) -> None:
            for name in _NUMBERED.findall(text):
                lines = self._statements.get(name)
                if lines and name not in needed and lines[0] not in there and depth < 6:
                    for line in lines:
                        collect(line.partition("=")[2] if line == lines[0] else line, depth + 1)
                    needed[name] = None

        for text in statements:
            collect(text, 0)
        return [*(line for name in needed for line in self._statements[name]), *statements]

    def without_numbers(self, statements: Sequence[str]) -> list[str]:
        """The statements with `a_file` for `a_file_7`, where there is no other."""
        text = "\n".join(statements)
        names = [
            name for name in dict.fromkeys(_NUMBERED.findall(text)) if name in self._statements
        ]
        bases = [name.rpartition("_")[0] for name in names]
        for name, base in zip(names, bases, strict=True):
            if bases.count(base) == 1 and not re.search(rf"\b{base}\b", text):
                statements = [re.sub(rf"\b{name}\b", base, line) for line in statements]
        return list(statements)
