"""Hostile lines on the wire: each is answered, and the next call is served within a second.

Ids S1 to S22 are those of the catalogue of hostile cases.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.mcp_wire import (
    ANSWER_SECONDS,
    INITIALIZE,
    PATIENCE,
    Host,
    Server,
    environment,
)


def peak_bytes(pid: int) -> int:
    """The most memory that the process ever had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


CALL = b'{"jsonrpc":"2.0","id":"h","method":"tools/call","params":{"name":"tta_status","arguments":%s}}'
DEEP = 100_000
FRAMES = {
    "S1 not json": b"this is not json",
    "S1 empty": b"",
    "S1 nuls": b"\x00" * 1000,
    "S1 half an object": b'{"jsonrpc":"2.0","id":"h","method"',
    "S2 deep arrays": CALL % (b'{"task_id":' + b"[" * DEEP + b"]" * DEEP + b"}"),
    "S2 deep objects": CALL % (b'{"a":' * DEEP + b"1" + b"}" * DEEP),
    "S3 duplicate name": b'{"jsonrpc":"2.0","id":"h","method":"tools/call","params":'
    b'{"name":"tta_status","name":"tta_submit","arguments":{}}}',
    "S3 duplicate kind": CALL % b'{"kind":"tests","kind":"shell"}',
    "S4 lone surrogate": CALL % rb'{"task_id":"\ud800"}',
    "S4 invalid utf-8": CALL % b'{"task_id":"\xff\xfe"}',
    "S5 huge integer": CALL % (b'{"limit":' + b"9" * 100_000 + b"}"),
    "S5 nan": CALL % b'{"limit":NaN}',
    "S5 1e999": CALL % b'{"limit":1e999}',
    "S5 65 bits": CALL % b'{"limit":36893488147419103232}',
    "S6 unknown argument": CALL % b'{"timeout_s":3}',
    "S7 batch": b'[{"jsonrpc":"2.0","id":"h","method":"ping"}]',
    "S7 null id": b'{"jsonrpc":"2.0","id":null,"method":"ping"}',
    "wrong version": b'{"jsonrpc":"1.0","id":"h","method":"ping"}',
    "unknown method": b'{"jsonrpc":"2.0","id":"h","method":"tasks/list"}',
    "unknown tool": b'{"jsonrpc":"2.0","id":"h","method":"tools/call","params":{"name":"sh"}}',
    "params no object": b'{"jsonrpc":"2.0","id":"h","method":"tools/call","params":[1]}',
    "arguments no object": CALL % b'"x"',
    "nul in an id": CALL % rb'{"task_id":"t_\u0000"}',
    "path as an id": CALL % rb'{"task_id":"../../etc/passwd"}',
    "10 kB id": CALL % (b'{"task_id":"' + b"t" * 10_000 + b'"}'),
}
WITHOUT_ID = {"S1 not json", "S1 nuls", "S7 batch", "S7 null id"}


@pytest.mark.parametrize("name", FRAMES)
def test_a_hostile_frame_is_answered_and_the_next_call_is_served(server: Server, name: str) -> None:
    server.write(FRAMES[name] + b"\n")
    if name != "S1 empty":
        answer = server.wait_for(None if name in WITHOUT_ID else "h", ANSWER_SECONDS)
        assert "error" in answer or answer["result"]["isError"]
    assert server.call("tta_status", {}, ANSWER_SECONDS)["isError"] is False


def test_a_line_of_64_mebibytes_costs_no_memory_and_is_answered(server: Server) -> None:  # S8
    assert server.call("tta_status")
    before = peak_bytes(server.process.pid)
    server.write(CALL[:-3] + b'{"task_id":"')
    for _ in range(64):
        server.write(b"x" * 1024 * 1024)
    server.write(b'"}}}\n')
    assert "more than" in server.wait_for("h")["error"]["message"]
    assert server.call("tta_status", {}, ANSWER_SECONDS)
    assert peak_bytes(server.process.pid) - before < 16 * 1024 * 1024


def test_a_frame_may_come_in_pieces(server: Server) -> None:
    for byte in b'{"jsonrpc":"2.0","id":"pieces","method":"ping"}\n':
        server.write(bytes([byte]))
    assert server.wait_for("pieces")["result"] == {}


def test_a_large_result_is_cut_to_its_ends(wide: Server) -> None:  # S8
    task_id = wide.submit("python", code="'x' * 5_000_000")
    result = wide.call("tta_wait", {"task_ids": [task_id]}, PATIENCE + 25)
    shown = result["structuredContent"]["tasks"][0]["result"]
    assert len(json.dumps(result)) < 256 * 1024
    assert "truncated" in json.dumps(shown)


def test_the_wire_may_be_files(host: Host, tmp_path: Path) -> None:
    frames = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE},
        {"jsonrpc": "2.0", "id": 2, "method": "ping"},
    ]
    (tmp_path / "in").write_text("".join(json.dumps(frame) + "\n" for frame in frames))
    with (tmp_path / "in").open() as asked, (tmp_path / "out").open("w") as answers:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "mcp_server", "--home", str(host.home)],
            stdin=asked,
            stdout=answers,
            cwd=host.project,
            env=environment(host.home),
            check=False,
        )
    assert done.returncode == 0
    got = [json.loads(line)["id"] for line in (tmp_path / "out").read_text().splitlines()]
    assert got[0] == 1
