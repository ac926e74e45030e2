"""What the MCP registry and its clients want of a `server.json`."""

import re
import tomllib
from pathlib import Path

import pytest

from tta_interactive.cli.registry import server_json
from tta_interactive.errors import InvalidRequestError

# The rules of the registry's schema of 2025-12-11, for what we write.
KNOWN = {"$schema", "name", "description", "version", "packages"}


def test_what_is_written_keeps_the_rules_of_the_registry() -> None:
    found = server_json("io.github.some-one", "0.1.0")
    assert found.keys() == KNOWN
    assert found["$schema"].endswith("/2025-12-11/server.schema.json")
    assert found["name"] == "io.github.some-one/tta-interactive"
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", found["name"])
    assert 1 <= len(found["description"]) <= 100
    (package,) = found["packages"]
    assert (package["registryType"], package["transport"]) == ("pypi", {"type": "stdio"})
    assert found["version"] == package["version"] == "0.1.0"


def test_the_command_that_clients_make_of_it_starts_the_server() -> None:
    (package,) = server_json("io.github.some-one", "0.1.0")["packages"]
    (before,) = package["runtimeArguments"]
    command = ["uvx", before["name"], before["value"], f"{package['identifier']}@0.1.0"]
    assert command == ["uvx", "--with", "tta-interactive[mcp]==0.1.0", "tta-interactive@0.1.0"]
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert project["name"] == package["identifier"]
    assert project["scripts"]["tta-interactive"] == project["scripts"]["tta-mcp"]


@pytest.mark.parametrize(
    "namespace",
    ["", "github", "io.github.", "io..github", "io.github/x", "io.git hub.x", "io.-x", "x" * 200],
)
def test_a_namespace_that_nobody_can_own_is_refused(namespace: str) -> None:
    with pytest.raises(InvalidRequestError, match="is no reversed domain"):
        server_json(namespace, "0.1.0")


@pytest.mark.parametrize("version", ["0+unknown", "latest", "^1.2", "1.x", "0.1.0.dev3", ""])
def test_only_a_release_is_published(version: str) -> None:
    with pytest.raises(InvalidRequestError, match="is no release"):
        server_json("io.github.some-one", version)
