"""A real JupyterLab in headless Chromium, driven from a test.

Server, settings, IPython profile and task store are the test's own; nothing of the user's is
read. Cells are set through the page's own model, so that no typing can go wrong.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from playwright.sync_api import Locator, Page, sync_playwright

from tests.e2e.kernel import kernel_environment, new_home, remove_home
from tta_interactive.blocking import BlockingEngine
from tta_interactive.task import TaskStatus

CHROME = [
    "--headless",
    "--no-sandbox",  # the tests may run as root in a container
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BOUND = 60.0
OPEN = [status for status in TaskStatus if not status.is_final]
PANEL = "const app = window.jupyterapp, panel = app.shell.currentWidget, nb = panel.content;"
READY = """() => {
    const widget = window.jupyterapp?.shell.currentWidget;
    return widget?.content?.model && widget.content.widgets?.length > 0;
}"""
WATCH = """selector => {
    const log = window.__seen = []; let last = null;
    setInterval(() => {
        const text = [...document.querySelectorAll(selector)].map(e => e.innerText).join('|');
        if (text !== last) { last = text; log.push(text); }
    }, 20);
}"""


def until(condition: Callable[[], Any], what: str) -> Any:
    """Look until it is true; the page goes on meanwhile."""
    end = time.monotonic() + BOUND
    while not (found := condition()):
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.05)
    return found


class Lab:
    """The server and the browser."""

    def __init__(
        self,
        *,
        theme: str = "JupyterLab Light",
        scale: float = 1,
        size: tuple[int, int] = (1180, 810),
    ) -> None:
        self._theme, self._scale, self._size = theme, scale, size

    def __enter__(self) -> Self:
        self.home = new_home()
        self.root = self.home / "notebooks"
        self.root.mkdir()
        self._token = secrets.token_hex(16)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._write_settings()
        self._log = (self.home / "server.log").open("wb")
        self._server = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"),
                *("--ip=127.0.0.1", f"--port={self._port}"),
                f"--IdentityProvider.token={self._token}",
                f"--ServerApp.root_dir={self.root}",
                "--LabApp.expose_app_in_browser=True",
            ],
            env=kernel_environment(self.home, **self._places()),
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd=self.root,
            start_new_session=True,
        )
        until(self._is_up, "the server answers")
        self._playwright = sync_playwright().start()
        self._profile = tempfile.mkdtemp(prefix="tta-chrome-")
        self._browser = self._playwright.chromium.launch_persistent_context(
            self._profile,
            executable_path=shutil.which("chromium"),
            headless=True,
            args=CHROME,
            viewport={"width": self._size[0], "height": self._size[1]},
            device_scale_factor=self._scale,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._browser.close()
        self._playwright.stop()
        with suppress(OSError):
            self.stop_kernels()
        with suppress(ProcessLookupError):
            os.killpg(self._server.pid, signal.SIGTERM)
        try:
            self._server.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._server.pid, signal.SIGKILL)
            self._server.wait(10)
        self._log.close()
        shutil.rmtree(self._profile, ignore_errors=True)
        remove_home(self.home)

    def open(self, name: str, cells: list[str] | None = None) -> "Notebook":
        """Open a notebook, made of these cells or as it was saved, in a page of its own."""
        if cells is not None:
            (self.root / name).write_text(json.dumps(_notebook(cells)))
        page = self._browser.new_page()
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        workspace = f"auto-{secrets.token_hex(3)}"
        page.goto(self._url(f"lab/workspaces/{workspace}/tree/{name}") + "&reset=")
        page.wait_for_function(READY, timeout=BOUND * 1000)
        notebook = Notebook(page, problems)
        until(lambda: notebook.kernel_status() == "idle", "the kernel is idle")
        return notebook

    def engine(self, owner: str = "cli") -> BlockingEngine:
        """Another door to the tasks of the notebooks."""
        return BlockingEngine(self.home / "store", owner=owner)

    def stop_kernels(self) -> None:
        """End all kernels, as shutting them down for the night does."""
        for session in json.loads(self._ask("GET", "api/sessions")):
            self._ask("DELETE", f"api/sessions/{session['id']}")

    def clear(self) -> None:
        """Close all pages, end all kernels, and cancel what is unfinished."""
        for page in self._browser.pages[1:]:
            page.close()
        self.stop_kernels()
        with self.engine() as engine:
            for task in engine.list(statuses=OPEN, limit=100):
                if task.not_before is None:  # else it waits till tomorrow, when all this is gone
                    engine.cancel(task.id)
        self.disable(None)

    def disable(self, extension: str | None) -> None:
        """Have pages that are opened from now on do without an extension of JupyterLab."""
        place = self.home / "config" / "labconfig" / "page_config.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        disabled = {extension: True} if extension else {}
        place.write_text(json.dumps({"disabledExtensions": disabled}))

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._port}/{path}?token={self._token}"

    def _ask(self, method: str, path: str) -> bytes:
        request = urllib.request.Request(self._url(path), method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return bytes(answer.read())

    def _is_up(self) -> bool:
        if self._server.poll() is not None:
            raise AssertionError((self.home / "server.log").read_text()[-3000:])
        with suppress(OSError):
            return bool(self._ask("GET", "api/status"))
        return False

    def _places(self) -> dict[str, str]:
        names = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "run",
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        }
        return {name: str(self.home / place) for name, place in names.items()}

    def _write_settings(self) -> None:
        settings = {  # news would cover the page
            "notification": {"fetchNews": "false", "checkForUpdates": False},
            "themes": {"theme": self._theme},
        }
        place = self.home / "settings" / "@jupyterlab" / "apputils-extension"
        place.mkdir(parents=True)
        for name, value in settings.items():
            (place / f"{name}.jupyterlab-settings").write_text(json.dumps(value))


class Notebook:
    """One open notebook."""

    def __init__(self, page: Page, problems: list[str]) -> None:
        self.page = page
        self.problems = problems
        """Errors that no code of the page caught."""

    def js(self, body: str, argument: Any = None) -> Any:
        return self.page.evaluate(f"async arg => {{ {PANEL} {body} }}", argument)

    def kernel_status(self) -> str:
        return str(self.js("return panel.sessionContext.session?.kernel?.status"))

    def start(self, cell: int) -> None:
        """Run a cell and do not wait."""
        self.js(
            "nb.activeCellIndex = arg; nb.deselectAll();app.commands.execute('notebook:run-cell')",
            cell,
        )

    def is_done(self, cell: int) -> bool:
        """Whether the cell was run and is over."""
        state = "const cell = nb.model.cells.get(arg);"
        return bool(
            self.js(
                f"{state} return cell.executionCount !== null"
                " && [undefined, null, 'idle'].includes(cell.executionState)",
                cell,
            )
        )

    def run(self, cell: int) -> None:
        """Run a cell to its end."""
        self.start(cell)
        until(lambda: self.is_done(cell), f"cell {cell} ends")

    def output(self, cell: int) -> Locator:
        """The output of a cell, scrolled into view."""
        self.js("nb.activeCellIndex = arg; await nb.scrollToItem(arg)", cell)
        return self.page.locator(
            f".jp-Notebook .jp-Cell[data-windowed-list-index='{cell}'] .jp-OutputArea"
        )

    def outputs(self, cell: int) -> list[dict[str, Any]]:
        """What the saved file would hold."""
        return list(self.js("return nb.model.cells.get(arg).outputs.toJSON()", cell))

    def watch(self, selector: str) -> None:
        """Note in the page every text that the elements show."""
        self.page.evaluate(WATCH, selector)

    def seen(self) -> list[str]:
        """What was noted."""
        return list(self.page.evaluate("() => window.__seen"))

    def restart(self) -> None:
        """A new kernel in the place of the old one."""
        self.js("await panel.sessionContext.session.kernel.restart()")
        until(lambda: self.kernel_status() == "idle", "the new kernel is idle")

    def reload(self) -> None:
        """Load the page again; the kernel does not notice."""
        self.page.reload()
        self.page.wait_for_function(READY, timeout=BOUND * 1000)
        until(lambda: self.kernel_status() in ("idle", "busy"), "the page has its kernel again")

    def on_frame(self, sizes: list[int]) -> None:
        """Note the size of each message that the page gets from its kernel, from the next load."""
        self.page.on(
            "websocket",
            lambda socket: socket.on("framereceived", lambda frame: sizes.append(len(frame))),
        )
        self.reload()

    def save(self) -> None:
        self.js("await panel.context.save()")

    def picture(self, path: Path) -> None:
        """A picture of the notebook alone."""
        self.page.locator(".jp-NotebookPanel-notebook").first.screenshot(path=str(path))


def _notebook(cells: list[str]) -> dict[str, Any]:
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell{number}",
                "source": source,
                "metadata": {},
                "outputs": [],
                "execution_count": None,
            }
            for number, source in enumerate(cells)
        ],
    }
