"""Runs the command `tta` as the process that it is."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tta_interactive.blocking import BlockingEngine
from tta_interactive.task import TaskStatus

TTA = [sys.executable, "-m", "tta_interactive"]
ROOT = str(Path(__file__).parents[2])
PRINT_HOSTILE = r"printf '\033]0;owned\007\033]8;;javascript:x\007link\033[2J\n'"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def surroundings(home: Path | str, **more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "PYTHONPATH": ROOT, "TTA_HOME": str(home), **more}


def run(home: Path | str, *argv: str, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*TTA, *argv],
        env=surroundings(home, **more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
        cwd="/tmp",
    )


def on_terminal(home: Path, *argv: str, columns: int = 100, **more: str) -> "pexpect.spawn[bytes]":
    return pexpect.spawn(
        TTA[0],
        [*TTA[1:], *argv],
        env=surroundings(home, **{"TERM": "xterm", "LANG": "C.UTF-8", **more}),
        dimensions=(30, columns),
        timeout=30,
        cwd="/tmp",
    )


def is_running(engine: BlockingEngine, task_id: str) -> bool:
    return engine.status(task_id).status is TaskStatus.RUNNING


def fingerprint(folder: Path) -> dict[str, Any]:
    """Every file with its content and times. The files are read by another process: see C7."""
    facts: dict[str, Any] = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        found = path.lstat()
        facts[str(path)] = (found.st_mode, found.st_size, found.st_mtime_ns, found.st_ino)
    whole = subprocess.run(
        ["find", str(folder), "-type", "f", "-exec", "sha256sum", "{}", "+"],
        capture_output=True,
        check=True,
    )
    return {**facts, "content": hashlib.sha256(whole.stdout).hexdigest()}


# ---- C1: terminals
