"""What the files of coding agents look like with our server in them."""

import json
import tomllib
from typing import Any

import pytest

from tta_interactive.cli.clients import CLIENTS, with_entry
from tta_interactive.errors import InvalidRequestError

COMMAND = ("/venv/bin/tta-mcp", "--allow", "shell")
PLAIN = {"command": "/venv/bin/tta-mcp", "args": ["--allow", "shell"]}
ENTRIES: dict[str, dict[str, Any]] = {
    "claude": {"mcpServers": {"tta": PLAIN}},
    "codex": {"mcp_servers": {"tta": PLAIN}},
    "gemini": {"mcpServers": {"tta": PLAIN}},
    "qwen": {"mcpServers": {"tta": PLAIN}},
    "opencode": {"mcp": {"tta": {"type": "local", "command": list(COMMAND), "enabled": True}}},
    "vscode": {"servers": {"tta": {"type": "stdio", **PLAIN}}},
    "cursor": {"mcpServers": {"tta": PLAIN}},
}


def parsed(name: str, text: str) -> Any:
    return tomllib.loads(text) if CLIENTS[name].is_toml else json.loads(text)


def other(name: str) -> str:
    """A file with a setting and another server."""
    place = CLIENTS[name].place
    if CLIENTS[name].is_toml:
        return f'model = "x"\n\n[{place}.other]\ncommand = "o"\n'
    return json.dumps({"model": "x", place: {"other": {"command": "o"}}}, indent=4)


@pytest.mark.parametrize("name", CLIENTS)
def test_each_client_finds_the_entry_where_it_looks(name: str) -> None:
    assert parsed(name, with_entry(CLIENTS[name], "", COMMAND)) == ENTRIES[name]


@pytest.mark.parametrize("name", CLIENTS)
def test_what_stands_in_the_file_stays_and_a_second_time_changes_nothing(name: str) -> None:
    client, before = CLIENTS[name], other(name)
    after = with_entry(client, before, COMMAND)
    found = parsed(name, after)
    assert found["model"] == "x"
    assert found[client.place].keys() == {"other", "tta"}
    assert with_entry(client, after, COMMAND) == after
    if not client.is_toml:
        assert '\n    "model"' in after  # the indent too


@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize("foreign", ["other-server", "/usr/bin/tta-mcp-proxy", "npx"])
def test_an_entry_of_another_server_is_never_touched(name: str, foreign: str) -> None:
    theirs = with_entry(CLIENTS[name], "", (foreign, "tta-mcp"))
    with pytest.raises(InvalidRequestError, match="Another server is called 'tta'"):
        with_entry(CLIENTS[name], theirs, COMMAND)


@pytest.mark.parametrize("name", [name for name in CLIENTS if not CLIENTS[name].is_toml])
@pytest.mark.parametrize("ours", [("tta-mcp",), ("/old/python", "-P", "-m", "mcp_server")])
def test_an_older_entry_of_ours_is_renewed(name: str, ours: tuple[str, ...]) -> None:
    before = with_entry(CLIENTS[name], other(name), ours)
    after = parsed(name, with_entry(CLIENTS[name], before, COMMAND))
    assert after[CLIENTS[name].place]["tta"] == ENTRIES[name][CLIENTS[name].place]["tta"]


def test_an_older_entry_in_toml_is_left_to_the_user() -> None:
    before = with_entry(CLIENTS["codex"], "", ("tta-mcp",))
    with pytest.raises(InvalidRequestError, match="Change it by hand"):
        with_entry(CLIENTS["codex"], before, COMMAND)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("vscode", '{\n  // mine\n  "servers": {}\n}'),
        ("claude", "[]"),
        ("claude", '{"mcpServers": []}'),
        ("claude", '{"mcpServers"'),
        ("codex", "mcp_servers ="),
    ],
)
def test_a_file_that_cannot_be_understood_stays_as_it_is(name: str, text: str) -> None:
    with pytest.raises(InvalidRequestError, match="stays as it is"):
        with_entry(CLIENTS[name], text, COMMAND)


def test_names_and_paths_cannot_break_out_of_their_text() -> None:
    evil = ('/x"\n[evil]\n', "--allow", 'a"b\\')
    for name, client in CLIENTS.items():
        entry = parsed(name, with_entry(client, "", evil))[client.place]["tta"]
        assert evil[0] in (entry["command"], entry["command"][0])
