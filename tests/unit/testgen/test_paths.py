"""Which modules may be read, under which name, and where a test file may be written."""

import os
import sys
from pathlib import Path

import pytest

from tta_interactive.errors import InvalidRequestError
from tta_interactive.kinds import checked_params, get_kind
from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.module import find_module
from tta_interactive.runners.testgen.scratch import copy_project
from tta_interactive.runners.testgen.write import (
    check_free,
    checked_output,
    default_output,
    is_ours,
    put_back,
    signed,
    unsigned_mark,
    write_test_file,
)

from .conftest import GOOD, Lab


def refused(module_path: str, workspace: Path) -> TaskFailure:
    with pytest.raises(TaskFailure) as caught:
        find_module(module_path, workspace)
    return caught.value


@pytest.mark.parametrize(
    ("file", "name", "root"),
    [
        ("m.py", "m", "."),
        ("src/auth.py", "auth", "src"),
        ("src/pkg/auth.py", "pkg.auth", "src"),
        ("pkg/sub/deep.py", "pkg.sub.deep", "."),
        ("pkg/__init__.py", "pkg", "."),
        ("maße.py", "maße", "."),
    ],
)
def test_a_file_gets_the_name_that_an_import_gives_it(
    lab: Lab, file: str, name: str, root: str
) -> None:
    lab.write(file, "def f(): return 1\n")
    for package in ("src/pkg", "pkg", "pkg/sub"):
        if (lab.workspace / package).is_dir():
            (lab.workspace / package / "__init__.py").touch()
    if file.endswith("__init__.py"):
        lab.write(file, "def f(): return 1\n")
    source = find_module(file, lab.workspace)
    assert (source.name, source.root) == (name, lab.workspace / root)


def test_a_dotted_name_is_looked_for_in_the_workspace_first(lab: Lab) -> None:
    lab.write("jmespath/__init__.py", "")
    lab.write("jmespath/lexer.py", "def mine(): return 1\n")
    assert find_module("jmespath.lexer", lab.workspace).root == lab.workspace


def test_a_dotted_name_is_found_in_the_interpreter_without_importing_it(lab: Lab) -> None:
    source = find_module("jmespath.lexer", lab.workspace)
    assert source.relative == Path("jmespath/lexer.py")
    assert not source.in_workspace
    assert "jmespath.lexer" not in sys.modules


@pytest.mark.parametrize(
    "path",
    ["../x.py", "/etc/passwd", "/etc/hosts.py", "a/../../x.py", "x.txt/", "dir/", ".", "no.py/.."],
)
def test_a_path_out_of_the_workspace_or_to_no_module_is_refused(lab: Lab, path: str) -> None:
    (lab.workspace / "dir").mkdir()
    assert refused(path, lab.workspace).code == "bad_path"


@pytest.mark.parametrize("path", ["a.py\n", "a\0.py", "a\x1b[2J.py", "x" * 5000, ""])
def test_a_path_with_control_characters_never_becomes_a_task(path: str) -> None:
    with pytest.raises(InvalidRequestError):
        checked_params(get_kind("tests"), {"module_path": path})


