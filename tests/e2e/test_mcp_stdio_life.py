"""How a server lives and leaves: its wire, its end, its waits, its store.

Ids S1 to S22 are those of the catalogue of hostile cases.
"""

import contextlib
import json
import os
import select
import signal
import sqlite3
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.e2e.mcp_wire import (
    ANSWER_SECONDS,
    INITIALIZE,
    PATIENCE,
    Host,
    Server,
    environment,
    error_text,
    until,
)
from tta_interactive.blocking import BlockingEngine
from tta_interactive.worker.start import worker_pid

NOISY = """
import contextlib, os, subprocess, sys, threading, time
def shout():
    while True:
        print("noise on stdout", flush=True)
        os.write(1, b"noise on descriptor 1\\n")
        child = subprocess.run(["sh", "-c", "echo noise of a child; cat"], timeout=5)
        time.sleep(0.01)
import mcp_server.stdio as stdio
is_private, wire = threading.Event(), stdio._private_wire
@contextlib.contextmanager
def told():
    with wire() as pair:
        is_private.set()
        yield pair
stdio._private_wire = told
def late():
    is_private.wait()
    shout()
threading.Thread(target=late, daemon=True).start()
from mcp_server.__main__ import main
sys.exit(main())
"""


def test_what_the_server_process_prints_never_reaches_the_wire(  # S9
    host: Host,
) -> None:
    noisy = host.start(program=NOISY)
    assert noisy.process.stderr
    seen = b""
    while seen.count(b"noise of a child") < 5:  # each child met the end of its input
        assert select.select([noisy.process.stderr], [], [], PATIENCE)[0]
        seen += os.read(noisy.process.stderr.fileno(), 65536)
        noisy.call("tta_status")  # each line is checked to be JSON-RPC
    assert b"noise on descriptor 1" in seen
    assert not noisy.others
    noisy.end()


@pytest.mark.parametrize("how", ["eof", "SIGTERM", "SIGINT", "both ends closed"])
def test_the_server_leaves_within_a_second_and_its_tasks_go_on(  # S10
    host: Host, how: str
) -> None:
    server = host.start("--allow", "shell")
    task_id = server.submit("shell", script="sleep 2; echo done")
    server.ask("tools/call", {"name": "tta_wait", "arguments": {"task_ids": [task_id]}})
    assert server.call("tta_status", {"task_id": task_id})
    assert server.process.stdin
    assert server.process.stdout
    started = time.monotonic()
    match how:
        case "eof":
            server.process.stdin.close()
        case "both ends closed":
            server.process.stdout.close()
            server.process.stdin.close()
        case _:
            server.process.send_signal(getattr(signal, how))
    assert server.process.wait(timeout=5) == 0
    assert time.monotonic() - started < 1.0
    assert server.process.stderr
    assert b"Traceback" not in server.process.stderr.read()
    with contextlib.closing(BlockingEngine(host.home, owner="notebook")) as engine:
        assert engine.wait(task_id, timeout=PATIENCE).status == "completed"


def test_a_store_that_somebody_holds_does_not_keep_the_server_from_leaving() -> None:  # S10
    with Host.made() as host:
        server = host.start("--allow", "shell")
        with contextlib.closing(sqlite3.connect(host.home / "tasks.db")) as database:
            database.isolation_level = None
            database.execute("BEGIN IMMEDIATE")
            arguments = {"kind": "shell", "params": {"script": "true"}}
            server.ask("tools/call", {"name": "tta_submit", "arguments": arguments})
            log = host.home / "audit.log"
            assert until(lambda: log.exists() and '"allowed"' in log.read_text())
            assert server.process.stdin
            server.process.stdin.close()
            started = time.monotonic()
            assert server.process.wait(timeout=5) == 0
            assert time.monotonic() - started < 1.0


HOST_PROGRAM = """
import json, subprocess, sys, time
server = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
server.stdin.write(sys.argv[1].encode() + b"\\n")
server.stdin.flush()
server.stdout.readline()
print(server.pid, flush=True)
time.sleep(60)
"""


def test_a_killed_host_leaves_no_server_behind(host: Host) -> None:  # S10
    first = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE}
    command = [sys.executable, "-P", "-m", "mcp_server", "--home", str(host.home)]
    process = subprocess.Popen(
        [sys.executable, "-c", HOST_PROGRAM, json.dumps(first), *command],
        stdout=subprocess.PIPE,
        cwd=host.project,
        env=environment(host.home),
    )
    assert process.stdout
    pid = int(process.stdout.readline())
    assert not _is_gone(pid)
    process.kill()
    process.wait()
    process.stdout.close()
    assert until(lambda: _is_gone(pid), 1.0)


