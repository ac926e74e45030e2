"""Where a command prints: a terminal of some width, a pipe, or one JSON value.

Text from tasks goes through `text.visible` before it comes here; `Screen` keeps lines within
the width and survives streams that cannot encode what they are given.
"""

import io
import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TextIO

PIPE_WIDTH = 200  # nobody reads a pipe by eye: cut only what is absurd
LEAST_WIDTH = 12


@dataclass(frozen=True, kw_only=True)
class Screen:
    """The standard streams of one run of the command."""

    out: TextIO
    err: TextIO
    is_terminal: bool
    """Whether a person looks at `out` while it is written."""
    width: int
    is_unicode: bool
    """Whether block characters can be shown; else `#` and `-`."""
    is_json: bool = False

    @classmethod
    def of_this_process(cls, *, is_json: bool) -> Self:
        """The screen that stdout and stderr are."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # A file name or label that the encoding lacks must not end the command.
                stream.reconfigure(errors="backslashreplace")
        # Both are None when the shell closed them, as in `tta list >&-`.
        streams: tuple[TextIO | None, TextIO | None] = sys.stdout, sys.stderr
        out, err = (io.StringIO() if stream is None else stream for stream in streams)
        is_terminal = out.isatty()
        if is_terminal or os.environ.get("COLUMNS"):
            width = shutil.get_terminal_size().columns
        else:
            width = PIPE_WIDTH
        return cls(
            out=out,
            err=err,
            is_terminal=is_terminal,
            width=max(LEAST_WIDTH, width),
            is_unicode=shows_blocks(os.environ, out.encoding),
            is_json=is_json,
        )

    def line(self, text: str = "") -> None:
        """One line for the person or the pipe; flushed, so that a reader sees it at once."""
        print(text, file=self.out, flush=True)

    def lines(self, lines: Iterable[str]) -> None:
        """Several lines, flushed together."""
        self.out.write("".join(f"{line}\n" for line in lines))
        self.out.flush()

    def note(self, text: str) -> None:
        """A line beside the output: errors, hints, what Ctrl-C did."""
        print(text, file=self.err, flush=True)

    @property
    def can_prompt(self) -> bool:
        """Whether a person reads and writes here."""
        has_keys = sys.stdin is not None and sys.stdin.isatty()  # pyright: ignore[reportUnnecessaryComparison]  (closed by the shell)
        return self.is_terminal and has_keys and not self.is_json

    def json(self, value: Any) -> None:
        """The one JSON value of this call. ASCII only: no character of it acts on anything."""
        print(json.dumps(value, ensure_ascii=True, indent=2), file=self.out, flush=True)


def shows_blocks(environ: Mapping[str, str], encoding: str | None) -> bool:
    """Whether the locale promises UTF-8. LC_CTYPE is not asked: Python sets it itself.

    Source: PEP 538, under LANG=C the interpreter exports LC_CTYPE=C.UTF-8.
    """
    locale = environ.get("LC_ALL") or environ.get("LANG") or ""
    is_utf8 = (encoding or "").lower().replace("-", "") == "utf8"
    return is_utf8 and "utf" in locale.lower()
