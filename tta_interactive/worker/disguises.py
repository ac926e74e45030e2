"""The forms in which programs print a secret without wanting to hide it.

    as it is, each of its lines, JSON, Python's repr, a quoted word of the shell, HTML and XML,
    percent-encoded, hexadecimal, base64: also as a part of what was encoded (`user:secret`)

What is left of base64 at both ends of a part is a character that it shares with a neighbour: at
most four bits of the secret each. Standard library only, and little of it: it runs in shims.
"""

import json
from binascii import b2a_base64
from typing import Final

from tta_interactive.worker.secret_values import LEAST

UNRESERVED: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
BASE64_LINE: Final = 76  # characters after which encoders break the line: RFC 2045, 6.8


def disguises(value: str) -> set[str]:
    """All forms of a value. None is so short that it stands in innocent output."""
    bare = value.strip()
    forms = {value, *(line.strip() for line in value.splitlines())}
    for text in (value, bare):
        forms |= _quoted(text)
        forms |= _percent_encoded(text.encode())
        forms |= {text.encode().hex(), text.encode().hex().upper()}
        forms |= _base64(text.encode())
    return {form for form in forms if len(form) >= LEAST}


def _quoted(text: str) -> set[str]:
    html = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    quotes = html.replace('"', "&quot;")
    return {
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        repr(text)[1:-1],
        text.replace("'", "'\\''"),  # bash -x
        text.replace("'", "'\"'\"'"),  # Python's shlex
        html,
        quotes,
        *(quotes.replace("'", mark) for mark in ("&#39;", "&#x27;", "&apos;")),
    }


def _percent_encoded(data: bytes) -> set[str]:
    forms: set[str] = set()
    for kept in (b"", b"/"):
        for written in ("%{:02X}", "%{:02x}"):
            word = "".join(
                chr(byte) if byte in UNRESERVED or byte in kept else written.format(byte)
                for byte in data
            )
            forms |= {word, word.replace("%20", "+")}
    return forms


def _base64(data: bytes) -> set[str]:
    """With each of the three places that the first byte can have in a group of three."""
    forms: set[str] = set()
    for before in range(3):
        encoded = b2a_base64(bytes(before) + data, newline=False).decode()
        # Of six bits a character: those that have no bit of a neighbour.
        forms.add(encoded[-(-8 * before // 6) : 8 * (before + len(data)) // 6])
    whole = b2a_base64(data, newline=False).decode()
    for form in (whole, whole.rstrip("="), whole[: 8 * len(data) // 6]):
        lines = [form[at : at + BASE64_LINE] for at in range(0, len(form), BASE64_LINE)]
        forms |= {form, *lines, "\n".join(lines)}
    return forms | {form.replace("+", "-").replace("/", "_") for form in forms}
