"""The notebook door: `%load_ext tta_interactive`, in Jupyter and in terminal IPython.

    %tta_submit ──┐                              ┌── card.py    live card, ends as static HTML
    %tta_status   │   line.py      magics.py     ├── handle.py  what %tta_submit gives back
    %tta_wait   ──┼── options.py ── session.py ──┤
    %tta_cancel   │   (pure)        one engine   ├── pump.py    one thread feeds all cards
    %tta_logs   ──┘                 per kernel   └── view.py    a task in words (pure)

    --in, --out: carry.py      what a cell showed: shown.py      both ask trust.py (pure)
    %config TTA: config.py

This file is all that `%load_ext` runs: it registers thin stubs. pydantic, the engine and
ipywidgets are imported while the notebook rests (ahead.py), at the latest when a magic is used
for the first time; `mcp` never.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from tta_interactive.notebook import config
from tta_interactive.notebook.ahead import Ahead, no_collecting

if TYPE_CHECKING:
    from tta_interactive.notebook.magics import Magics

__all__ = ["load_ipython_extension", "unload_ipython_extension"]

LINE_MAGICS: Final = (
    "tta_submit",
    "tta_status",
    "tta_wait",
    "tta_cancel",
    "tta_retry",
    "tta_answer",
    "tta_logs",
    "tta_list",
    "tta_board",
)
CELL_MAGICS: Final = ("tta_submit",)


class _Stub:
    """A magic that imports the rest when it is called, and its help when it is asked for."""

    # IPython would expand {x} and $x in the line: all or nothing, and silently. line.py does it.
    _ipython_magic_no_var_expand = True
    # Inside a function the line may name the function's own variables.
    needs_local_scope = True

    def __init__(self, name: str, door: "_Door") -> None:
        self.__name__ = self.__qualname__ = name
        self._door = door

    @property
    def __doc__(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        from tta_interactive.notebook.options import help_of  # noqa: PLC0415  (not at load)

        return help_of(self.__name__)

    def __call__(
        self, line: str, cell: str | None = None, local_ns: Mapping[str, object] | None = None
    ) -> object:
        return self._door.magics.run(self.__name__, line, cell, local_ns)


class _Matcher:
    """What Tab asks; IPython's own offers are left out on our lines."""

    matcher_api_version = 2

    def __init__(self, door: "_Door") -> None:
        self.__name__ = self.__qualname__ = self.matcher_identifier = "tta_interactive"
        self._door = door

    def __call__(self, context: Any) -> dict[str, object]:
        from IPython.core.completer import SimpleCompletion  # noqa: PLC0415  (not at load)

        text = context.full_text[: context.cursor_position].splitlines()[-1:]
        offers = self._door.magics.offers(text[0]) if text and "%tta_" in text[0] else None
        completions = [SimpleCompletion(offer, type="param") for offer in offers or ()]
        return {"completions": completions, "suppress": offers is not None}


class _Door:
    """What one IPython shell holds: the magics, made when the first is used."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.matcher = _Matcher(self)
        self._ahead = Ahead(shell)
        self._magics: Magics | None = None

    @property
    def magics(self) -> "Magics":
        if self._magics is None:
            self._ahead.stop()
            with no_collecting():
                from tta_interactive.notebook.magics import Magics  # noqa: PLC0415  (not at load)

            self._magics = Magics(self.shell)
        return self._magics

    def close(self) -> None:
        self._ahead.stop()
        if self._magics is not None:
            self._magics.close()
            self._magics = None


_doors: Final[dict[int, _Door]] = {}


def load_ipython_extension(shell: Any) -> None:
    """Register the magics; IPython calls it for `%load_ext tta_interactive`."""
    unload_ipython_extension(shell)  # loaded twice: the new code takes the old one's place
    door = _Door(shell)
    _doors[id(shell)] = door
    for name in LINE_MAGICS:
        kind = "line_cell" if name in CELL_MAGICS else "line"
        shell.register_magic_function(_Stub(name, door), kind, name)
    shell.Completer.custom_matchers.append(door.matcher)
    config.register(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take the magics away and close the engine; tasks go on."""
    door = _doors.pop(id(shell), None)
    if door is None:
        return
    for name in LINE_MAGICS:
        shell.magics_manager.magics["line"].pop(name, None)
        shell.magics_manager.magics["cell"].pop(name, None)
    if door.matcher in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.remove(door.matcher)
    config.forget(shell)
    door.close()
