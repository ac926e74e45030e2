"""Cancelled means dead: the whole tree, whatever it does to survive."""

import os
import time
from pathlib import Path

import pytest

from tests.e2e.processes import is_alive, marked, until
from tta_interactive.blocking import BlockingEngine

# A plain child; one that ignores SIGTERM; a session of its own; a classic daemon; a daemon
# without environment and descriptors; one that has stopped itself.
TREE = """
M={mark}
( exec -a $M-plain sleep 300 ) &
( trap '' TERM; exec -a $M-deaf sleep 300 ) &
setsid bash -c "exec -a $M-session sleep 300" &
( setsid bash -c "( exec -a $M-daemon sleep 300 ) & exit 0" )
( setsid bash -c "cd /; ( exec </dev/null >/dev/null 2>&1; \
  exec env -i bash -c 'exec -a $M-clean sleep 300' ) & exit 0" )
( exec -a $M-stopped bash -c 'kill -STOP $$; sleep 300' ) &
trap '' TERM
while :; do wait; done
"""
MEMBERS = 6


@pytest.mark.parametrize("level", ["limits", pytest.param("namespaces", marks=pytest.mark.sandbox)])
def test_cancelled_is_said_only_when_every_process_is_gone(
    engine: BlockingEngine, level: str
) -> None:
    mark = f"ttatree-{os.getpid()}-{level}"
    task_id = engine.submit(
        "shell", {"argv": ["bash", "-c", TREE.format(mark=mark)]}, sandbox=level
    )
    until(lambda: len(marked(f"{mark}-")) >= MEMBERS, what="the tree stands")
    victims = marked(mark)
    begin = time.monotonic()
    engine.cancel(task_id)
    seen_alive_while_cancelled: list[int] = []
    while True:
        status = engine.status(task_id).status
        alive = [pid for pid in victims if is_alive(pid)]
        if status == "cancelled":
            seen_alive_while_cancelled = alive
            break
        assert time.monotonic() - begin < 5, f"not cancelled within 5 s; alive: {alive}"
        time.sleep(0.005)
    assert seen_alive_while_cancelled == []
    assert marked(mark) == []


def test_what_a_finished_task_leaves_behind_is_gone_too(engine: BlockingEngine) -> None:
    mark = f"ttaleft-{os.getpid()}"
    script = f"( setsid bash -c '( exec -a {mark} sleep 300 ) & exit 0' ); echo done"
    task = engine.wait(engine.submit("shell", {"argv": ["bash", "-c", script]}), 20)
    assert task.status == "completed"
    assert marked(mark) == []


def test_a_time_out_ends_the_tree_and_says_how_long(engine: BlockingEngine) -> None:
    mark = f"ttalate-{os.getpid()}"
    argv = ["bash", "-c", f"( exec -a {mark} sleep 300 ) & wait"]
    task = engine.wait(engine.submit("shell", {"argv": argv}, timeout=0.5), 20)
    assert task.error is not None
    assert (task.status, task.error.code) == ("failed", "timeout")
    assert "0.5 s" in task.error.message
    assert marked(mark) == []


def test_cancel_of_a_pooled_function_ends_what_it_started(
    engine: BlockingEngine, tmp_path: Path
) -> None:
    mark = f"ttapool-{os.getpid()}"
    (tmp_path / "work.py").write_text(
        "import subprocess, time\n"
        "def go(mark):\n"
        "    subprocess.Popen(['bash', '-c', f'exec -a {mark} sleep 300'])\n"
        "    time.sleep(300)\n"
    )
    params = {"function": "work:go", "args": [mark]}
    task_id = engine.submit("call", params, workspace=str(tmp_path))
    until(lambda: bool(marked(mark)), what="the function's child runs")
    engine.cancel(task_id)
    assert engine.wait(task_id, 10).status == "cancelled"
    assert marked(mark) == []
    assert (
        engine.wait(engine.submit("call", {"function": "math:sqrt", "args": [4]}), 20).result == 2
    )


def test_a_queued_task_is_cancelled_without_ever_running(engine: BlockingEngine) -> None:
    first = engine.submit("shell", {"argv": ["sleep", "60"]})
    second = engine.submit("shell", {"argv": ["true"]}, after=[first])
    assert engine.cancel(second).status == "cancelled"
    assert engine.cancel(second).status == "cancelled"
    engine.cancel(first)
    assert engine.wait(first, 10).status == "cancelled"
    assert engine.status(second).attempt == 0
