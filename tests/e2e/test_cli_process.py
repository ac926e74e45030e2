"""The command as the process that it is: signals, pipes, terminals, hostile surroundings."""

import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import until
from tests.e2e.tta_command import (
    PRINT_HOSTILE,
    ROOT,
    TTA,
    fingerprint,
    is_running,
    needs_root,
    on_terminal,
    run,
    surroundings,
)
from tta_interactive.blocking import BlockingEngine
from tta_interactive.worker.start import stop_worker, worker_pid


def test_c1_a_hostile_log_does_not_act_on_a_terminal(home: Path, engine: BlockingEngine) -> None:
    task_id = engine.submit("shell", {"script": PRINT_HOSTILE}, label="\x1b]0;label\x07")
    engine.wait(task_id, 30)
    for argv in (["logs", task_id], ["logs", "-f", task_id], ["wait", task_id], ["list"]):
        terminal = on_terminal(home, *argv)
        shown = terminal.read()
        terminal.close()
        assert terminal.exitstatus == 0
        assert b"\x1b]" not in shown
        assert b"\x1b[2J" not in shown
        assert b"\\x1b]0;" in shown


def test_c1_raw_is_raw_also_on_a_terminal(home: Path, engine: BlockingEngine) -> None:
    task_id = engine.submit("shell", {"script": PRINT_HOSTILE})
    engine.wait(task_id, 30)
    terminal = on_terminal(home, "logs", task_id, "--raw")
    assert b"\x1b]0;owned\x07" in terminal.read()
    terminal.close()


# ---- live display


def test_a_terminal_sees_a_live_bar_and_then_the_end(home: Path) -> None:
    pytest.importorskip("rich")
    code = (
        "import time\nfrom tta_interactive import progress\n"
        "for i in range(8): progress(i / 8, f'step {i}'); time.sleep(0.1)"
    )
    terminal = on_terminal(home, "submit", "python", code, "--name", "bars", "--wait")
    shown = terminal.read().decode()
    terminal.close()
    assert terminal.exitstatus == 0
    assert "\x1b[?25l" in shown  # the cursor is hidden while the block is drawn,
    assert "\x1b[?25h" in shown  # and comes back
    assert "step" in shown
    assert "completed" in shown.splitlines()[-1]


def test_without_rich_a_terminal_gets_plain_lines(home: Path, tmp_path: Path) -> None:
    (tmp_path / "rich.py").write_text("raise ImportError('not here')\n")
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    terminal = on_terminal(home, "submit", "shell", "true", "--wait", PYTHONPATH=path)
    shown = terminal.read().decode()
    terminal.close()
    assert terminal.exitstatus == 0
    assert "\x1b" not in shown
    assert "completed" in shown


# ---- C4: pipes and signals


