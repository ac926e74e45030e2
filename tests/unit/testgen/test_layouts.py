"""Projects as people lay them out, and the settings and interpreters that they bring."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tta_interactive.runners.testgen.naming import root_of

from .conftest import GOOD, Lab

pytestmark = pytest.mark.slow
PLAIN = {"PATH": "/usr/bin:/bin"}


def passes(lab: Lab, report: dict[str, object], python: str = sys.executable) -> str:
    """The kept file, after it passed by hand without the directory on the path."""
    file = str(report["output_path"])
    done = subprocess.run(
        [python, "-P", "-m", "pytest", "-q", file],
        cwd=lab.workspace,
        env=PLAIN,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return (lab.workspace / file).read_text()


USES_A_NEIGHBOUR = "from {} import RATE\n\n\ndef twice(n: int) -> int:\n    return n * RATE\n"


@pytest.mark.parametrize(
    ("file", "text", "name"),
    [
        ("src/ns/shop/m.py", USES_A_NEIGHBOUR.format("ns.shop.rates"), "ns.shop.m"),
        ("ns/shop/m.py", USES_A_NEIGHBOUR.format("ns.shop.rates"), "ns.shop.m"),
        ("shop/m.py", USES_A_NEIGHBOUR.format(".rates"), "shop.m"),
        ("scripts/m.py", USES_A_NEIGHBOUR.format("rates"), "m"),
    ],
    ids=["namespace below src", "namespace by its imports", "relative imports", "a script"],
)
def test_packages_without_an_init_file_are_imported_as_they_import_each_other(
    lab: Lab, file: str, text: str, name: str
) -> None:
    lab.write(file, text)
    lab.write(str(Path(file).with_name("rates.py")), "RATE = 2\n")
    report = lab.run(file)
    assert report["module"] == name
    assert report["line"] == 100
    passes(lab, report)


def test_a_dotted_name_says_where_the_path_begins(lab: Lab) -> None:
    lab.write("ns/shop/m.py", GOOD)
    report = lab.run("ns.shop.m")
    assert report["module"] == "ns.shop.m"
    passes(lab, report)


def test_a_package_that_cannot_be_loaded_twice_in_one_process_is_measured(lab: Lab) -> None:
    # As what imports numpy: to find a module by its name, coverage imports the package around it.
    once = (
        "import builtins\n\nassert not hasattr(builtins, 'is_loaded')\nbuiltins.is_loaded = True\n"
    )
    lab.write("shop/__init__.py", once)
    lab.write("shop/m.py", GOOD)
    report = lab.run("shop/m.py")
    assert report["line"] == 100
    command = [*shlex.split(report["coverage_command"])[1:], "-q"]
    done = subprocess.run([sys.executable, *command], cwd=lab.workspace, env=PLAIN, check=False)
    assert done.returncode == 0


def test_what_the_interpreter_has_on_its_path_decides(tmp_path: Path) -> None:
    file = Path("lib/ns/shop/m.py")
    (tmp_path / file.parent).mkdir(parents=True)
    assert root_of(file, tmp_path, b"") == Path("lib/ns/shop")
    assert root_of(file, tmp_path, b"", {tmp_path / "lib"}) == Path("lib")


SETTINGS = {
    "importlib, strict markers and warnings as errors": (
        "pytest.ini",
        "[pytest]\naddopts = --import-mode=importlib --strict-markers --strict-config -W error\n",
    ),
    "reports and logs in the tree": (
        "pyproject.toml",
        '[tool.pytest.ini_options]\naddopts = "--junitxml=report.xml"\nlog_file = "pytest.log"\n',
    ),
    "another place for tests": (
        "setup.cfg",
        "[tool:pytest]\ntestpaths = checks\npython_files = check_*.py\n",
    ),
}


@pytest.mark.parametrize("how", SETTINGS)
@pytest.mark.parametrize("tests", ["a folder", "a package"])
def test_the_projects_own_settings_hold(lab: Lab, how: str, tests: str) -> None:
    name, text = SETTINGS[how]
    lab.write("m.py", GOOD)
    lab.write(name, text)
    if tests == "a package":
        lab.write("tests/__init__.py", "")
    before = set(lab.files())
    report = lab.run()
    assert report["line"] == 100
    assert set(lab.files()) - before == {"tests/test_m.py"}
    passes(lab, report)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("addopts = --of-nobody", "unrecognized arguments: --of-nobody"),
        ("addopts = -p randomly_of_nobody", "randomly_of_nobody"),
        ("required_plugins = pytest-of-nobody", "pytest-of-nobody"),
        ("minversion = 99", "99"),
        ("python_functions = check_*", "python_functions"),
    ],
)
def test_settings_that_cannot_work_here_are_told_in_words(
    lab: Lab, settings: str, words: str
) -> None:
    lab.write("m.py", GOOD)
    lab.write("pytest.ini", f"[pytest]\n{settings}\n")
    before = lab.files()
    failure = lab.failure()
    assert failure.code == "not_verified"
    assert words in failure.message
    assert "installed in that interpreter" in failure.remedy
    assert lab.files() == before


def bare_environment(lab: Lab, python: str = sys.executable) -> Path:
    """A virtual environment of the project, with a package of its own and no pytest."""
    folder = lab.workspace / ".venv"
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "rates_of_theirs.py").write_text("RATE = 3\n")
    lab.write("m.py", USES_A_NEIGHBOUR.format("rates_of_theirs"))
    return folder


def test_an_environment_without_pytest_is_lent_ours(lab: Lab) -> None:
    environment = bare_environment(lab)
    assert lab.failure().code == "import_failed"  # ours has not the project's package
    report = lab.run(python=".venv")
    assert report["line"] == 100
    assert report["command"] == ".venv/bin/python -m pytest tests/test_m.py"
    assert not list(environment.rglob("pytest*"))


def test_a_module_that_only_the_other_environment_has_is_found(lab: Lab) -> None:
    environment = bare_environment(lab)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "theirs.py").write_text("def double(n: int) -> int:\n    return 2 * n\n")
    assert lab.failure("theirs").code == "not_found"
    report = lab.run("theirs", python=".venv/bin/python")
    assert report["line"] == 100


def test_an_editable_install_is_imported_from_where_it_lies(lab: Lab) -> None:
    environment = bare_environment(lab)
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "__editable__.shop.pth").write_text(f"{lab.workspace / 'lib'}\n")
    lab.write("lib/ns/shop/goods.py", "def double(n: int) -> int:\n    return 2 * n\n")
    report = lab.run("lib/ns/shop/goods.py", python=".venv")
    assert report["module"] == "ns.shop.goods"
    text = (lab.workspace / str(report["output_path"])).read_text()
    assert "sys.path" not in text  # it is installed: nothing has to be put on the path


def other_python() -> str:
    """A Python of another version than ours."""
    for minor in range(sys.version_info[1] + 1, 20):
        found = shutil.which(f"python3.{minor}")
        if found:
            done = subprocess.run([found, "-c", ""], check=False, capture_output=True, timeout=60)
            if done.returncode == 0:
                return found
    pytest.skip("no newer Python is here")


def test_an_environment_of_another_version_says_what_to_install(lab: Lab) -> None:
    bare_environment(lab, other_python())
    failure = lab.failure(python=".venv")
    assert failure.code == "missing_package"
    assert "has no coverage" in failure.message
    assert ".venv/bin/python -m pip install 'coverage>=7.0'" in failure.remedy


@pytest.mark.parametrize(
    ("python", "words"),
    [
        ("nowhere/bin/python", "There is no interpreter"),
        ("m.py", "There is no interpreter"),
        ("/bin/sh", "cannot be used"),
        ("shout.sh", "cannot be used"),
    ],
)
def test_what_is_no_python_is_told(lab: Lab, python: str, words: str) -> None:
    lab.write("m.py", GOOD)
    lab.write("shout.sh", "#!/bin/sh\necho '{\"version\": [3, 99, 0]}'\n").chmod(0o755)
    failure = lab.failure(python=python)
    assert failure.code == "bad_python"
    assert words in failure.message
    assert set(lab.files()) == {"m.py", "shout.sh"}
