"""Whether coding agents of others find and reach the server that `tta mcp install` told them of.

    python -m tests.clients.run [NAME ...]

Each is asked with its own `mcp list`, which starts the server, once for the file of a project and
once for the user's. No model is needed. Those that are not here are too large to fetch for this.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.e2e.mcp_wire import Host, environment
from tests.node import NODE, installed

HERE: Final = Path(__file__).parent
CONNECTED: Final = re.compile(r"\btta: .* - (✔ )?Connected")


def claude(place: Path) -> list[str | Path]:
    """Its own program is a package for each platform."""
    found = sorted(place.glob("node_modules/@anthropic-ai/claude-code-*/claude"))
    assert found, "no Claude Code for this platform"
    return [found[0]]


def gemini(place: Path) -> list[str | Path]:
    return [NODE, place / "node_modules/@google/gemini-cli/bundle/gemini.js"]


def trust(name: str, home: Path, project: Path) -> None:
    """What the user answers at the first start in a project."""
    path, answer = {
        "claude": (".claude/settings.json", {"enableAllProjectMcpServers": True}),
        "gemini": (".gemini/trustedFolders.json", {str(project): "TRUST_FOLDER"}),
    }[name]
    (home / path).parent.mkdir(parents=True, exist_ok=True)
    (home / path).write_text(json.dumps(answer))


PROGRAMS: Final[dict[str, Any]] = {"claude": claude, "gemini": gemini}


def listed(name: str, place: Path, host: Host, *, user: bool) -> str:
    """What the client says of its servers."""
    home, project = host.home / f"{name}-{user}", host.project / f"{name}-{user}"
    project.mkdir()
    trust(name, home, project)
    variables = {**environment(home), "TTA_HOME": str(host.home)}
    install = [sys.executable, "-P", "-m", "tta_interactive", "mcp", "install", name, "--write"]
    subprocess.run(
        [*install, *(["--user"] if user else [])],
        cwd=project, env=variables, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    done = subprocess.run(
        [*PROGRAMS[name](place), "mcp", "list"],
        cwd=project,
        # With the Node of ours, for what it starts in turn.
        env={**variables, "PATH": f"{NODE.parent}{os.pathsep}{variables['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr


def main(names: list[str]) -> int:
    place = installed(HERE)
    wrong = 0
    with Host.made() as host:
        for name in names or PROGRAMS:
            for user in (False, True):
                said = listed(name, place, host, user=user)
                fits = CONNECTED.search(said) is not None
                wrong += not fits
                where = "the user's file" if user else "a project's file"
                print(f"client {name}, {where}: {'connected' if fits else said}", flush=True)
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
