"""Import what the first magic needs before it is used, while the notebook rests.

    %load_ext ──> a cell ends ──> thread: a pause, one import, a pause, the next one ...
                  a cell begins ──> waits for the import that is going on; the thread waits

pydantic and ipywidgets take most of the tenth of a second that the first magic would take. They
are imported in a thread, so that the kernel's loop goes on, but never while a cell runs: two
threads that import parts of a package from two ends can each find it half made.
"""

import gc
import importlib
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Final

PAUSE: Final = 0.1  # between imports; each of them is less than that
TURN: Final = 0.0005  # seconds for which the importing thread keeps the others waiting
PATIENCE: Final = 1.0  # a cell waits no longer for an import that is going on
MODULES: Final = (
    "pydantic",
    "pydantic.main",
    "tta_interactive.question",
    "tta_interactive.task",
    "tta_interactive.request",
    "tta_interactive.store",
    "tta_interactive.core",
    "tta_interactive.notebook.card",
    "tta_interactive.notebook.magics",
    "tta_interactive.kinds.shell",
    "tta_interactive.kinds.python",
)


@contextmanager
def no_collecting() -> Generator[None]:
    """No garbage collection in this block: imports leave none, and it takes a quarter of them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _giving_way() -> Generator[None]:
    """In this block any other thread is let in after half a millisecond, not after five."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(min(usual, TURN))
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


class Ahead:
    """The imports of one shell; nothing happens before a cell has ended.

    Args:
        shell: IPython's.
        modules: What is imported, in this order.
    """

    def __init__(self, shell: Any, modules: Sequence[str] = MODULES) -> None:
        self._shell = shell
        self._modules = modules
        self._rests = threading.Event()
        self._over = threading.Event()
        self._importing = threading.Lock()
        self._ending = threading.Lock()
        self._thread: threading.Thread | None = None
        self._hooks: dict[str, Callable[[], None]] = {
            "pre_execute": self._cell_begins,
            "post_execute": self._cell_ended,
        }
        for event, hook in self._hooks.items():
            shell.events.register(event, hook)

    def stop(self) -> None:
        """Import nothing more, and return when nothing is being imported."""
        with self._ending:  # the thread that is done, and a magic that begins
            if self._over.is_set():
                return
            self._over.set()
        self._rests.set()  # so that the thread sees it
        for event, hook in self._hooks.items():
            self._shell.events.unregister(event, hook)
        self._wait_for_import()

    def _cell_begins(self) -> None:
        self._rests.clear()
        self._wait_for_import()

    def _wait_for_import(self) -> None:
        if self._importing.acquire(timeout=PATIENCE):
            self._importing.release()

    def _cell_ended(self) -> None:
        self._rests.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="tta-ahead", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        # Boundary: nobody waits for this. The magic that needs the module says what is wrong.
        try:
            for name in self._modules:
                if name not in sys.modules:
                    self._when_calm(importlib.import_module, name)
            self._when_calm(self._import_widgets)
        except Exception:  # noqa: S110
            pass
        self.stop()

    def _when_calm(self, do: Callable[..., object], *args: object) -> None:
        while not self._over.wait(PAUSE):
            self._rests.wait()
            # A collection would stop the kernel's loop for longer than anything else here.
            with self._importing, no_collecting(), _giving_way():
                if self._rests.is_set() and not self._over.is_set():
                    do(*args)
                    return

    def _import_widgets(self) -> None:
        # Here: the extension is loaded before any of this is imported.
        from tta_interactive.notebook.card import display_mode  # noqa: PLC0415

        display_mode(self._shell)
