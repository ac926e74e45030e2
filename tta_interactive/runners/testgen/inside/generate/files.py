"""Files under `tmp_path` that calls are given: each is a variable that a statement makes."""

import random
import re
from collections.abc import Sequence

MAX_FILES = 40
ENDINGS = re.compile(r"\.[a-z]{1,5}")
CONTENTS = (
    "",
    "a\nb\n",
    "key = value\n",
    '{"a": 1}',
    "[section]\na = 1\n",
    "x,y\n1,2\n",
    "no newline",
)


class Files:
    """Draws the expressions, and knows the statements behind each."""

    def __init__(self, texts: Sequence[str], draw: random.Random) -> None:
        self._draw, self._texts = draw, texts
        self._endings = [".txt", *(text for text in texts if ENDINGS.fullmatch(text))]
        self._statements: dict[str, tuple[str, ...]] = {}

    def path(self) -> str:
        """An expression for a path: mostly of a file, else of a directory or of nothing."""
        draw = self._draw
        dice = draw.random()
        if dice < 0.1:
            return "tmp_path"
        if dice < 0.25:
            return "(tmp_path / 'missing.txt')"
        if len(self._statements) >= MAX_FILES or (self._statements and dice < 0.5):
            return draw.choice(list(self._statements))
        name = f"file_{len(self._statements) + 1}"
        content = CONTENTS[len(self._statements) % len(CONTENTS)]
        if len(self._statements) > len(CONTENTS) and self._texts:
            content = "\n".join(draw.choices(self._texts, k=draw.choice((1, 2, 3))))
        self._statements[name] = (
            f"{name} = tmp_path / {'a' + draw.choice(self._endings)!r}",
            f"{name}.write_text({content!r}, encoding='utf-8')",
        )
        return name

    def before(self, statements: Sequence[str]) -> list[str]:
        """The statements, after those that make the files which they use."""
        text = "\n".join(statements)
        if "file_" not in text:
            return list(statements)
        used = [name for name in self._statements if re.search(rf"\b{name}\b", text)]
        made = [line for name in used for line in self._statements[name]]
        return [*(line for line in made if line not in statements), *statements]
