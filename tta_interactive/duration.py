"""Spans of time as people write and read them."""

import re
from typing import Final

UNITS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_SPAN: Final = re.compile(r"(\d{1,12}(?:\.\d{0,9})?|\.\d{1,9})([smhdw]?)", re.ASCII)
MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86400
LONGEST: Final = 3650 * DAY  # as for a task's time-out


def seconds(text: str) -> float:
    """`30`, `1.5s`, `10m`, `2h`, `30d` or `1w` in seconds.

    Raises:
        ValueError: The text is none of these, or is more than ten years.
    """
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text[:40]!r} is no span of time. Write 30, 10m, 2h or 30d.")
    value = float(match[1]) * UNITS[match[2]]
    if value > LONGEST:
        raise ValueError(f"{text[:40]!r} is too long. Give at most 3650d.")
    return value


def span(value: float) -> str:
    """Seconds for people: `0.3 s`, `42 s`, `3 m 05 s`, `2 h 07 m`, `3 d 4 h`."""
    value = max(0.0, value)
    if value < 9.95:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} m {whole % MINUTE:02d} s"
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE:02d} m"
    return f"{whole // DAY} d {whole % DAY // HOUR} h"
