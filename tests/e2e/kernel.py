"""A real kernel and its worker, driven from a test; no browser.

    with Kernel() as kernel:
        reply = kernel.run("%tta_submit shell -- true")
        reply.text, reply.status, reply.of("display_data")

Each kernel has a store of its own; leaving the block stops kernel and worker.
"""

import json
import os
import queue
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from jupyter_client.manager import KernelManager

from tta_interactive.worker.start import stop_worker, wait_for_worker

ROOT = Path(__file__).resolve().parents[2]
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
BOUND = 60.0
HAS_SUBSHELLS = tuple(map(int, version("ipykernel").split(".")[:2])) >= (7, 1)


@dataclass
class Reply:
    """All that one cell sent."""

    status: str = ""
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    seconds: float = 0.0

    def of(self, *types: str) -> list[dict[str, Any]]:
        """The contents of the messages of these types, in order."""
        return [content for kind, content in self.messages if kind in types]

    @property
    def text(self) -> str:
        """What was printed, and the last value."""
        printed = "".join(content["text"] for content in self.of("stream"))
        values = [c["data"].get("text/plain", "") for c in self.of("execute_result")]
        return "\n".join([printed, *values]).strip()

    @property
    def error(self) -> str:
        """The traceback as the reader sees it, colours taken out; empty: none."""
        lines = [line for content in self.of("error") for line in content["traceback"]]
        return "\n".join(lines)

    @property
    def cards(self) -> list[dict[str, Any]]:
        """The bundles that were displayed."""
        return [content["data"] for content in self.of("display_data")]


def new_home() -> Path:
    """A directory for a store: short, for the path of a socket has at most 107 bytes."""
    return Path(tempfile.mkdtemp(prefix="tta-k-"))


def remove_home(home: Path) -> None:
    """End the worker, also one that was started a moment ago, and delete everything."""
    store = home / "store"
    if (store / "worker.log").exists():  # one was started: it may not hold its lock yet
        wait_for_worker(store, 5.0)
    assert stop_worker(store)
    shutil.rmtree(home, ignore_errors=True)


def kernel_environment(home: Path, **more: str) -> dict[str, str]:
    """The variables of a process with a store and an IPython profile of its own."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    own = {
        "TTA_HOME": str(home / "store"),
        "IPYTHONDIR": str(home / "ipython"),
        "PYTHONPATH": path,
        "PYTHONWARNINGS": "default",
    }
    return {**os.environ, **own, **more}


class Kernel:
    """A kernel with the extension loaded."""

    def __init__(self, home: Path | None = None, *, load: bool = True, **variables: str) -> None:
        self.home = home or new_home()
        self._owns_home = home is None
        self._load, self._variables = load, variables

    def __enter__(self) -> Self:
        self.workspace = self.home / "work"
        self.workspace.mkdir(exist_ok=True)
        self._manager = KernelManager(kernel_name="python3")
        self._manager.kernel_spec.argv[0] = sys.executable
        self._manager.start_kernel(
            env=kernel_environment(self.home, **self._variables), cwd=str(self.workspace)
        )
        self.connect()
        return self

    def connect(self) -> None:
        """Speak to the kernel, as a page does when it is opened."""
        self.client = self._manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=BOUND)
        facts = self.client.kernel_info(reply=True, timeout=BOUND)["content"]
        self._has_subshells = "kernel subshells" in facts.get("supported_features", [])
        if self._load:
            assert self.run("%load_ext tta_interactive").status == "ok"

    def __exit__(self, *_: object) -> None:
        self.client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()
        if self._owns_home:
            remove_home(self.home)

    def start(self, code: str) -> str:
        """Run a cell and do not wait for it."""
        return self.client.execute(code)

    def finish(
        self,
        message_id: str,
        on_message: Callable[[str, dict[str, Any]], None] | None = None,
        until: Callable[[Reply], bool] | None = None,
    ) -> Reply:
        """All that a cell sends until it ends, or until a condition holds.

        Messages of threads come with the cell that is running: they are part of it here.
        """
        reply, begun = Reply(), time.monotonic()
        while True:
            assert time.monotonic() - begun < BOUND, f"the cell goes on: {reply.messages[-5:]}"
            try:
                message = self.client.get_iopub_msg(timeout=0.2)
            except queue.Empty:
                continue
            kind, content = message["msg_type"], message["content"]
            is_ours = message["parent_header"].get("msg_id") == message_id
            if kind == "status":
                if is_ours and content["execution_state"] == "idle":
                    break
                continue
            reply.messages.append((kind, content))
            if on_message is not None:
                on_message(kind, content)
            if until is not None and until(reply):
                return reply
        while True:
            answer = self.client.get_shell_msg(timeout=BOUND)
            if answer["parent_header"].get("msg_id") == message_id:
                reply.status = answer["content"]["status"]
                reply.seconds = time.monotonic() - begun
                return reply

    def run(self, code: str) -> Reply:
        """Run a cell to its end."""
        return self.finish(self.start(code))

    def value(self, expression: str) -> Any:
        """The JSON value of an expression in the kernel."""
        reply = self.run(f"import json; print(json.dumps({expression}))")
        assert reply.status == "ok", reply.error
        return json.loads(reply.text)

    def until(self, expression: str) -> None:
        """Wait in the kernel until an expression is true."""
        reply = self.run(
            "import time\nend = time.monotonic() + 30\n"
            f"while not ({expression}) and time.monotonic() < end: time.sleep(0.02)\n"
            f"assert {expression}"
        )
        assert reply.status == "ok", reply.error

    def printed(self, message_id: str, text: str) -> None:
        """Wait until a running cell has printed a text."""
        self.finish(message_id, until=lambda reply: text in reply.text)

    def collect(self, enough: Callable[[Reply], bool], since: Reply | None = None) -> Reply:
        """What threads send while no cell is running, until it is enough.

        Args:
            enough: Whether all has come.
            since: What came with the last cell, to go on from.
        """
        reply, begun = since or Reply(), time.monotonic()
        while not enough(reply):
            assert time.monotonic() - begun < BOUND, f"never came: {reply.messages[-5:]}"
            try:
                message = self.client.get_iopub_msg(timeout=0.2)
            except queue.Empty:
                continue
            reply.messages.append((message["msg_type"], message["content"]))
        return reply

    def interrupt(self) -> None:
        self._manager.interrupt_kernel()

    def restart(self) -> None:
        """The kernel's process ends and a new one takes its place, without the extension."""
        self.client.stop_channels()
        self._manager.restart_kernel(now=False)
        self.connect()

    def shut_down(self) -> None:
        """What closing the notebook for good does."""
        self.client.stop_channels()
        self._manager.shutdown_kernel(now=False)

    def run_to_death(self, code: str) -> None:
        """Run a cell that kills the kernel; returns when it is dead."""
        self.client.execute(code)
        deadline = time.monotonic() + BOUND
        while self._manager.is_alive():
            assert time.monotonic() < deadline, "the kernel lives on"
            time.sleep(0.02)

    def click(self, comm_id: str, **forged: object) -> None:
        """What JupyterLab sends when a button is clicked: through a subshell of its own.

        Args:
            comm_id: The button's.
            forged: What a page that was tampered with adds.
        """
        self.say(comm_id, {"event": "click", **forged})

    def say(self, comm_id: str, content: object) -> None:
        """What a widget's page sends by itself."""
        self._to_comm(comm_id, {"method": "custom", "content": content})

    def set_state(self, comm_id: str, **state: object) -> None:
        """What a page sends when its reader changes a widget."""
        self._to_comm(comm_id, {"method": "update", "state": state, "buffer_paths": []})

    def _to_comm(self, comm_id: str, data: Mapping[str, object]) -> None:
        subshell = self._new_subshell()
        content: Mapping[str, Any] = {"comm_id": comm_id, "data": data}
        message = self.client.session.msg("comm_msg", dict(content))
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)

    def _new_subshell(self) -> str | None:
        if not self._has_subshells:
            return None  # ipykernel 6
        request = self.client.session.msg("create_subshell_request", {})
        self.client.control_channel.send(request)
        return str(self.client.get_control_msg(timeout=BOUND)["content"]["subshell_id"])