def _is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_thousand_waits_share_one_watcher_and_one_more_is_refused(  # S11
    host: Host,
) -> None:
    server = host.start("--allow", "shell")
    task_id = server.submit("shell", script="sleep 60")
    wait = {"name": "tta_wait", "arguments": {"task_ids": [task_id], "timeout_seconds": 50}}
    asked = {server.ask("tools/call", wait) for _ in range(1001)}
    refused = server.read(PATIENCE)
    assert refused
    assert "1000 calls of tta_wait" in error_text(refused["result"])
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    threads = int(next(x for x in status.splitlines() if x.startswith("Threads")).split()[1])
    assert threads < 60
    assert server.call("tta_status", {"task_id": task_id}, ANSWER_SECONDS)["isError"] is False
    server.call("tta_cancel", {"task_id": task_id})
    for request_id in asked - {refused["id"]}:
        answer = server.wait_for(request_id, PATIENCE)["result"]
        assert answer["structuredContent"]["tasks"][0]["status"] == "cancelled"
    server.end()


def test_a_wait_tells_its_progress_in_time_and_ends_without_an_error(wide: Server) -> None:  # S12
    task_id = wide.submit("shell", script="sleep 30")
    arguments = {"task_ids": [task_id], "timeout_seconds": 6}
    params = {"name": "tta_wait", "arguments": arguments, "_meta": {"progressToken": "p"}}
    asked = wide.ask("tools/call", params)
    told: list[tuple[float, float]] = [(time.monotonic(), -1.0)]
    while "id" not in (message := wide.read(PATIENCE) or {"id": None}):
        assert message["params"]["progressToken"] == "p"
        told.append((time.monotonic(), message["params"]["progress"]))
    assert message["id"] == asked
    told.append((time.monotonic(), 1e9))
    for (before, less), (after, more) in pairwise(told):
        assert more > less
        assert after - before < 5.0
    assert len(told) < 2 + 2 * 6
    answer = message["result"]
    assert answer["isError"] is False
    assert answer["structuredContent"]["done"] is False
    assert answer["structuredContent"]["tasks"][0]["status"] == "running"
    assert "call tta_wait" in answer["structuredContent"]["next_action"]
    wide.call("tta_cancel", {"task_id": task_id})


def test_a_cancelled_call_ends_the_wait_and_not_the_task(wide: Server) -> None:  # S13
    task_id = wide.submit("shell", script="sleep 2; echo survived")
    asked = wide.ask("tools/call", {"name": "tta_wait", "arguments": {"task_ids": [task_id]}})
    wide.tell("notifications/cancelled", {"requestId": asked, "reason": "user"})
    result = wide.call("tta_wait", {"task_ids": [task_id]}, PATIENCE)
    assert result["structuredContent"]["tasks"][0]["status"] == "completed"
    assert not any(message.get("id") == asked for message in wide.others)


def test_two_servers_serve_one_list_with_one_worker(  # S20
    wide: Server, host: Host
) -> None:
    second = host.start("--allow", "shell")
    task_id = wide.submit("shell", script="sleep 1; echo shared")
    pid = worker_pid(host.home)
    other = second.submit("shell", script="true")
    for server, wanted in ((second, task_id), (wide, other)):
        result = server.call("tta_wait", {"task_ids": [wanted]}, PATIENCE)
        assert result["structuredContent"]["tasks"][0]["status"] == "completed"
    assert worker_pid(host.home) == pid is not None
    second.end()


def test_a_store_of_a_newer_release_is_refused_in_words() -> None:  # S21
    with Host.made() as host:
        with contextlib.closing(BlockingEngine(host.home, owner="cli")) as engine:
            engine.list()
        make_newer(host)
        server = host.spawn()
        with contextlib.suppress(BrokenPipeError):
            server.ask("initialize", INITIALIZE)
        assert server.process.wait(timeout=PATIENCE) == 1
        assert server.process.stderr
        words = server.process.stderr.read().decode()
        assert words.startswith("tta-mcp: ")
        assert "release" in words
        assert "Traceback" not in words


def test_a_store_that_changes_under_a_running_server_is_a_protocol_error() -> None:  # S21
    with Host.made() as host:
        server = host.start("--allow", "shell")
        make_newer(host)
        arguments = {"kind": "shell", "params": {"script": "true"}}
        asked = server.ask("tools/call", {"name": "tta_submit", "arguments": arguments})
        error = server.wait_for(asked, PATIENCE)["error"]
        assert error["code"] == -32603
        assert "The task store cannot serve" in error["message"]
        assert server.wait_for(server.ask("ping"))["result"] == {}


def make_newer(host: Host) -> None:
    """What a migration by a later release does to the file."""
    with contextlib.closing(sqlite3.connect(host.home / "tasks.db")) as database:
        database.execute("PRAGMA user_version = 999999")
