"""The command `tta-mcp`: its options, what it says when it cannot serve, what it loads."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.mcp_agent import REPOSITORY, Place, agent, environment, facts
from tests.e2e.mcp_wire import refused


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--allow", "call"], "never taken from an agent"),
        (["--allow", "shel"], "There is no kind 'shel'"),
        (["--root", "/nowhere"], "is no directory"),
        (["--root", "/"], "more than one project"),
        (["--alow", "shell"], "unrecognized arguments"),
        (["--share"], "unrecognized arguments"),
        (["--ask", "call"], "never taken from an agent"),
        (["--ask", "shell", "--http", "0"], "the callers would be asked, and not you"),
        # Agents could make the file that says what is always allowed.
        (["--root", ".."], "where agents may work"),
    ],
)
def test_a_wrong_command_line_is_refused_in_words(
    place: Place, flags: list[str], words: str
) -> None:
    refused(place.home, place.project, environment(place), flags, words)


def permissions(place: Place, text: str, mode: int = 0o600) -> Path:
    path = place.project.parent / ".config" / "tta-interactive" / "agents.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    path.chmod(mode)
    return path


async def test_what_the_user_s_private_file_allows_is_allowed_beside_the_flags(
    place: Place,
) -> None:
    other = place.project.parent / "other"
    other.mkdir()
    permissions(place, f'allow = ["shell"]\nroots = ["{other}"]\n')
    async with agent(place, "--allow", "python") as client:
        for kind, params in (("shell", {"script": "pwd"}), ("python", {"code": "1"})):
            asked = {"kind": kind, "params": params, "workspace": str(other)}
            facts(await client.call_tool("tta_submit", asked))


@pytest.mark.parametrize(
    ("text", "mode", "flags", "words"),
    [
        ('allow = ["shell"]', 0o644, [], "is not a private file of yours"),
        ('alow = ["shell"]', 0o600, [], "alow: Extra inputs are not permitted"),
        ('allow = ["shell"]', 0o600, ["--root", ".."], "where agents may work"),
        ('roots = ["/nowhere"]', 0o600, [], "The root '/nowhere' is no directory"),
    ],
)
def test_a_file_of_permissions_that_cannot_be_believed_lets_no_server_start(
    place: Place, text: str, mode: int, flags: list[str], words: str
) -> None:
    path = permissions(place, text, mode)
    refused(place.home, place.project, environment(place), flags, words)
    assert path.exists()


async def test_a_file_of_permissions_in_the_workspace_allows_nothing(place: Place) -> None:
    for folder in (place.project, place.project / ".config" / "tta-interactive"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "agents.toml").write_text('allow = ["shell"]')
        (folder / "agents.toml").chmod(0o600)
    async with agent(place) as client:
        asked = {"kind": "shell", "params": {"script": "pwd"}}
        answer = await client.call_tool("tta_submit", asked)
        assert "Kind 'shell' is not allowed here" in answer.content[0].text


NO_SDK = """
import sys
sys.modules["mcp"] = None
from mcp_server.__main__ import main
sys.exit(main())
"""


def test_without_the_sdk_the_words_say_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", NO_SDK],
        env={"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert 'pip install "tta-interactive[mcp]"' in done.stderr
    assert "Traceback" not in done.stderr


def test_the_version_is_that_of_the_package(place: Place) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "mcp_server", "--version"],
        env=environment(place),
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.fullmatch(r"tta-mcp \d[\w.]*\n", done.stdout)


HEAVY = """
import sys
from mcp_server.__main__ import main
try:
    main(["--home", sys.argv[1], "--root", sys.argv[2]])
finally:
    print([name for name in ("IPython", "ipywidgets", "numpy", "jupyter_client")
           if name in sys.modules], file=sys.stderr)
"""


def test_the_server_imports_nothing_of_the_notebook(place: Place) -> None:
    frame = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
    done = subprocess.run(
        [sys.executable, "-P", "-c", HEAVY, str(place.home), str(place.project)],
        env=environment(place),
        input=frame,
        capture_output=True,
        check=False,
    )
    assert b'"result":{}' in done.stdout
    assert done.stderr.splitlines()[-1] == b"[]"
