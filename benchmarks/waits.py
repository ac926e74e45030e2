"""`python -m benchmarks.waits`: many agents' calls that wait at one MCP server, at the same time.

Each call waits for a task of its own, as hosts do with progress. None of the tasks can start; they
are cancelled one after the other from this process, and a wake-up is the time from before that to the
answer on the wire. Read the counts: threads, descriptors and memory do not grow with the calls.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tta_interactive.blocking import BlockingEngine
from tta_interactive.request import TaskRequest
from tta_interactive.worker.start import stop_worker

OWNER = "mcp:local"
TICKS = os.sysconf("SC_CLK_TCK")
RESTING = 0.1  # seconds of processor time in a second
WATCHED = 10  # seconds


class Server:
    """An MCP server on standard input and output."""

    def __init__(self, home: Path) -> None:
        command = [sys.executable, "-P", "-m", "mcp_server", "--home", home, "--root", home.parent]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._answers: dict[str, dict[str, Any]] = {}
        client = {"name": "bench", "version": "1"}
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}
        self.ask("hello", "initialize", hello)
        self.answer_to("hello")
        self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def _write(self, message: dict[str, Any]) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, name: str, method: str, params: dict[str, Any]) -> None:
        self._write({"jsonrpc": "2.0", "id": name, "method": method, "params": params})

    def wait_for(self, name: str, task_id: str, seconds: float) -> None:
        """Ask for a wait, and go on."""
        arguments = {"task_ids": [task_id], "timeout_seconds": seconds}
        token = {"progressToken": name}
        self.ask(name, "tools/call", {"name": "tta_wait", "arguments": arguments, "_meta": token})

    def answer_to(self, name: str) -> dict[str, Any]:
        """The answer; notifications are passed over."""
        assert self.process.stdout
        while name not in self._answers:
            message = json.loads(self.process.stdout.readline())
            if "id" in message:
                self._answers[message["id"]] = message["result"]
        return self._answers.pop(name)

    def facts(self) -> dict[str, float]:
        """Memory in MB, threads, descriptors, and seconds of processor time so far."""
        place = Path(f"/proc/{self.process.pid}")
        lines = (line.split(":", 1) for line in (place / "status").read_text().splitlines())
        status = dict(lines)
        spent = (place / "stat").read_text().rpartition(")")[2].split()[11:13]
        return {
            "memory": int(status["VmRSS"].split()[0]) / 1024,
            "threads": int(status["Threads"]),
            "descriptors": len(list((place / "fd").iterdir())),
            "processor": sum(map(int, spent)) / TICKS,
        }

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


def measure(home: Path, calls: int, rounds: int) -> dict[str, Any]:
    """What `calls` waits at a time cost, in some rounds that run out and one that is woken."""
    with BlockingEngine(home, owner=OWNER) as engine:
        blocker = engine.submit("shell", {"argv": ["sleep", "3600"]})
        wish = TaskRequest.checked(kind="shell", params={"argv": ["true"]}, after=(blocker,))
        ids = engine.submit_many([wish] * calls)
        server = Server(home)
        try:
            server.ask("look", "tools/call", {"name": "tta_status", "arguments": {}})
            server.answer_to("look")
            found: dict[str, Any] = {"calls": calls, "before": server.facts()}
            after_rounds: list[float] = []
            for _ in range(rounds):
                run_out(server, ids)
                after_rounds.append(server.facts()["memory"])
            found["memory after each round"] = after_rounds
            for task_id in ids:
                server.wait_for(task_id, task_id, 50)
            found["waiting"] = at_rest(server)
            time.sleep(WATCHED)  # what is measured is what it does when nothing happens
            later = server.facts()["processor"]
            found["processor, waiting"] = (later - found["waiting"]["processor"]) / WATCHED
            found["wake-ups"] = [1000 * woken(engine, server, task_id) for task_id in ids]
            found["after"] = server.facts()
        finally:
            server.end()
            engine.cancel(blocker)
    return found


def at_rest(server: Server) -> dict[str, float]:
    """Its facts once it has begun all that it was asked: a second went by and cost next to nothing."""
    facts = server.facts()
    while True:
        time.sleep(1)  # the stretch over which its processor time is compared
        before, facts = facts, server.facts()
        if facts["processor"] - before["processor"] <= RESTING:
            return facts


def run_out(server: Server, ids: list[str]) -> None:
    """One round of waits that end by their own time-out."""
    for task_id in ids:
        server.wait_for(task_id, task_id, 2)
    for task_id in ids:
        answer = server.answer_to(task_id)
        assert answer["structuredContent"]["done"] is False


def woken(engine: BlockingEngine, server: Server, task_id: str) -> float:
    """Seconds from before a task's end to the answer of the call that waits for it."""
    started = time.perf_counter()
    engine.cancel(task_id)
    answer = server.answer_to(task_id)
    assert answer["structuredContent"]["done"] is True
    return time.perf_counter() - started


def report(found: dict[str, Any]) -> str:
    before, waiting, after = found["before"], found["waiting"], found["after"]
    cuts = statistics.quantiles(found["wake-ups"], n=100)
    rounds = ", ".join(f"{each:.0f}" for each in found["memory after each round"])
    return "\n".join(
        [
            f"calls of tta_wait at one time     {found['calls']}",
            f"threads, before and waiting       {before['threads']:g} and {waiting['threads']:g}",
            f"descriptors, before and waiting   {before['descriptors']} and {waiting['descriptors']}",
            f"memory before, waiting, after     {before['memory']:.0f}, {waiting['memory']:.0f}, "
            f"{after['memory']:.0f} MB",
            f"memory after rounds that ran out  {rounds} MB",
            f"processor while all wait          {100 * found['processor, waiting']:.1f} %",
            f"wake-up p50, p99, most            {cuts[49]:.1f}, {cuts[98]:.1f}, "
            f"{max(found['wake-ups']):.1f} ms",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.waits", description=__doc__)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="ttab-", dir="/tmp"))
    home = base / "s"
    try:
        print(report(measure(home, asked.calls, asked.rounds)))
    finally:
        stop_worker(home, timeout=15)
        shutil.rmtree(base, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
