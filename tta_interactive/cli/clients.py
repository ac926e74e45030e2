"""How each coding agent is told of an MCP server: the file, and the entry in it. Pure.

| client | file of a project | file of the user | where the entry stands |
|---|---|---|---|
| claude | .mcp.json | .claude.json | mcpServers |
| codex | .codex/config.toml | .codex/config.toml | mcp_servers |
| gemini | .gemini/settings.json | .gemini/settings.json | mcpServers |
| qwen | .qwen/settings.json | .qwen/settings.json | mcpServers |
| opencode | opencode.json | .config/opencode/opencode.json | mcp |
| vscode | .vscode/mcp.json | - | servers |
| cursor | .cursor/mcp.json | .cursor/mcp.json | mcpServers |

Each of these found both of its files and listed our server as connected (codex: as enabled, it
starts none for a list) on 2026-11-23: Claude Code 2.1.197, Codex 0.169.0, Gemini CLI 0.61.0,
opencode 1.18.33, Qwen Code 0.24.4. vscode and cursor were not run; theirs is what others wrote down
(anomalyco/opencode issues 361 and 5739, read 2026-11).
"""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from tta_interactive.errors import InvalidRequestError

NAME: Final = "tta"
OPEN_FOLDER: Final = ("--root", "${workspaceFolder}")


@dataclass(frozen=True, kw_only=True)
class Client:
    """One coding agent."""

    project: str
    """The file that holds for one project, inside it."""
    user: str | None
    """The file that holds for all projects, inside the home directory."""
    place: str
    """The key under which its file lists servers."""
    folder: tuple[str, ...] = ()
    """What to add where it does not start servers in the project."""
    consent: str = ""
    """What it wants of its user before it starts the servers of a project."""

    @property
    def is_toml(self) -> bool:
        """Whether its file is TOML; else JSON."""
        return self.project.endswith(".toml")

    def entry(self, command: Sequence[str]) -> dict[str, Any]:
        """The server, in the words of this client."""
        if self.place == "mcp":
            return {"type": "local", "command": list(command), "enabled": True}
        kind = {"type": "stdio"} if self.place == "servers" else {}
        return {**kind, "command": command[0], "args": list(command[1:])}


CLIENTS: Final[Mapping[str, Client]] = {
    "claude": Client(
        project=".mcp.json",
        user=".claude.json",
        place="mcpServers",
        consent="Claude Code asks for your approval when it is next started in this project.",
    ),
    "codex": Client(
        project=".codex/config.toml",
        user=".codex/config.toml",
        place="mcp_servers",
        consent="Codex reads it only in projects that you trust; it asks when it is started.",
    ),
    "gemini": Client(
        project=".gemini/settings.json",
        user=".gemini/settings.json",
        place="mcpServers",
        consent="Gemini CLI starts it only in folders that you trust; it asks when it is started.",
    ),
    "qwen": Client(project=".qwen/settings.json", user=".qwen/settings.json", place="mcpServers"),
    "opencode": Client(project="opencode.json", user=".config/opencode/opencode.json", place="mcp"),
    "vscode": Client(project=".vscode/mcp.json", user=None, place="servers", folder=OPEN_FOLDER),
    "cursor": Client(
        project=".cursor/mcp.json", user=".cursor/mcp.json", place="mcpServers", folder=OPEN_FOLDER
    ),
}


def with_entry(client: Client, text: str, command: Sequence[str]) -> str:
    """The text of a client's file with our server in it; the same text if it is there already.

    Args:
        client: Whose file it is.
        text: What stands in it; empty if there is none.
        command: What starts the server.

    Raises:
        InvalidRequestError: It cannot be read, or another server has our name.
    """
    return _toml(client, text, command) if client.is_toml else _json(client, text, command)


def _json(client: Client, text: str, command: Sequence[str]) -> str:
    try:
        found: object = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise InvalidRequestError(
            f"It is no plain JSON ({error}), perhaps for a comment, so it stays as it is. Add the "
            "entry by hand."
        ) from None
    servers = cast("dict[str, object]", found).get(client.place, {}) if _is_dict(found) else None
    if not _is_dict(servers):
        raise InvalidRequestError(
            f"Its {client.place!r} is no object, so it stays as it is. Add the entry by hand."
        )
    listed = cast("dict[str, object]", servers)
    entry = client.entry(command)
    _check_ours(listed.get(NAME))
    if listed.get(NAME) == entry:
        return text
    whole = {**cast("dict[str, object]", found), client.place: {**listed, NAME: entry}}
    return json.dumps(whole, indent=_indent(text), ensure_ascii=False) + "\n"


def _toml(client: Client, text: str, command: Sequence[str]) -> str:
    try:
        found: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidRequestError(
            f"It is no TOML ({error}), so it stays as it is. Correct it first."
        ) from None
    entry = client.entry(command)
    there = found.get(client.place, {}).get(NAME)
    _check_ours(there)
    if there is None:
        lines = [f"{key} = {json.dumps(value)}" for key, value in entry.items()]
        block = "\n".join([f"[{client.place}.{NAME}]", *lines, ""])
        return f"{text.rstrip()}\n\n{block}" if text.strip() else block
    if {key: there.get(key) for key in entry} == entry:
        return text
    raise InvalidRequestError(
        f"It has another [{client.place}.{NAME}], and TOML is not rewritten. Change it by hand."
    )


def _check_ours(there: object) -> None:
    """Raise unless the entry under our name is one of ours, or none."""
    if there is None:
        return
    facts = cast("dict[str, object]", there) if _is_dict(there) else {}
    words = [*_words(facts.get("command")), *_words(facts.get("args"))]
    first = str(words[0]).replace("\\", "/").rpartition("/")[2] if words else ""
    if not re.fullmatch(r"tta-mcp(\.exe)?", first) and "mcp_server" not in words:
        raise InvalidRequestError(
            f"Another server is called {NAME!r} there, so it stays as it is. Rename that one, or "
            "add the entry by hand under another name."
        )


def _words(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else [value]


def _is_dict(value: object) -> bool:
    return isinstance(value, dict)


def _indent(text: str) -> int | str:
    found = re.search(r"^\{\s*\n([ \t]+)\"", text)
    return found[1] if found else 2
