"""What a contained command can see and do. The command lines are checked without running them."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import a_project
from tta_interactive import sandbox
from tta_interactive.sandbox.environment import task_environment

needs_bubblewrap = pytest.mark.skipif(
    sandbox.probe() < sandbox.NAMESPACES,
    reason=f"no sandbox here: {sandbox.describe()['reason']}",
)


def run(script: str, workspace: Path, **facts: object) -> subprocess.CompletedProcess[str]:
    facts.setdefault("environment", {"PATH": "/usr/bin:/bin"})
    command = sandbox.wrap(["/bin/sh", "-c", script], workspace=str(workspace), **facts)  # type: ignore[arg-type]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=20, check=False, stdin=subprocess.DEVNULL
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return a_project(tmp_path, "file", "content\n")


@pytest.mark.sandbox
@needs_bubblewrap
class TestContained:
    def test_it_works_in_its_workspace(self, project: Path):
        done = run("pwd; cat file; echo new > made", project)
        assert done.stdout == f"{project}\ncontent\n", done.stderr
        assert (project / "made").read_text() == "new\n"

    def test_a_workspace_can_be_read_only(self, project: Path):
        assert run("echo x > made", project, workspace_writable=False).returncode != 0
        assert not (project / "made").exists()

    def test_the_home_is_not_there(self, project: Path, tmp_path: Path):
        home = tmp_path / "home"
        (home / ".ssh").mkdir(parents=True)
        (home / ".ssh" / "id").write_text("secret")
        done = run(
            f"ls -A {home} /home /root; find / -name .ssh 2>/dev/null", project, home=str(home)
        )
        assert "id" not in done.stdout
        assert ".ssh" not in done.stdout

    def test_the_store_is_not_there(self, project: Path, tmp_path: Path):
        store = tmp_path / "store"
        store.mkdir()
        (store / "tasks.db").write_text("rows")
        assert run(f"cat {store}/tasks.db", project, store=str(store)).returncode != 0

    def test_a_store_inside_the_workspace_is_hidden(self, project: Path):
        store = project / "state"
        (store / "attempts" / "x" / "scratch").mkdir(parents=True)
        (store / "tasks.db").write_text("rows")
        scratch = store / "attempts" / "x" / "scratch"
        done = run(
            f"find {store}; touch {scratch}/mine",
            project,
            store=str(store),
            writable=[str(scratch)],
        )
        assert "tasks.db" not in done.stdout
        assert (scratch / "mine").exists()

    def test_a_workspace_that_is_the_root_still_hides_home_and_store(self, tmp_path: Path):
        store = tmp_path / "store"
        store.mkdir()
        (store / "tasks.db").write_text("rows")
        done = run(f"pwd; cat {store}/tasks.db; ls -A /home /root", Path("/"), store=str(store))
        assert done.stdout.split() == ["/", "/home:", "/root:"], done

    def test_a_workspace_that_is_the_home_hides_keys(self, tmp_path: Path):
        home = tmp_path / "home"
        (home / ".ssh").mkdir(parents=True)
        (home / ".ssh" / "id").write_text("secret")
        (home / ".netrc").write_text("secret")
        (home / "notes").write_text("mine")
        done = run("cat notes .netrc; ls -A .ssh", home, home=str(home))
        assert done.stdout == "mine", done

    def test_neither_network_nor_loopback_nor_abstract_sockets(self, project: Path):
        name = f"\0tta-test-{os.getpid()}"
        with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as abstract:
            tcp.bind(("127.0.0.1", 0))
            tcp.listen()
            abstract.bind(name)
            abstract.listen()
            code = (
                "import socket\n"
                f"for family, to in ((socket.AF_INET, {tcp.getsockname()!r}), (socket.AF_UNIX, {name!r})):\n"
                "    try: socket.socket(family).connect(to); print('reached')\n"
                "    except OSError: print('refused')\n"
            )
            (project / "probe.py").write_text(code)
            argv = [sys.executable, "probe.py"]
            command = sandbox.wrap(
                argv,
                workspace=str(project),
                readable=sandbox.interpreter_places(sys.executable),
                environment={},
            )
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        assert done.stdout == "refused\nrefused\n", done.stderr

    def test_the_network_can_be_asked_for(self, project: Path):
        mine = os.readlink("/proc/self/ns/net")
        assert run("readlink /proc/self/ns/net", project, network=True).stdout.strip() == mine
        assert run("readlink /proc/self/ns/net", project).stdout.strip() != mine

    def test_other_processes_are_not_there(self, project: Path):
        done = run("ls -d /proc/[0-9]* | wc -l; readlink /proc/self/ns/pid", project)
        count, namespace = done.stdout.split()
        assert int(count) <= 4
        assert namespace != os.readlink("/proc/self/ns/pid")

    def test_no_rights_and_no_new_user_namespaces(self, project: Path):
        done = run("grep CapEff /proc/self/status; unshare -U true && echo made", project)
        assert done.stdout.split() == ["CapEff:", "0" * 16]

    def test_the_system_cannot_be_changed(self, project: Path):
        done = run("for d in /usr /etc /bin; do touch $d/x 2>/dev/null && echo $d; done", project)
        assert done.stdout == ""

    def test_only_the_given_variables_arrive(self, project: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("SECRET_KEY", "s")
        done = run("env", project, environment={"ASKED": "yes"})
        names = {line.split("=")[0] for line in done.stdout.splitlines()}
        assert names <= {"ASKED", "PWD", "OLDPWD", "SHLVL", "_"}

    def test_the_workspace_may_be_a_link(self, project: Path, tmp_path: Path):
        link = tmp_path / "link"
        link.symlink_to(project)
        assert run("cat file", link).stdout == "content\n"

    def test_a_virtual_environment_works_inside(self, project: Path):
        done = subprocess.run(
            sandbox.wrap(
                [sys.executable, "-c", "import sys, pytest; print(sys.prefix)"],
                workspace=str(project),
                readable=sandbox.interpreter_places(sys.executable),
                environment={},
            ),
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        assert done.stdout.strip() == sys.prefix, done.stderr


def test_below_namespaces_the_command_is_left_as_it_is():
    assert sandbox.wrap(["a", "b"], level=sandbox.LIMITS, workspace="/tmp") == ["a", "b"]


def test_an_interpreter_never_brings_a_home_or_the_store(tmp_path: Path):
    home, store = tmp_path / "home", tmp_path / "state"
    home.mkdir()
    store.mkdir()
    command = sandbox.wrap(
        ["true"],
        workspace=str(tmp_path / "elsewhere"),
        readable=[str(home), str(tmp_path), str(store), "/", str(home / "venv")],
        home=str(home),
        store=str(store),
    )
    shown = [command[i + 1] for i, word in enumerate(command) if word == "--ro-bind-try"]
    assert shown == [str(home / "venv")]


def test_secrets_are_not_put_on_the_command_line_unless_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KEY", "very-secret")
    assert "very-secret" not in " ".join(sandbox.wrap(["true"], workspace="/srv"))


def test_the_base_of_a_venv_is_found_from_its_settings(tmp_path: Path):
    base = tmp_path / "base"
    venv = tmp_path / "venv"
    for place in (base, venv):
        (place / "bin").mkdir(parents=True)
    (venv / "pyvenv.cfg").write_text(f"home = {base}/bin\nversion = 3.12\n")
    places = sandbox.interpreter_places(str(venv / "bin" / "python"))
    assert set(places) == {str(base), str(venv)}


def test_what_is_missing_is_said_with_its_reason():
    words = sandbox.missing(sandbox.NAMESPACES, sandbox.LIMITS)
    assert "'namespaces'" in words
    assert "'limits'" in words


def test_a_machine_without_bubblewrap_is_not_called_contained(monkeypatch: pytest.MonkeyPatch):
    from tta_interactive.sandbox import bubblewrap

    monkeypatch.setattr(bubblewrap, "_program", lambda: "")
    monkeypatch.setattr(bubblewrap, "_found", [])
    assert sandbox.probe() == sandbox.LIMITS
    assert "not installed" in sandbox.missing(3, 1)


def test_a_bubblewrap_that_fails_is_not_called_contained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    from tta_interactive.sandbox import bubblewrap

    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 0\n")
    broken.chmod(0o755)
    monkeypatch.setattr(bubblewrap, "_program", lambda: str(broken))
    monkeypatch.setattr(bubblewrap, "_found", [])
    assert sandbox.probe() == sandbox.LIMITS
    assert "Permission denied" in sandbox.describe()["reason"]  # type: ignore[operator]


def test_the_environment_is_a_list_of_what_is_harmless():
    inherited = {"PATH": "/p", "HOME": "/h", "LC_ALL": "C", "AWS_KEY": "s", "PYTHONPATH": "/x"}
    found = task_environment({"A": "1"}, "/scratch", inherited)
    assert found == {"PATH": "/p", "HOME": "/h", "LC_ALL": "C", "TMPDIR": "/scratch", "A": "1"}
