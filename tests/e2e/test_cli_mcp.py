"""`tta mcp install`, as the process that it is."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.e2e.mcp_wire import INITIALIZE
from tests.e2e.tta_command import run

ENTRY = "mcpServers"


def install(home: Path, project: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    return run(home, "mcp", "install", *more, "--project", str(project), HOME=str(project.parent))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    return made


def test_without_write_nothing_is_written(home: Path, project: Path) -> None:
    done = install(home, project, "claude")
    assert done.returncode == 0
    assert str(project / ".mcp.json") in done.stdout
    assert "tta" in json.loads(done.stdout.partition("\n\n")[2])[ENTRY]
    assert list(project.iterdir()) == []


def test_the_entry_that_was_written_starts_a_server(home: Path, project: Path) -> None:
    assert install(home, project, "claude", "--write").returncode == 0
    entry = json.loads((project / ".mcp.json").read_text())[ENTRY]["tta"]
    frame = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE}
    (project / "mcp_server.py").write_text("raise SystemExit('shadowed')\n")
    done = subprocess.run(
        [entry["command"], *entry["args"], "--home", str(home)],
        input=json.dumps(frame) + "\n",
        capture_output=True,
        text=True,
        timeout=30,
        cwd=project,
        env={"PATH": os.environ["PATH"], "HOME": str(project.parent)},
        check=False,
    )
    assert json.loads(done.stdout)["result"]["serverInfo"]["name"] == "tta"
    again = install(home, project, "claude", "--write")
    assert "has it already" in again.stdout


def test_a_foreign_entry_keeps_its_file_byte_for_byte(home: Path, project: Path) -> None:
    path = project / ".mcp.json"
    path.write_text('{"mcpServers": {"tta": {"command": "theirs"}}}')
    done = install(home, project, "claude", "--write")
    assert done.returncode == 2
    assert "Another server is called 'tta'" in done.stderr
    assert path.read_text() == '{"mcpServers": {"tta": {"command": "theirs"}}}'


def test_a_link_of_the_project_does_not_lead_to_the_users_files(home: Path, project: Path) -> None:
    outside = project.parent / "mine.json"
    outside.write_text("{}")
    (project / ".mcp.json").symlink_to(outside)
    (project / ".cursor").symlink_to(project.parent)
    for client in ("claude", "cursor"):
        done = install(home, project, client, "--write")
        assert done.returncode == 2
        assert "leads out of the project" in done.stderr
    assert outside.read_text() == "{}"


def test_the_users_own_file_keeps_its_mode_and_its_link(home: Path, project: Path) -> None:
    real = project.parent / "dotfiles.json"
    real.write_text('{"theme": "dark"}')
    real.chmod(0o600)
    (project.parent / ".claude.json").symlink_to(real)
    done = run(home, "mcp", "install", "claude", "--user", "--write", HOME=str(project.parent))
    assert done.returncode == 0, done.stderr
    assert (project.parent / ".claude.json").is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert json.loads(real.read_text()).keys() == {"theme", ENTRY}
    refused = run(home, "mcp", "install", "vscode", "--user", HOME=str(project.parent))
    assert refused.returncode == 2


def test_options_of_the_server_travel_with_the_entry(home: Path, project: Path) -> None:
    done = install(home, project, "vscode", "--allow", "shell", "--ask", "python", "--json")
    told = json.loads(done.stdout)
    assert told["entry"]["args"] == [
        *("--root", "${workspaceFolder}"),
        *("--allow", "shell"),
        *("--ask", "python"),
    ]
    assert (told["written"], told["there_already"]) == (False, False)
    done = install(home, project, "claude", "--root", str(project), "--json")
    assert json.loads(done.stdout)["entry"]["args"] == ["--root", str(project)]


def test_what_the_client_still_asks_its_user_is_said(home: Path, project: Path) -> None:
    assert "asks for your approval" in install(home, project, "claude", "--write").stdout
    again = run(home, "mcp", "install", "claude", "--user", "--write", HOME=str(project.parent))
    assert "approval" not in again.stdout


def test_a_server_json_is_printed_for_the_namespace_of_its_owner(home: Path) -> None:
    done = run(home, "mcp", "server-json", "--namespace", "io.github.some-one")
    assert json.loads(done.stdout)["name"] == "io.github.some-one/tta-interactive"
    for wrong in (["server-json"], ["server-json", "--namespace", "x y"], ["install"]):
        assert run(home, "mcp", *wrong).returncode == 2
