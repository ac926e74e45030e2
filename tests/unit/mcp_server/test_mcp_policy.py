"""What agents may do: only what the command line says."""

import os
from pathlib import Path

import pytest

from mcp_server.policy import (
    MAX_PER_MINUTE,
    Policy,
    RateLimit,
    allowed_kinds,
    asked_kinds,
    checked_roots,
)
from tta_interactive.errors import ForbiddenError, InvalidRequestError, SandboxError
from tta_interactive.task import SandboxLevel

NAMESPACES, LANDLOCK, LIMITS = (
    SandboxLevel.NAMESPACES,
    SandboxLevel.LANDLOCK,
    SandboxLevel.LIMITS,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    (project / "src").mkdir(parents=True)
    (project / "src" / "auth.py").write_text("A = 1\n")
    (tmp_path / "secret.py").write_text("KEY = 1\n")
    (project / "out").symlink_to(tmp_path)
    return project


@pytest.fixture
def policy(root: Path) -> Policy:
    return Policy(home=Path("/nowhere/tta"), roots=(root,))


@pytest.mark.parametrize("kind", ["shell", "python", "call", "workflow", "", "tests\x00"])
def test_only_tests_are_allowed_by_default(policy: Policy, kind: str) -> None:
    policy.check_kind("tests")
    with pytest.raises(ForbiddenError, match="--allow"):
        policy.check_kind(kind)


def test_allow_takes_lists_and_repetitions() -> None:
    assert allowed_kinds(["shell,python", " python "]) == (
        frozenset({"tests", "shell", "python"}),
        False,
    )


def test_allow_generate_unsandboxed_is_no_kind() -> None:
    assert allowed_kinds(["generate-unsandboxed"]) == (frozenset({"tests"}), True)


def test_a_kind_for_trusted_doors_is_never_allowed() -> None:
    with pytest.raises(InvalidRequestError, match="never taken from an agent"):
        allowed_kinds(["shell,call"])


def test_a_kind_that_does_not_exist_cannot_be_allowed() -> None:
    with pytest.raises(InvalidRequestError, match="--allow shel: There is no kind 'shel'"):
        allowed_kinds(["shel"])


@pytest.mark.parametrize(
    ("word", "remote", "words"),
    [
        ("call", False, "--ask call: tasks of kind 'call' are never taken from an agent"),
        ("shel", False, "--ask shel: There is no kind"),
        ("generate", False, "nobody is asked about it"),
        ("generate-unsandboxed", False, "nobody is asked about it"),
        ("shell", True, "the callers would be asked, and not you"),
    ],
)
def test_what_may_never_run_is_not_asked_about_either(word: str, remote: bool, words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        asked_kinds([word], remote=remote)


def test_a_kind_to_ask_about_is_not_allowed_and_only_that_one_can_be(root: Path) -> None:
    asking = Policy(home=Path("/nowhere"), roots=(root,), ask=asked_kinds(["shell"]))
    with pytest.raises(ForbiddenError, match="has to allow each task of kind 'shell'"):
        asking.check_kind("shell")
    widened = asking.widened(frozenset({"shell", "python"}))
    widened.check_kind("shell")
    with pytest.raises(ForbiddenError, match="'python' is not allowed here"):
        widened.check_kind("python")


def test_tests_ask_for_a_sandbox_that_hides_other_files(policy: Policy) -> None:
    assert policy.sandbox("tests", NAMESPACES) is LANDLOCK


def test_without_a_sandbox_tests_are_refused_with_a_remedy(policy: Policy) -> None:
    with pytest.raises(SandboxError, match=r"bubblewrap.*--allow generate-unsandboxed"):
        policy.sandbox("tests", LIMITS)


def test_the_user_can_do_without_a_sandbox_but_not_below_what_there_is(root: Path) -> None:
    policy = Policy(home=Path("/nowhere"), roots=(root,), unsandboxed=True)
    assert policy.sandbox("tests", LIMITS) is LIMITS
    assert policy.sandbox("tests", NAMESPACES) is LANDLOCK


def test_the_default_workspace_is_the_first_root(policy: Policy, root: Path) -> None:
    assert policy.workspace(None) == root
    assert policy.workspace("src") == root / "src"


@pytest.mark.parametrize("given", ["..", "/", "out", "src/../..", "missing", "src/auth.py", "\x00"])
def test_a_workspace_outside_the_roots_is_refused(policy: Policy, given: str) -> None:
    with pytest.raises(InvalidRequestError, match="workspace"):
        policy.workspace(given)


def test_a_workspace_above_the_store_is_refused(root: Path) -> None:
    policy = Policy(home=root / "src" / "store", roots=(root,))
    with pytest.raises(InvalidRequestError, match="contains the task store"):
        policy.workspace(None)


@pytest.mark.parametrize(
    "path",
    [
        "../secret.py",
        "/etc/passwd",
        "out/secret.py",
        "src/../../secret.py",
        "a\n.py",
        "",
        "x\x1b[2J",
    ],
)
@pytest.mark.parametrize("name", ["module_path", "output_path", "path"])
def test_a_path_that_leads_out_of_the_roots_is_refused(
    policy: Policy, root: Path, name: str, path: str
) -> None:
    with pytest.raises(InvalidRequestError, match=name):
        policy.params({name: path}, root)


def test_paths_in_lists_are_checked_too(policy: Policy, root: Path) -> None:
    with pytest.raises(InvalidRequestError, match="outside"):
        policy.params({"extra_paths": ["src/auth.py", "../secret.py"]}, root)


@pytest.mark.parametrize("path", ["-pevil", "--rootdir=/", "@file"])
def test_a_path_can_never_be_an_option_of_a_tool(policy: Policy, root: Path, path: str) -> None:
    assert policy.params({"module_path": path}, root) == {"module_path": f"./{path}"}


def test_honest_params_pass_unchanged(policy: Policy, root: Path) -> None:
    params = {"module_path": "src/auth.py", "coverage_threshold": 90, "note": "../x"}
    assert policy.params(params, root) == params


def test_the_root_of_the_machine_is_too_wide() -> None:
    with pytest.raises(InvalidRequestError, match="--root"):
        checked_roots(["/"])


def test_a_home_directory_is_no_default_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidRequestError, match="--root"):
        checked_roots([])
    assert checked_roots([str(tmp_path)]) == (tmp_path,)


def test_roots_are_kept_without_links(root: Path) -> None:
    assert checked_roots([str(root / "out"), str(root.parent)]) == (root.parent,)
    assert os.path.islink(root / "out")


def test_the_rate_limit_opens_again_as_its_minute_passes() -> None:
    limit = RateLimit()
    assert [limit.take(now=10.0 + i / 100) for i in range(MAX_PER_MINUTE)] == [0.0] * MAX_PER_MINUTE
    assert limit.take(now=20.0) == 50.0
    assert limit.take(now=70.0) == 0.0
    assert limit.take(now=70.0) > 0
