"""Any output fits: bounded memory, bounded files, the first and the last bytes kept."""

import os
import re
from pathlib import Path

import pytest
from attempt_tools import Attempts, until

from tta_interactive.worker.pump import LogFile, log_size, read_log, read_log_from

MIB = 1024 * 1024


def peak_memory(pid: int) -> int:
    """The most memory in bytes that the process ever had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def write(directory: Path, data: bytes, max_bytes: int, block: int = 7) -> LogFile:
    log = LogFile(str(directory), max_bytes)
    for start in range(0, len(data), block):
        log.keep(memoryview(data)[start : start + block])
    log.close()
    return log


@pytest.mark.slow
def test_a_gigabyte_in_one_endless_line_needs_little_memory_and_disk(attempts: Attempts):
    size = 1024 * MIB
    gate = attempts.workspace / "gate"
    os.mkfifo(gate)
    attempt = attempts.shell(
        f"head -c {size} /dev/zero; printf end; read line < {gate}", max_log_bytes=8 * MIB
    )
    shim = attempt.shim()
    until(lambda: log_size(str(attempt.directory)) == size + 3, 60)
    assert peak_memory(shim) < 64 * MIB
    gate.write_text("go\n")
    outcome = attempt.outcome()
    assert outcome.status == "completed"
    assert outcome.log_bytes == size + 3
    on_disk = sum(file.stat().st_size for file in attempt.directory.glob("log*"))
    assert on_disk <= 8 * MIB + 64
    log = attempt.log()
    assert len(log) == pytest.approx(outcome.log_bytes - outcome.log_dropped, abs=64)
    assert log.startswith(b"\0" * 100)
    assert log.endswith(b"\0end")
    assert b"\n[... %d bytes left out ...]\n" % outcome.log_dropped in log


def test_binary_output_is_kept_byte_for_byte(attempts: Attempts):
    data = bytes(range(256)) * 100
    (attempts.workspace / "data").write_bytes(data)
    attempt = attempts.start(argv=("cat", "data"))
    assert attempt.outcome().log_dropped == 0
    assert attempt.log() == data


def test_what_fits_is_kept_whole(tmp_path: Path):
    data = bytes(range(100))
    log = write(tmp_path, data, 200)
    assert read_log(str(tmp_path)) == data
    assert log.kept == 100


@pytest.mark.parametrize("size", [49, 50, 51, 74, 75, 76, 99, 100, 101, 150, 1000, 1024])
def test_head_and_tail_are_kept_and_the_hole_is_said(tmp_path: Path, size: int):
    data = bytes(i % 251 for i in range(size))
    log = write(tmp_path, data, 100)
    assert log.total == size == log_size(str(tmp_path))
    assert log.kept <= 100
    found = read_log(str(tmp_path))
    hole = b"\n[... %d bytes left out ...]\n" % (size - log.kept)
    if log.kept == size:
        assert found == data
    else:
        head, _, tail = found.partition(hole)
        assert head == data[:50]
        assert data.endswith(tail)
        assert 25 <= len(tail) <= 50


def test_a_reader_gets_the_newest_bytes_it_asks_for(tmp_path: Path):
    data = bytes(i % 251 for i in range(1000))
    write(tmp_path, data, 100)
    assert read_log(str(tmp_path), 10) == data[-10:]
    assert read_log(str(tmp_path), 0) == b""


def test_a_follower_reads_on_and_is_told_what_it_missed(tmp_path: Path):
    data = bytes(i % 251 for i in range(1000))
    log = LogFile(str(tmp_path), 100)
    log.keep(memoryview(data)[:30])
    first, offset = read_log_from(str(tmp_path), 0, 1000)
    assert (first, offset) == (data[:30], 30)
    for start in range(30, 1000, 10):
        log.keep(memoryview(data)[start : start + 10])
    log.close()
    rest, offset = read_log_from(str(tmp_path), offset, 1000)
    assert offset == 1000
    assert rest.startswith(data[30:50] + b"\n[... ")
    assert rest.endswith(data[-25:])
    assert read_log_from(str(tmp_path), 1000, 1000) == (b"", 1000)


def test_a_log_that_cannot_be_written_does_not_end_the_task(tmp_path: Path):
    log = LogFile(str(tmp_path / "gone"), 100)
    log.keep(memoryview(b"x" * 500))
    assert (log.total, log.kept) == (500, 0)


def test_a_link_in_the_place_of_the_log_is_not_followed(tmp_path: Path):
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "log").symlink_to(victim)
    write(tmp_path, b"x" * 50, 100)
    assert victim.read_text() == "mine"
    assert read_log(str(tmp_path)) == b""


def test_no_log_is_an_empty_log(tmp_path: Path):
    assert read_log(str(tmp_path)) == b""
    assert log_size(str(tmp_path)) == 0
