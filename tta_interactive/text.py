r"""Untrusted text made safe to show: nothing it holds acts on a terminal or hides from a reader.

Output of tasks, labels, messages and file names are written by strangers. An escape sequence
in them can move the cursor, rename the window, fill the clipboard (OSC 52) or print a link that
lies (OSC 8); a bidirectional override shows other words than are there; tag characters carry
words that only a language model reads. Here each such character becomes its Python escape, such
as `\x1b` or `\u202e`: plain ASCII, the same in every front end. Colours and 'erase to the end
of the line', which honest programs print all the time, are dropped.

The result is text and no HTML: whoever builds HTML escapes it once more.
"""

import re
from typing import Final

CUT: Final = "..."  # ASCII: it must be readable under LANG=C

# SGR (colours) and EL (erase in line): they can neither move nor hide what we print.
_HARMLESS: Final = re.compile(r"(?:\x1b\[|\x9b)[0-9;:]{0,64}[mK]")

_ACTING: Final = re.compile(
    "["
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # C0 without tab and line ends, DEL, C1
    "\u00ad\u061c\u180e\u200b\u200e\u200f"  # soft hyphen, marks of direction, zero width
    "\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # separators, bidi, invisible operators
    "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # fillers: letters that show nothing
    "\ud800-\udfff"  # lone surrogates: no encoding takes them
    "\ufe00-\ufe0e\U000e0000-\U000e0fff"  # selectors and tags: hidden text for models
    "]"
)
# U+200C, U+200D and U+FE0F stay: Persian and emoji are written with them.

_LINE_END: Final = re.compile(r"\r\n?|\n")


def visible(text: str, limit: int | None = None) -> str:
    """The text with everything that acts or hides made visible; lines stay lines.

    Args:
        text: Anything, however hostile.
        limit: Most characters of the answer; a longer text ends in `...`.
    """
    if limit is not None and len(text) > limit:
        text = text[: limit + 1]  # one more than fits, so that the cut below is marked
        cut = True
    else:
        cut = False
    # A lone carriage return would print over the line before: each update is a line here.
    text = _LINE_END.sub("\n", _HARMLESS.sub("", text))
    text = _ACTING.sub(_escape, text)
    if limit is not None and (cut or len(text) > limit):
        text = text[: max(0, limit - len(CUT))] + CUT[:limit]
    return text


def one_line(text: str, limit: int | None = None) -> str:
    """The same on one line: each run of blanks and line ends becomes one space."""
    if limit is not None:
        text = text[: 4 * limit + 64]  # a label of a megabyte must not cost a megabyte
    text = " ".join(visible(text).split())
    if limit is not None and len(text) > limit:
        text = text[: max(0, limit - len(CUT))] + CUT[:limit]
    return text


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
