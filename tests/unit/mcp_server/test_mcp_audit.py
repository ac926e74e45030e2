"""The audit log: every decision, in a file that only its owner reads and nothing rewrites."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from mcp_server.audit import AuditLog, digest
from tta_interactive.errors import UnsafePlaceError


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path, who="mcp:local", transport="stdio")


def entries(home: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (home / "audit.log").read_text().splitlines()]


def test_a_decision_is_one_line_with_who_what_and_a_hash(log: AuditLog, tmp_path: Path) -> None:
    log.write("refused", tool="tta_submit", kind="shell\n{", sha256=digest({"a": 1}))
    (entry,) = entries(tmp_path)
    assert entry.pop("at").endswith("+00:00")
    assert entry == {
        "who": "mcp:local",
        "transport": "stdio",
        "tool": "tta_submit",
        "decision": "refused",
        "kind": "shell\n{",
        "sha256": "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862",
    }


def test_the_hash_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": "é"}) == digest({"b": "é", "a": 1}) != digest({"a": 1})


def test_the_file_is_private_under_any_umask(log: AuditLog, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        log.write("allowed", tool="tta_submit")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "audit.log").stat().st_mode) == 0o600


def test_what_was_written_stays(log: AuditLog, tmp_path: Path) -> None:
    (tmp_path / "audit.log").touch(0o600)
    (tmp_path / "audit.log").write_text('{"decision": "old"}\n')
    log.write("new", tool="tta_cancel")
    assert [entry["decision"] for entry in entries(tmp_path)] == ["old", "new"]


def test_many_writers_never_mix_their_lines(log: AuditLog, tmp_path: Path) -> None:
    def write() -> None:
        for _ in range(20):
            log.write("allowed", tool="tta_submit", kind="x" * 200)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert len(entries(tmp_path)) == 80


@pytest.mark.parametrize("kind", ["symlink", "hard link", "readable", "directory"])
def test_a_file_that_is_not_private_is_not_written(
    log: AuditLog, tmp_path: Path, kind: str
) -> None:
    victim, place = tmp_path / "victim", tmp_path / "audit.log"
    victim.touch(0o600)
    match kind:
        case "symlink":
            place.symlink_to(victim)
        case "hard link":
            place.hardlink_to(victim)
        case "readable":
            place.touch(0o644)
            place.chmod(0o644)
        case _:
            place.mkdir()
    with pytest.raises((UnsafePlaceError, OSError)):
        log.write("allowed", tool="tta_submit")
    assert victim.read_text() == ""
