"""The list of what lives below a process."""

import os
import subprocess

from attempt_tools import until

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


def test_a_process_that_is_gone_has_no_children():
    with subprocess.Popen(["true"]) as gone:
        pass
    assert children(gone.pid) == []
