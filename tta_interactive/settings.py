"""Where the store lives and the limits that everyone keeps, read from TTA_* variables."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tta_interactive.errors import UnsafePlaceError

AGENT_SLOTS: Final = 2


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One store and how it is served."""

    home: Path
    """The private directory of the store: absolute."""
    slots: int = 2
    """How many tasks run at once."""
    agent_slots: int = AGENT_SLOTS
    """How many of them may be one agent's."""
    idle_exit: float = 900.0
    """Seconds without a task and without a client after which the worker ends."""
    max_log_bytes: int = 64 * 1024 * 1024
    """Of a task's output so much is kept: the first half and the last half."""
    max_result_bytes: int = 16 * 1024 * 1024
    """A larger result is a failure."""
    max_value_bytes: int = 512 * 1024 * 1024
    """So large may each variable be that a notebook sends along, or gets back."""
    min_free_bytes: int = 64 * 1024 * 1024
    """A task is stopped when less than this is free on its disk, or on the store's."""
    keep_days: float = 30.0
    """`tta gc` removes finished tasks that are older."""


def _number(name: str, default: float, least: float) -> float:
    text = os.environ.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value < float("inf"):
        raise UnsafePlaceError(f"{name} is {text!r}. Set a number of at least {least:g}.")
    return value


def read_settings(home: str | os.PathLike[str] | None = None) -> Settings:
    """The settings of this process.

    Args:
        home: The store's directory; default: `TTA_HOME`, else the platform's state directory.

    Raises:
        UnsafePlaceError: A variable has no usable value.
    """
    return Settings(
        home=Path(home) if home is not None else _home(),
        slots=int(_number("TTA_SLOTS", max(2, (os.cpu_count() or 2)), 1)),
        agent_slots=int(_number("TTA_AGENT_SLOTS", AGENT_SLOTS, 1)),
        idle_exit=_number("TTA_IDLE_EXIT", 900.0, 0.0),
        max_log_bytes=int(_number("TTA_MAX_LOG_BYTES", 64 * 1024 * 1024, 4096)),
        max_value_bytes=int(_number("TTA_MAX_VALUE_BYTES", 512 * 1024 * 1024, 4096)),
        min_free_bytes=int(_number("TTA_MIN_FREE_BYTES", 64 * 1024 * 1024, 0)),
        keep_days=_number("TTA_KEEP_DAYS", 30.0, 0.0),
    )


def _home() -> Path:
    chosen = os.environ.get("TTA_HOME")
    if chosen:
        return _absolute("TTA_HOME", chosen)
    if sys.platform == "darwin":  # not run
        return _user_home() / "Library" / "Application Support" / "tta-interactive"
    if sys.platform == "win32":  # not run
        return _absolute("LOCALAPPDATA", os.environ.get("LOCALAPPDATA", "")) / "tta-interactive"
    state = os.environ.get("XDG_STATE_HOME")
    base = _absolute("XDG_STATE_HOME", state) if state else _user_home() / ".local" / "state"
    return base / "tta-interactive"


def _user_home() -> Path:
    return _absolute("HOME", os.environ.get("HOME", ""))


def _absolute(name: str, text: str) -> Path:
    path = Path(text)
    if not text or not path.is_absolute():
        raise UnsafePlaceError(
            f"{name} is {text!r}, which is no absolute path, so the task store has no place. "
            "Set TTA_HOME to an absolute path in a directory of your own."
        )
    return path
