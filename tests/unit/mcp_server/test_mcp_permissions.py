"""What the user allows for good: read from a private file, and from nothing else."""

import os
from pathlib import Path

import pytest

from mcp_server.permissions import (
    Permissions,
    check_out_of_reach,
    permissions_path,
    read_permissions,
)
from tta_interactive.errors import InvalidRequestError, UnsafePlaceError

WHOLE = 'allow = ["shell", "python"]\nroots = ["~/src", "/srv/work"]\nshare_notebook = true\n'


def written(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "agents.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_file_says_kinds_directories_and_what_is_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert read_permissions(written(tmp_path, WHOLE)) == Permissions(
        allow=("shell", "python"), roots=("/home/me/src", "/srv/work"), share_notebook=True
    )


def test_without_a_file_nothing_more_is_allowed(tmp_path: Path) -> None:
    assert read_permissions(tmp_path / "agents.toml") == Permissions()
    assert Permissions() == Permissions(allow=(), roots=(), share_notebook=False)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o666])
def test_a_file_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(UnsafePlaceError, match="is not a private file of yours"):
        read_permissions(written(tmp_path, WHOLE, mode))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, WHOLE)
    os.chown(path, 65534, 65534)
    with pytest.raises(UnsafePlaceError, match="is not a private file of yours"):
        read_permissions(path)


def test_what_is_no_plain_file_is_refused_and_nobody_waits_for_it(tmp_path: Path) -> None:
    real = written(tmp_path, WHOLE)
    link, pipe, dangling = tmp_path / "link", tmp_path / "pipe", tmp_path / "dangling"
    link.symlink_to(real)
    dangling.symlink_to(tmp_path / "nothing")
    os.mkfifo(pipe, 0o600)
    for path in (link, pipe, dangling):
        with pytest.raises(UnsafePlaceError):
            read_permissions(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("allow = [", "cannot be used"),
        ('allow = "shell"', "allow: Input should be a valid tuple"),
        ("allow = [1]", r"allow\.0: Input should be a valid string"),
        ('allowed = ["shell"]', "allowed: Extra inputs are not permitted"),
        ('share_notebook = "yes"', "share_notebook: Input should be a valid boolean"),
        ('roots = ["src"]', "the root 'src' is no absolute path"),
        ('[allow]\nkinds = ["shell"]', "allow: Input should be a valid tuple"),
        ('allow = ["shell"]\n\x1b[2J', "cannot be used"),
    ],
)
def test_what_nobody_understands_is_named_and_allows_nothing(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(InvalidRequestError, match=words) as caught:
        read_permissions(written(tmp_path, text))
    assert "It knows: allow and ask (kinds), roots (directories) and share_notebook" in str(
        caught.value
    )
    assert "\x1b" not in str(caught.value)


def test_it_must_not_lie_where_agents_may_work(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    path = written(tmp_path / "config", WHOLE)
    check_out_of_reach(path, [tmp_path / "work"])
    (tmp_path / "way").symlink_to(tmp_path / "config")
    for reached in (path, tmp_path / "way" / "agents.toml"):
        with pytest.raises(UnsafePlaceError, match="where agents may work"):
            check_out_of_reach(reached, [tmp_path / "work", tmp_path / "config"])


def test_it_must_not_lie_where_agents_could_make_it(tmp_path: Path) -> None:
    home, work = tmp_path / "home", tmp_path / "work"
    (home / "project").mkdir(parents=True)
    work.mkdir()
    path = home / ".config" / "tta-interactive" / "agents.toml"
    check_out_of_reach(path, [home / "project", work])
    for root in (home, home / ".config", home / ".config" / "tta-interactive"):
        with pytest.raises(UnsafePlaceError, match="where agents may work"):
            check_out_of_reach(path, [work, root])
    # A link on the way to it could be turned round.
    (home / ".config").symlink_to(work)
    for root in (home, work):
        with pytest.raises(UnsafePlaceError, match="where agents may work"):
            check_out_of_reach(path, [root])


@pytest.mark.parametrize(
    ("config", "home", "expected"),
    [
        ("/etc/mine", "/home/me", "/etc/mine"),
        ("", "/home/me", "/home/me/.config"),
        ("relative", "/home/me", "/home/me/.config"),
    ],
)
def test_it_is_looked_for_where_settings_of_the_user_lie(
    monkeypatch: pytest.MonkeyPatch, config: str, home: str, expected: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", config)
    monkeypatch.setenv("HOME", home)
    assert permissions_path() == Path(expected, "tta-interactive", "agents.toml")
