"""The list of what lives below a process."""

import os
import signal
import subprocess
import sys

import pytest
from attempt_tools import until

from tests.e2e.processes import is_alive
from tta_interactive.worker import tree as worker_tree
from tta_interactive.worker.tree import children, descendants


def test_grandchildren_are_descendants_in_order():
    with subprocess.Popen(["sh", "-c", "sleep 300 & echo $!; wait"], stdout=subprocess.PIPE) as top:
        assert top.stdout is not None
        grandchild = int(top.stdout.readline())
        try:
            until(lambda: children(top.pid) == [grandchild])
            found = [pid for pid in descendants(os.getpid()) if pid in (top.pid, grandchild)]
            assert found == [top.pid, grandchild]
        finally:
            os.kill(grandchild, 9)
            top.kill()


def test_a_signal_goes_to_all_below_and_to_nobody_who_got_a_number_of_theirs(
    monkeypatch: pytest.MonkeyPatch,
):
    # A stranger: its parent has ended, and it is a child of another process than ours.
    run = ["sh", "-c", "sleep 300 >&- 2>&- & echo $!"]
    stranger = int(subprocess.run(run, capture_output=True, check=True).stdout)
    tree = "sh -c 'sleep 300 & echo $!; wait' & sh -c 'sleep 300 & echo $!; wait' & wait"
    try:
        with subprocess.Popen(["sh", "-c", tree], stdout=subprocess.PIPE) as top:
            assert top.stdout is not None
            leaves = [int(top.stdout.readline()), int(top.stdout.readline())]
            below = {top.pid, *children(top.pid), *leaves}
            assert len(below) == 5

            def listed_too_early(pid: int) -> list[int]:
                return [*children(pid), stranger, leaves[0]]

            monkeypatch.setattr(worker_tree, "children", listed_too_early)
            worker_tree.signal_all(signal.SIGSTOP, skip=leaves[1])
            found = worker_tree.signal_all(signal.SIGKILL, skip=leaves[1])
            assert sorted(set(found) & {*below, stranger}) == sorted(below - {leaves[1]})
            assert top.wait(10) == -signal.SIGKILL
        until(lambda: not is_alive(leaves[0]))
        assert is_alive(leaves[1])
        assert is_alive(stranger)
        os.kill(leaves[1], signal.SIGKILL)
    finally:
        os.kill(stranger, signal.SIGKILL)


def test_a_chain_deeper_than_there_are_descriptors_is_killed_to_its_end():
    chain = (
        "import os, signal, sys\n"
        "depth = 0\n"
        "while depth < 300 and os.fork() == 0: depth += 1\n"
        "if depth == 300: os.write(1, b'grown ')\n"
        "signal.pause()"
    )
    code = (
        "import resource, subprocess, sys\n"
        "from tta_interactive.worker import tree\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (250, 250))\n"
        "tree.set_subreaper(True)\n"
        f"top = subprocess.Popen([sys.executable, '-S', '-c', {chain!r}], stdout=subprocess.PIPE)\n"
        "assert top.stdout.read(6) == b'grown '\n"
        "assert len(tree.descendants(__import__('os').getpid())) == 301\n"
        "print(tree.kill_all(seconds=30), top.stdout.read())"
    )
    run = [sys.executable, "-c", code]
    assert subprocess.run(run, capture_output=True, check=True).stdout == b"[] b''\n"


def test_a_process_that_is_gone_has_no_children():
    with subprocess.Popen(["true"]) as gone:
        pass
    assert children(gone.pid) == []
