"""The notebook door in a real kernel: processor time of its magics, messages, and a heartbeat.

    python -m benchmarks.notebook

Processor time is that of the kernel's process, so other programs of the machine count little.
The heartbeat counts how late a loop of one millisecond is while cards are fed, and without us.
"""

import json
import os
import queue
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from jupyter_client.manager import KernelManager

from benchmarks.measure import Figure, table
from tta_interactive.blocking import BlockingEngine
from tta_interactive.worker.start import stop_worker

ROUNDS = 3
LATER = 20
CARDS = 20
BEATS = 2.0  # seconds
SETUP = """
import asyncio, gc, json, time

def spent(magic, line, times=1):
    gc.collect()
    begun = time.process_time()
    for _ in range(times):
        get_ipython().run_line_magic(magic, line)
    return (time.process_time() - begun) * 1e3 / times

async def late(seconds):
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.monotonic()
        await asyncio.sleep(0.001)
        found.append((time.monotonic() - begun - 0.001) * 1e3)
    return sorted(found)
"""
COUNTED = """
from tta_interactive.notebook.card import WidgetCard

paints, paint = [], WidgetCard.paint
def counted(self, *facts, **more):
    paints.append(1)
    paint(self, *facts, **more)
WidgetCard.paint = counted
"""
AT_ONCE = (
    "load = spent('load_ext', 'tta_interactive')\nat_once = spent('tta_submit', 'shell -- true')"
)
LIBRARIES = (
    "import ipykernel.zmqshell, time; begun = time.process_time()\n"
    "import pydantic; pydantic.BaseModel; import ipywidgets\n"
    "print((time.process_time() - begun) * 1e3)"
)
BUSY = (
    "import time, tta_interactive as tta\n"
    "for n in range(1000): tta.progress(n / 1000, str(n)); time.sleep(0.01)"
)


class Kernel:
    """A kernel with a store of its own."""

    def __init__(self, home: Path) -> None:
        env = {**os.environ, "TTA_HOME": str(home / "s"), "IPYTHONDIR": str(home / "i")}
        env.pop("PYTHONDONTWRITEBYTECODE", None)  # what pip installs is compiled
        self._manager = KernelManager(kernel_name="python3")
        self._manager.kernel_spec.argv[0] = sys.executable
        self._manager.start_kernel(env=env)
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)

    def run(self, code: str) -> list[tuple[str, dict[str, Any]]]:
        """All messages of a cell."""
        wanted, found = self._client.execute(code), list[tuple[str, dict[str, Any]]]()
        while True:
            try:
                message = self._client.get_iopub_msg(timeout=60)
            except queue.Empty:
                raise TimeoutError(code) from None
            kind, content = message["msg_type"], message["content"]
            assert kind != "error", content
            found.append((kind, content))
            is_ours = message["parent_header"].get("msg_id") == wanted
            if is_ours and content.get("execution_state") == "idle":
                return found

    def value(self, expression: str) -> Any:
        """The JSON value of an expression."""
        printed = [
            c["text"] for k, c in self.run(f"print(json.dumps({expression}))") if k == "stream"
        ]
        return json.loads("".join(printed))

    def close(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()


def measure() -> list[Figure]:
    """All figures."""
    load = Figure("%load_ext, CPU", "ms")
    first = Figure("first %tta_submit with a card, CPU", "ms")
    at_once = Figure("  (in the cell of %load_ext)", "ms")
    theirs = Figure("  (of that pydantic and ipywidgets)", "ms")
    later = Figure("later %tta_submit --quiet, CPU", "ms")
    card = Figure("later %tta_submit with a card, CPU", "ms")
    opened, updates = Figure("comm_open of a card", ""), Figure("messages an update", "")
    idle, ahead, fed = (
        Figure("  (loop late, nothing runs)", "ms"),
        Figure("loop late, importing ahead", "ms"),
        Figure("loop late, 20 live cards", "ms"),
    )
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(prefix="ttan-", dir="/tmp") as place:
            home = Path(place)
            with BlockingEngine(home / "s") as engine:  # its worker is warm then
                engine.wait(engine.submit("shell", {"argv": ["true"]}))
            run = [sys.executable, "-c", LIBRARIES]
            theirs.values.append(float(subprocess.check_output(run)))
            kernel = Kernel(home)
            try:
                kernel.run(SETUP)
                kernel.run(AT_ONCE)
                load.values.append(kernel.value("load"))
                at_once.values.append(kernel.value("at_once"))
                kernel.close()
                kernel = Kernel(home)
                kernel.run(SETUP)
                kernel.run(f"beats = asyncio.ensure_future(late({BEATS}))")
                kernel.run("%load_ext tta_interactive")
                time.sleep(BEATS)
                ahead.values += kernel.value("await beats")
                first.values.append(kernel.value("spent('tta_submit', 'shell -- true')"))
                later.values.append(
                    kernel.value(f"spent('tta_submit', 'shell --quiet -- true', {LATER})")
                )
                kernel.run(COUNTED)
                sent = kernel.run("one = %tta_submit shell -- sleep 2")
                opened.values.append(sum(kind == "comm_open" for kind, _ in sent))
                sent += kernel.run("await one")
                told = sum(kind == "comm_msg" for kind, _ in sent)
                updates.values.append(told / max(1, kernel.value("len(paints)")))
                card.values.append(kernel.value(f"spent('tta_submit', 'shell -- true', {LATER})"))
                kernel.run("%tta_wait --all --quiet")
                idle.values += kernel.value(f"await late({BEATS})")
                body = json.dumps(BUSY)
                kernel.run(
                    f"for _ in range({CARDS}): get_ipython().run_cell_magic('tta_submit', '', {body})"
                )
                fed.values += kernel.value(f"await late({BEATS})")
                kernel.run("%tta_cancel --all")
            finally:
                kernel.close()
                stop_worker(home / "s")
    for figure, most in ((load, 5), (first, 60), (later, 3), (opened, 8), (updates, 1)):
        figure.target, figure.met = f"<= {most}", statistics.median(figure.values) <= most
    for lateness in (ahead, fed):
        lateness.target, lateness.met = "p99 <= 10", lateness.p99 <= 10
    return [load, first, at_once, theirs, later, card, opened, updates, idle, ahead, fed]


if __name__ == "__main__":
    print(table(measure()))
