"""What `%config TTA` sets: the defaults of this kernel. Loaded with the extension, so small."""

from typing import Any

from traitlets import Enum, Float, TraitError, Unicode, validate
from traitlets.config import Configurable


class TTA(Configurable):  # its name is the word in `%config TTA.priority = "high"`
    """Defaults of the magics of tta-interactive; an option on the line is stronger."""

    display = Enum(
        ["auto", "widget", "html", "text"],
        "auto",
        help="How tasks are shown; auto: what the variable TTA_DISPLAY says, else what fits.",
    ).tag(config=True)
    priority = Enum(
        ["critical", "high", "normal", "low"], "normal", help="Priority of new tasks."
    ).tag(config=True)
    timeout = Float(
        None, allow_none=True, help="Seconds that a new task may take; None: no limit."
    ).tag(config=True)
    kind = Unicode("python", help="What %%tta_submit does with a cell that names no kind.").tag(
        config=True
    )

    @validate("timeout")
    def _is_time(self, proposal: Any) -> float | None:
        value: float | None = proposal["value"]
        if value is not None and not 0 < value < float("inf"):
            raise TraitError(f"The timeout is {value!r}. Give seconds above 0, or None.")
        return value


def defaults_of(shell: Any) -> TTA:
    """The shell's defaults; of one without our extension the usual ones."""
    found = (one for one in shell.configurables if isinstance(one, TTA))
    return next(found, None) or TTA()


def register(shell: Any) -> None:
    """Let `%config` find the defaults; values of the profile's files are taken over."""
    shell.configurables.append(TTA(parent=shell))


def forget(shell: Any) -> None:
    """Undo `register`."""
    shell.configurables[:] = [one for one in shell.configurables if not isinstance(one, TTA)]