def test_what_is_no_regular_file_of_the_workspace_is_refused(lab: Lab, tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text("def f(): return 1\n")
    (lab.workspace / "link.py").symlink_to(outside)
    (lab.workspace / "folder").symlink_to(tmp_path)
    os.mkfifo(lab.workspace / "fifo.py")
    (lab.workspace / "directory.py").mkdir()
    (lab.workspace / "zero.py").symlink_to("/dev/zero")
    lab.write("large.py", "# " + "x" * 1024 * 1024)
    for name in ("link.py", "folder/outside.py", "fifo.py", "directory.py", "zero.py", "large.py"):
        assert refused(name, lab.workspace).code == "bad_path", name
    assert refused("nowhere.py", lab.workspace).code == "not_found"


@pytest.mark.parametrize(
    "name", ["-pevil.py", "two words.py", ";rm -rf.py", "class.py", "json.py", "1st.py"]
)
def test_a_file_that_no_import_can_name_is_told_so(lab: Lab, name: str) -> None:
    lab.write(name, "def f(): return 1\n")
    failure = refused(name, lab.workspace)
    assert failure.code == "bad_path"
    assert failure.remedy


@pytest.mark.parametrize(
    "name", ["no_such_package_x.y", "sys", "json.decoder", "a..b", "a b", "-x"]
)
def test_a_name_that_is_no_module_with_source_is_refused(lab: Lab, name: str) -> None:
    assert refused(name, lab.workspace).code in ("not_found", "bad_path", "not_python")


def test_the_copy_leaves_links_sockets_and_environments_behind(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("hunter2")
    lab.write("pkg/__init__.py", "")
    lab.write("pkg/m.py", GOOD)
    lab.write("pkg/data.txt", "data")
    lab.write("venv/pyvenv.cfg", "")
    lab.write("my-env/pyvenv.cfg", "")
    lab.write("my-env/x.py", "x = 1")
    lab.write(".git/config", "")
    lab.write(".ssh/id_rsa", "hunter2")
    lab.write(".env", "KEY=hunter2")
    lab.write("store/tasks.db", "hunter2")
    (lab.workspace / "pkg/link.txt").symlink_to(tmp_path / "secret.txt")
    (lab.workspace / "linked").symlink_to(tmp_path)
    os.mkfifo(lab.workspace / "pkg/fifo")
    copied = copy_project(
        find_module("pkg/m.py", lab.workspace), tmp_path / "copy", [lab.workspace / "store"]
    )
    found = {str(path.relative_to(copied.root)) for path in copied.root.rglob("*")}
    assert found == {"pkg", "pkg/__init__.py", "pkg/m.py", "pkg/data.txt"}


def test_the_default_output_is_named_after_the_module() -> None:
    assert default_output("lexer") == "tests/test_lexer.py"
    assert default_output("_width") == "tests/test_width.py"
    assert default_output("__main__") == "tests/test_main.py"


@pytest.mark.parametrize("output", ["../test_x.py", "/tmp/test_x.py", "tests/x.py", "test_x.txt"])
def test_an_output_elsewhere_or_that_pytest_would_not_find_is_refused(
    lab: Lab, output: str
) -> None:
    with pytest.raises(TaskFailure) as caught:
        checked_output(output, lab.workspace)
    assert caught.value.code == "bad_path"


def put(lab: Lab, text: str, *, overwrite: bool = False, module: str = "m") -> None:
    path = Path("tests/test_m.py")
    write_test_file(text, path, lab.workspace, module, overwrite=overwrite)


def ours(body: str, module: str = "m") -> str:
    return signed(f'"""Made."""\n\n{unsigned_mark(module)}\n{body}', module)


OURS = ours("\ndef test_a(): pass\n")


def test_our_own_file_is_replaced_unasked(lab: Lab) -> None:
    put(lab, OURS)
    newer = ours("\ndef test_b(): pass\n")
    put(lab, newer)
    assert lab.files() == {"tests/test_m.py": newer.encode()}


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ("def test_mine(): pass\n", "was not made by tta-interactive"),
        (OURS + "# edited\n", "was edited"),
        (ours("", "other"), "holds the tests of 'other'"),
    ],
)
def test_a_foreign_file_is_replaced_only_with_consent(lab: Lab, there: str, words: str) -> None:
    lab.write("tests/test_m.py", there)
    with pytest.raises(TaskFailure) as caught:
        put(lab, OURS)
    assert caught.value.code == "output_exists"
    assert words in caught.value.message
    assert lab.files() == {"tests/test_m.py": there.encode()}
    put(lab, OURS, overwrite=True)
    assert lab.files() == {"tests/test_m.py": OURS.encode()}


def test_a_link_in_the_way_is_never_followed(lab: Lab, tmp_path: Path) -> None:
    target = tmp_path / "bashrc"
    target.write_text("mine")
    (lab.workspace / "tests").mkdir()
    (lab.workspace / "tests/test_m.py").symlink_to(target)
    with pytest.raises(TaskFailure) as caught:
        put(lab, OURS, overwrite=True)
    assert caught.value.code == "output_exists"
    (lab.workspace / "elsewhere").symlink_to(tmp_path)
    with pytest.raises(TaskFailure):
        write_test_file(OURS, Path("elsewhere/test_m.py"), lab.workspace, "m", overwrite=True)
    assert target.read_text() == "mine"
    assert not (tmp_path / "test_m.py").exists()


def test_a_hard_link_to_a_precious_file_keeps_the_precious_file(lab: Lab, tmp_path: Path) -> None:
    precious = tmp_path / "bashrc"
    precious.write_text("mine")
    (lab.workspace / "tests").mkdir()
    os.link(precious, lab.workspace / "tests/test_m.py")
    put(lab, OURS, overwrite=True)
    assert precious.read_text() == "mine"


def test_only_what_we_wrote_is_undone(lab: Lab) -> None:
    file = Path("tests/test_m.py")
    put(lab, OURS)
    put_back(file, lab.workspace, OURS.encode(), None)
    assert lab.files() == {}
    put(lab, OURS)
    put_back(file, lab.workspace, OURS.encode(), b"as it was")
    assert lab.files() == {str(file): b"as it was"}
    put_back(file, lab.workspace, OURS.encode(), None)  # somebody has changed it since
    assert lab.files() == {str(file): b"as it was"}


def test_the_mark_speaks_for_every_byte_of_the_file() -> None:
    assert is_ours(OURS, "m")
    assert not is_ours(OURS.replace("test_a", "test_b"), "m")
    assert not is_ours(OURS.replace("Made.", "made."), "m")
    assert not is_ours("def test_a(): pass\n", "m")


def test_a_missing_directory_is_no_obstacle_to_the_check(lab: Lab) -> None:
    check_free(Path("new/deep/test_m.py"), lab.workspace, "m", overwrite=False)
    assert lab.files() == {}


def test_a_module_in_another_encoding_keeps_its_bytes(lab: Lab, tmp_path: Path) -> None:
    data = "# -*- coding: latin-1 -*-\ndef street(): return 'Straße'\n".encode("latin-1")
    (lab.workspace / "m.py").write_bytes(data)
    source = find_module("m.py", lab.workspace)
    assert "Straße" in source.text
    assert copy_project(source, tmp_path / "copy").file.read_bytes() == data
