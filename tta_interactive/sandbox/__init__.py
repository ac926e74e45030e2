"""How well a task can be contained on this machine, and the command line that does it.

The levels are the values of `tta_interactive.task.SandboxLevel`, as plain numbers: the
processes around an attempt import the standard library only.
"""

from tta_interactive.sandbox.bubblewrap import (
    LANDLOCK,
    LIMITS,
    NAMESPACES,
    NONE,
    REMEDY,
    describe,
    interpreter_places,
    missing,
    probe,
    wrap,
)

__all__ = [
    "LANDLOCK",
    "LIMITS",
    "NAMESPACES",
    "NONE",
    "REMEDY",
    "describe",
    "interpreter_places",
    "missing",
    "probe",
    "wrap",
]