def test_c4_a_reader_that_leaves_ends_the_command_quietly(
    home: Path, engine: BlockingEngine
) -> None:
    task_id = engine.submit("shell", {"script": "seq 200000"})
    engine.wait(task_id, 30)
    for argv in (["logs", task_id, "-n", "200000"], ["logs", "-f", task_id, "-n", "200000"]):
        command = subprocess.Popen(
            [*TTA, *argv],
            env=surroundings(home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.readline()
        command.stdout.close()
        assert command.stderr.read() == b""
        assert command.wait(30) == 141
        command.stderr.close()


@pytest.mark.parametrize("argv", [["list"], ["list", "--json"], ["doctor"], ["--help"]])
def test_c4_a_pipe_that_is_closed_from_the_start_is_no_traceback(
    home: Path, engine: BlockingEngine, argv: list[str]
) -> None:
    engine.submit("shell", {"script": "true"})
    reading, writing = os.pipe()
    os.close(reading)
    command = subprocess.run(
        [*TTA, *argv],
        env=surroundings(home),
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert command.stderr == b""
    assert command.returncode == 141


def test_c4_no_stdout_at_all_and_a_full_disk_are_survived(home: Path) -> None:
    shell = f"{sys.executable} -m tta_interactive"
    closed = subprocess.run(
        ["sh", "-c", f"{shell} list >&-"],
        env=surroundings(home),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert closed.returncode == 0
    assert b"Traceback" not in closed.stderr
    full = subprocess.run(
        ["sh", "-c", f"{shell} doctor >/dev/full"],
        env=surroundings(home),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert full.returncode == 6
    assert b"No space left" in full.stderr
    assert b"Traceback" not in full.stderr


def test_c4_ctrl_c_leaves_the_wait_and_says_how_to_go_on(
    home: Path, engine: BlockingEngine
) -> None:
    task_id = engine.submit("shell", {"argv": ["sleep", "60"]})
    command = subprocess.Popen(
        [*TTA, "wait", task_id],
        env=surroundings(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert command.stdout is not None
    assert task_id in command.stdout.readline()
    command.send_signal(signal.SIGINT)
    _, said = command.communicate(timeout=10)
    assert command.returncode == 130
    assert "goes on" in said
    assert f"tta cancel {task_id}" in said
    assert "Traceback" not in said
    until(lambda: is_running(engine, task_id), what="the task goes on")
    engine.cancel(task_id)


def test_c4_ctrl_c_twice_and_a_resized_window_end_cleanly(
    home: Path, engine: BlockingEngine
) -> None:
    task_id = engine.submit("shell", {"argv": ["sleep", "60"]})
    terminal = on_terminal(home, "wait", task_id)
    terminal.expect("sleep 60")
    terminal.setwinsize(20, 60)  # the kernel sends SIGWINCH
    terminal.expect("sleep 60")
    terminal.sendintr()
    terminal.sendintr()
    said = terminal.read()
    terminal.close()
    assert (terminal.exitstatus, terminal.signalstatus) == (130, None)
    assert b"Traceback" not in said
    engine.cancel(task_id)


def test_c4_ctrl_c_at_any_early_moment_is_no_traceback(home: Path) -> None:
    wait_for_import = (
        "import os, signal, sys, threading\n"
        "delay = float(sys.argv.pop(1))\n"
        "from tta_interactive.cli.main import main\n"  # up to here it is Python's own moment
        "threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "sys.argv[1:] = ['wait', 'nothing', '--timeout', '5']\n"
        "sys.exit(main())\n"
    )
    for delay in ("0.02", "0.05", "0.1", "0.2"):
        command = subprocess.run(
            [sys.executable, "-c", wait_for_import, delay],
            env=surroundings(home),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert command.returncode in (5, 130), command.stderr
        assert "Traceback" not in command.stderr


# ---- C5, C6: where the store may be


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"HOME": ""}, "HOME"),
        ({"HOME": "relative"}, "HOME"),
        ({"XDG_STATE_HOME": "relative"}, "XDG_STATE_HOME"),
        ({"TTA_HOME": "relative"}, "TTA_HOME"),
        ({"TTA_HOME": "/proc/tta"}, "/proc/tta"),
        ({"TTA_HOME": "/dev/null/x"}, "/dev/null/x"),
    ],
)
def test_c5_without_a_usable_home_the_command_says_so_and_writes_nowhere(
    tmp_path: Path, variables: dict[str, str], named: str
) -> None:
    environment = surroundings("", TMPDIR=str(tmp_path))
    environment.pop("TTA_HOME")
    command = subprocess.run(
        [*TTA, "submit", "shell", "true"],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
    )
    assert command.returncode == 6
    assert named in command.stderr
    assert "Traceback" not in command.stderr
    assert list(tmp_path.iterdir()) == []  # in particular no fallback to a temporary directory


@needs_root
def test_c6_a_store_of_another_user_is_refused_also_for_root(home: Path) -> None:
    home.mkdir(mode=0o700)
    os.chown(home, 12345, 12345)
    before = fingerprint(home)
    for argv in (["submit", "shell", "true"], ["list"], ["doctor"], ["worker", "start"]):
        refused = run(home, *argv)
        assert refused.returncode == 6, argv
        assert "belongs to user 12345" in " ".join((refused.stderr + refused.stdout).split())
    assert fingerprint(home) == before
    os.chown(home, 0, 0)


# ---- C7: doctor


@pytest.fixture(scope="module")
def busy_home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tta-", dir="/tmp") as base:
        home = Path(base) / "s"
        with BlockingEngine(home) as engine:
            engine.wait(engine.submit("shell", {"argv": ["echo", "grüße 世界"]}), 30)
            engine.wait(engine.submit("shell", {"script": "exit 3"}), 30)
        yield home
        assert stop_worker(home)


@pytest.mark.parametrize(
    "argv",
    [["list"], ["status"], ["doctor"], ["--help"], ["submit", "--help"], ["worker", "status"]],
    ids=" ".join,
)
@pytest.mark.parametrize("more", [{}, {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_c9_everything_is_readable_without_colour_in_c_on_twenty_columns(
    busy_home: Path, argv: list[str], more: dict[str, str]
) -> None:
    done = run(busy_home, *argv, LANG="C", COLUMNS="20", **more)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert done.stdout.strip()
    if argv[0] == "list":  # cut, but all that matters is there
        assert "failed" in done.stdout
        assert "exit 3" in done.stdout
    if argv[0] in ("list", "status") and not more:  # escapes of characters take more room
        assert max(map(len, done.stdout.splitlines())) <= 20


def test_c9_an_encoding_without_a_character_shows_its_escape(busy_home: Path) -> None:
    done = run(busy_home, "list", LANG="C", PYTHONIOENCODING="ascii")
    assert "gr\\xfc\\xdfe" in done.stdout


def test_c9_a_narrow_terminal_gets_lines_instead_of_a_block(busy_home: Path) -> None:
    terminal = on_terminal(busy_home, "submit", "shell", "true", "--wait", columns=20, LANG="C")
    shown = terminal.read().decode()
    terminal.close()
    assert "\x1b" not in shown
    assert terminal.exitstatus == 0


# ---- the process itself


def test_the_command_needs_no_terminal_and_no_stdin(home: Path) -> None:
    master, slave = pty.openpty()
    os.close(slave)
    os.close(master)
    done = run(home, "submit", "shell", "--wait", "--", "cat")
    assert done.returncode == 0


def test_worker_run_serves_in_the_foreground(home: Path) -> None:
    command = subprocess.Popen(
        [*TTA, "worker", "run"], env=surroundings(home), start_new_session=True
    )
    try:
        until(lambda: worker_pid(home) == command.pid, what="it serves")
        with BlockingEngine(home) as engine:
            assert engine.wait(engine.submit("shell", {"script": "true"}), 30).status == "completed"
            found = json.loads(run(home, "worker", "status", "--json").stdout)
            assert found["pid"] == command.pid
    finally:
        assert run(home, "worker", "stop").returncode == 0
        command.wait(15)


def test_version_names_the_release(home: Path) -> None:
    done = run(home, "--version")
    assert done.stdout.startswith("tta ")
    assert not home.exists()
