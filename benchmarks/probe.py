"""What the benchmark runs in processes of its own."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

BARE = """
from mcp.server import MCPServer
MCPServer("bare").run("stdio")
"""
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "bench", "version": "1"},
    },
}


def clock() -> float:
    """The time at which a task runs."""
    return time.time()


def load_ext() -> dict[str, object]:
    """How long `%load_ext` takes where IPython is loaded, in milliseconds."""
    code = (
        "import time\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "begin = time.perf_counter()\n"
        "shell.run_line_magic('load_ext', 'tta_interactive')\n"
        "print((time.perf_counter() - begin) * 1e3)\n"
    )
    run = [sys.executable, "-c", code]
    env = {**os.environ, "IPYTHONDIR": tempfile.mkdtemp()}
    values = [
        float(subprocess.run(run, capture_output=True, text=True, check=True, env=env).stdout)
        for _ in range(7)
    ]
    return {"unit": "ms", "values": values}


def mcp() -> dict[str, object]:
    """Start to answered initialize: ours, and the bare SDK's in turns, in milliseconds."""
    ours: list[float] = []
    bare: list[float] = []
    with tempfile.TemporaryDirectory(prefix="ttam-", dir="/tmp") as home:
        env = {**os.environ, "TTA_HOME": os.path.join(home, "s")}
        for _ in range(7):
            bare.append(_answer([sys.executable, "-c", BARE], env))
            ours.append(_answer([sys.executable, "-m", "mcp_server"], env))
    return {
        "unit": "ms",
        "values": ours,
        "ratio": statistics.median(ours) / statistics.median(bare),
    }


def _answer(command: list[str], env: dict[str, str]) -> float:
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(HELLO).encode() + b"\n")
    process.stdin.flush()
    process.stdout.readline()
    taken = (time.perf_counter() - begin) * 1e3
    process.stdin.close()
    process.wait(10)
    return taken


if __name__ == "__main__":
    print(json.dumps({"load_ext": load_ext, "mcp": mcp}[sys.argv[1]]()))