def button_in(reply: Reply) -> str:
    """The comm of the button that a cell opened."""
    for content in reply.of("comm_open"):
        if content["data"]["state"].get("_model_name") == "ButtonModel":
            return str(content["comm_id"])
    raise AssertionError("no button was made")


def order_of_a_click_in_a_busy_cell(kernel: Kernel, button: str) -> list[str]:
    """What came first when a button was clicked while a cell was running.

    Args:
        button: The comm of a button that ends its task.

    Returns:
        The status that the task's card ended with and `end`, the last word of the cell, in the
        order in which they came. With subshells the cell goes on until the card has ended; without
        them the click waits for the cell, and the card ends after it.
    """
    clicked = kernel.workspace / "clicked"
    clicked.unlink(missing_ok=True)
    seconds = BOUND / 2 if HAS_SUBSHELLS else 1
    cell = kernel.start(
        "import os, time; begun = time.monotonic(); print('begin')\n"
        f"while not os.path.exists('clicked') and time.monotonic() < begun + {seconds}:\n"
        "    time.sleep(0.02)\nprint('end')"
    )
    kernel.printed(cell, "begin")
    kernel.click(button)
    order: list[str] = []

    def note(kind: str, content: dict[str, Any]) -> None:
        if kind == "update_display_data":
            order.append(content["data"]["text/plain"].split()[0])
            clicked.touch()
        if kind == "stream" and "end" in content["text"]:
            order.append("end")

    kernel.finish(cell, note)
    return order


def usage_error(reply: Reply) -> str:
    """The one line of a wrong usage."""
    assert reply.status == "error"
    lines = [c["text"] for c in reply.of("stream") if c["name"] == "stderr"]
    text = "".join(lines).strip()
    assert text.startswith("UsageError: "), reply.messages
    assert len(text.splitlines()) == 1
    assert len(text) < 2500
    return text


def is_final_update(reply: Reply) -> bool:
    """Whether the static form of a finished card has come."""
    updates = reply.of("update_display_data")
    return bool(updates) and updates[-1]["data"]["text/plain"].split()[0] in (
        "COMPLETED",
        "FAILED",
        "CANCELLED",
    )
