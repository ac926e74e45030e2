"""Which modules of a package get tests, in which order, where to, and what the summary says."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import NOON, a_task
from tta_interactive.kinds.base import TaskFailure
from tta_interactive.kinds.package import steps_of_package, summary
from tta_interactive.runners.testgen.package import (
    Survey,
    describe_all,
    is_package,
    outputs,
    survey,
)
from tta_interactive.task import Task, TaskError, TaskStatus

SMALL = "def f(x):\n    return x\n"
LARGE = "def f(x):\n    y = x\n    if y:\n        return y\n    return x\n"


def put(root: Path, **files: str) -> None:
    """Files by path: `__` in a name stands for `/`."""
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def paths(found: Survey) -> list[str]:
    return [module.path for module in found.modules]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    put(tmp_path, src__shop__cart=SMALL, src__shop__price=LARGE)
    (tmp_path / "src/shop/__init__.py").write_text("")
    return tmp_path


def test_the_module_with_most_to_gain_comes_first(root: Path) -> None:
    put(root, src__shop__data="\n".join(f"A{n} = {n}" for n in range(99)) + f"\n{SMALL}")
    found = survey("src/shop", root)
    assert paths(found) == ["src/shop/price.py", "src/shop/cart.py", "src/shop/data.py"]
    assert [(m.source.name, m.value, m.statements) for m in found.modules] == [
        ("shop.price", 4, 5),
        ("shop.cart", 1, 2),
        ("shop.data", 1, 101),
    ]


def test_what_gets_no_tests_is_named_with_the_reason(root: Path) -> None:
    put(root, src__shop__names="A = 1\n", src__shop__bad="def", src__shop__test_x=SMALL)
    (root / "src/shop/__main__.py").write_text(SMALL)
    found = survey("src/shop", root)
    assert paths(found) == ["src/shop/price.py", "src/shop/cart.py"]
    skipped = dict(found.skipped)
    assert "empty" in skipped["src/shop/__init__.py"]
    assert "program" in skipped["src/shop/__main__.py"]
    assert "no function" in skipped["src/shop/names.py"]
    assert "line 1" in skipped["src/shop/bad.py"]
    assert "tests itself" in skipped["src/shop/test_x.py"]


def test_folders_of_tests_hidden_ones_and_environments_are_passed_over(root: Path) -> None:
    for folder in ("tests", ".hidden", "build", "node_modules", "__pycache__", "env"):
        (root / "src/shop" / folder).mkdir()
        (root / "src/shop" / folder / "module.py").write_text(SMALL)
    (root / "src/shop/env/pyvenv.cfg").write_text("")
    assert paths(survey("src/shop", root)) == ["src/shop/price.py", "src/shop/cart.py"]


def test_links_are_not_followed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    put(outside, secret=LARGE)
    os.symlink(outside, root / "src/shop/folder")
    os.symlink(outside / "secret.py", root / "src/shop/file.py")
    os.symlink(root / "src", root / "link")
    found = survey("src/shop", root)
    assert paths(found) == ["src/shop/price.py", "src/shop/cart.py"]
    assert [path for path, _ in found.skipped] == ["src/shop/__init__.py"]  # not even named
    with pytest.raises(TaskFailure, match="symbolic link"):
        survey("link/shop", root)


@pytest.mark.parametrize("path", ["..", "/etc", "src/../..", "a\nb"])
def test_a_directory_outside_is_refused(root: Path, path: str) -> None:
    with pytest.raises(TaskFailure) as caught:
        survey(path, root)
    assert caught.value.code == "bad_path"


def test_the_whole_workspace_is_a_package_too(root: Path) -> None:
    assert paths(survey(".", root)) == ["src/shop/price.py", "src/shop/cart.py"]


def test_namespace_packages_and_scripts_are_found_under_their_own_names(tmp_path: Path) -> None:
    put(tmp_path, space__deep__one=SMALL, space__two=LARGE)
    found = survey("space", tmp_path)
    assert [(m.path, m.source.name) for m in found.modules] == [
        ("space/two.py", "two"),
        ("space/deep/one.py", "one"),
    ]


def test_a_directory_without_modules_is_a_failure_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(TaskFailure, match="holds no module") as caught:
        survey("empty", tmp_path)
    assert caught.value.code == "nothing_to_test"


def test_a_directory_with_too_many_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tta_interactive.runners.testgen.package.MAX_FILES", 3)
    put(tmp_path, **{f"p__m{n}": SMALL for n in range(4)})
    with pytest.raises(TaskFailure, match="more than 3 Python files"):
        survey("p", tmp_path)


def test_no_two_modules_share_a_test_file_or_a_name(tmp_path: Path) -> None:
    put(tmp_path, p__a_b=SMALL, p__a__b=SMALL, p__a_B=SMALL, n1__same=SMALL, n2__same=SMALL)
    (tmp_path / "p/__init__.py").write_text("")
    (tmp_path / "p/a/__init__.py").write_text("")
    modules = survey(".", tmp_path).modules
    files = outputs(modules, "tests")
    assert files["p/a/b.py"] == "tests/test_p_a_b.py"
    assert files["p/a_B.py"] == "tests/test_p_a_B_2.py"
    assert len({file.casefold() for file in files.values()}) == len(modules) == 5
    names = [fact["step"] for fact in describe_all(modules, files)]
    assert len(set(names)) == 5


def test_only_a_directory_is_a_package(root: Path) -> None:
    assert is_package("src/shop", root)
    for path in ("src/shop/cart.py", "shop.cart", "nowhere"):
        assert not is_package(path, root)


# ---- the summary


def ended(name: str, result: Any = None, **facts: Any) -> Task:
    return a_task(
        id=f"t_{name}",
        step=name,
        status=TaskStatus.COMPLETED if "error" not in facts else TaskStatus.FAILED,
        result=result,
        started_at=NOON,
        finished_at=NOON + timedelta(seconds=2),
        **facts,
    )


SURVEYED: dict[str, Any] = {
    "package": "src/shop",
    "modules": [
        {"step": "a", "module": "shop.a", "module_path": "src/shop/a.py", "statements": 30},
        {"step": "b", "module": "shop.b", "module_path": "src/shop/b.py", "statements": 10},
    ],
    "skipped": [{"path": "src/shop/c.py", "reason": "empty"}],
    "left_out": ["src/shop/d.py"],
}


def report(line: float, kept: int, name: str) -> dict[str, Any]:
    return {"line": line, "branch": 50.0, "kept": kept, "output_path": f"tests/test_{name}.py"}


def test_the_total_is_weighted_by_statements() -> None:
    steps = [ended("a", report(100.0, 3, "a")), ended("b", report(20.0, 1, "b"))]
    found = summary(SURVEYED, steps, 80)
    assert (found["line"], found["kept"], found["success"]) == (80.0, 4, True)
    assert found["worst"] == ["shop.b", "shop.a"]
    assert found["files"] == ["tests/test_a.py", "tests/test_b.py"]
    assert found["command"] == "python -m pytest tests/test_a.py tests/test_b.py"
    assert found["skipped"] == SURVEYED["skipped"]
    assert found["left_out"] == ["src/shop/d.py"]
    assert found["durations"] == {"total": 2.0, "sum_of_steps": 4.0, "critical_path": 2.0}


def test_a_module_that_failed_counts_as_not_covered_and_is_named() -> None:
    error = TaskError(code="not_python", message="It is no Python.")
    found = summary(SURVEYED, [ended("a", report(100, 3, "a")), ended("b", error=error)], 75)
    assert (found["line"], found["success"], found["failed_modules"]) == (75.0, False, ["shop.b"])
    assert found["modules"][1]["error"] == "not_python"
    assert found["files"] == ["tests/test_a.py"]


def test_a_report_that_is_no_report_harms_nobody() -> None:
    strange = [ended("a", ["x"]), ended("b", {"line": "many", "kept": None, "suspicious": 3})]
    assert summary(SURVEYED, strange, 80)["line"] == 0.0
    assert summary({}, strange, 80)["line"] == 0.0


def test_a_report_of_one_module_asks_for_no_steps() -> None:
    assert steps_of_package({"line": 3.0, "kept": 1}) == []
    assert steps_of_package(None) == []
