"""A step is bounded in time and output, and leaves no process behind, contained or not."""

import os
import time
from pathlib import Path

import pytest

from tta_interactive.runners.testgen.steps import KEPT_OUTPUT, MAX_OUTPUT, Bench, Step
from tta_interactive.task import SandboxLevel

from .conftest import Lab


@pytest.fixture(
    params=[
        pytest.param(SandboxLevel.NAMESPACES, id="namespaces", marks=pytest.mark.sandbox),
        pytest.param(SandboxLevel.NONE, id="limits"),
    ]
)
def bench(request: pytest.FixtureRequest, lab: Lab) -> Bench:
    lab.level = request.param
    return lab.bench()


def python(bench: Bench, code: str, timeout: float = 20.0) -> tuple[Step, Path]:
    place = bench.place("test")
    return bench.run(place, ["-c", code], timeout=timeout), place


def processes_with(mark: str) -> list[str]:
    found: list[str] = []
    for entry in os.listdir("/proc"):
        try:
            line = Path(f"/proc/{entry}/cmdline").read_bytes()
        except OSError:
            continue
        if entry.isdigit() and entry != str(os.getpid()) and mark.encode() in line:
            found.append(entry)
    return found


def test_a_step_that_runs_too_long_is_stopped_with_its_children(bench: Bench) -> None:
    mark = f"tta-test-{time.monotonic_ns()}"
    code = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)', {mark!r}])\n"
        "time.sleep(60)"
    )
    step, _ = python(bench, code, timeout=1.5)
    assert step.ended == "timeout"
    assert step.seconds < 10
    deadline = time.monotonic() + 5
    while processes_with(mark) and time.monotonic() < deadline:
        pass  # the kernel needs a moment to take them away
    assert processes_with(mark) == []


def test_a_child_that_holds_the_output_open_does_not_hold_the_step(bench: Bench) -> None:
    code = (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print('done')"
    )
    step, _ = python(bench, code)
    assert (step.ended, step.code) == ("exited", 0)
    assert step.seconds < 10
    assert "done" in step.output


def test_a_step_that_floods_is_stopped_and_little_of_it_is_kept(bench: Bench) -> None:
    step, _ = python(bench, "import os\nwhile True: os.write(1, b'x' * 65536)")
    assert step.ended == "flood"
    assert str(MAX_OUTPUT // 1024**2) in step.how
    assert len(step.output) <= KEPT_OUTPUT


def test_a_step_reads_nothing_and_sees_no_variable_of_ours(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SECRET", "PYTHONPATH", "PYTEST_ADDOPTS", "LD_LIBRARY_PATH", "GIT_DIR"):
        monkeypatch.setenv(name, "leaked")
    code = "import os, sys; print(repr(sys.stdin.read()), 'leaked' in str(os.environ))"
    assert python(bench, code)[0].output.strip() == "'' False"


@pytest.mark.sandbox
def test_a_contained_step_sees_neither_workspace_nor_store_nor_network(lab: Lab) -> None:
    lab.write("secret.txt", "hunter2")
    (lab.state / "tasks.db").write_text("hunter2")
    bench = lab.bench()
    code = f"""
import os, socket
for path in ({str(lab.workspace)!r}, {str(lab.state)!r}, os.path.expanduser("~root/.ssh")):
    print(os.path.exists(path) and os.listdir(path))
try:
    socket.create_connection(("127.0.0.1", 22), 1)
except OSError as error:
    print(type(error).__name__)
try:
    open({str(bench.files / "new")!r}, "w")
except OSError as error:
    print(error.strerror)
"""
    lines = python(bench, code)[0].output.split()
    assert lines[:3] == ["False", "False", "False"]
    assert lines[3] in ("ConnectionRefusedError", "OSError")
    assert " ".join(lines[4:]) == "Read-only file system"
