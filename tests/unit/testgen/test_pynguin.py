"""The backend `pynguin`: where it is found, what becomes of its file, and a run of the real one."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen import pynguin
from tta_interactive.runners.testgen.backends import get_backend
from tta_interactive.runners.testgen.pynguin import VARIABLE, find_python

from .conftest import GOOD, Lab

STANDS_IN = """
import sys
from pathlib import Path

said = dict(zip(sys.argv[1::2], sys.argv[2::2]))
out = Path(said["--output-path"])
out.mkdir()
"""


def stand_in(lab: Lab, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """An interpreter whose `pynguin` does what the text says, in place of the real one."""
    package = lab.base / "site" / "pynguin"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    lines = "".join(f"    {line}\n" for line in (STANDS_IN + text).splitlines())
    (package / "cli.py").write_text(f"def main():\n{lines}")
    facts = lab.base / "site" / "pynguin-0.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: pynguin\nVersion: 0.0\n")
    monkeypatch.syspath_prepend(str(lab.base / "site"))
    monkeypatch.delenv(VARIABLE, raising=False)


def test_without_pynguin_it_is_said_how_to_get_it(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.write("m.py", GOOD)
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setitem(sys.modules, "pynguin", None)
    failure = lab.failure(backend="pynguin")
    assert failure.code == "no_backend"
    assert 'pip install "tta-interactive[pynguin]"' in failure.remedy
    assert VARIABLE in failure.remedy


@pytest.mark.parametrize("said", ["python", "/nowhere/python", "/"])
def test_an_interpreter_that_is_none_is_quoted(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv(VARIABLE, said)
    with pytest.raises(TaskFailure, match=repr(said)):
        find_python()


def test_an_interpreter_without_pynguin_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "python"
    bare.write_text("#!/bin/sh\nexit 1\n")
    bare.chmod(0o755)
    monkeypatch.setenv(VARIABLE, str(bare))
    with pytest.raises(TaskFailure, match=f"{bare} -m pip install pynguin"):
        get_backend("pynguin")


def test_what_it_writes_is_verified_like_all_tests(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.write("m.py", GOOD)
    text = """
import sys
import m

m_ = sys.modules["m"]


def test_0():
    assert m_.grade(80) == "good"


def test_1():
    assert m_.grade(80) == "bad"
"""
    stand_in(lab, monkeypatch, f"(out / 'test_m.py').write_text({text!r})")
    report = lab.run(backend="pynguin", coverage_threshold=10)
    assert (report["generated"], report["kept"], report["failed"]) == (2, 1, 1)
    made = (lab.workspace / report["output_path"]).read_text()
    assert 'm_.grade(80) == "good"' in made
    assert "bad" not in made


def test_no_more_tests_are_taken_than_were_asked_for(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.write("m.py", GOOD)
    text = "from m import grade\n" + "".join(
        f"def test_{number}():\n    grade({number})\n" for number in range(90, 95)
    )
    stand_in(lab, monkeypatch, f"(out / 'test_m.py').write_text({text!r})")
    assert lab.run(backend="pynguin", coverage_threshold=10, max_tests=2)["generated"] == 2


@pytest.mark.parametrize(
    ("does", "ended", "words"),
    [
        pytest.param(
            "import signal, time\n"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            "print('thinking', flush=True)\n"
            "while True:\n    time.sleep(60)",
            "was stopped after",
            "thinking",
            id="hangs",
        ),
        pytest.param("input('Go on? [y/n] ')", "exit code 1", "EOFError", id="asks"),
        pytest.param(
            "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=3)",
            "exit code 1",
            "Error",
            id="wants the network",
        ),
    ],
)
def test_one_that_hangs_asks_or_wants_the_network_ends_with_a_clear_failure(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, does: str, ended: str, words: str
) -> None:
    """R12."""
    lab.write("m.py", GOOD)
    stand_in(lab, monkeypatch, does)
    monkeypatch.setattr(pynguin, "EXTRA_SECONDS", 2.0)
    failure = lab.failure(backend="pynguin", budget=1)
    assert failure.code == "error"
    assert failure.message.startswith("Pynguin wrote no tests for 'm': its process ")
    assert ended in failure.message
    assert words in failure.detail
    assert failure.remedy
    assert set(lab.files()) == {"m.py"}


def test_when_it_ends_badly_its_last_words_are_told(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.write("m.py", GOOD)
    stand_in(lab, monkeypatch, "print('the search broke')\nsys.exit(3)")
    failure = lab.failure(backend="pynguin")
    assert failure.code == "error"
    assert "exit code 3" in failure.message
    assert "the search broke" in failure.detail


@pytest.mark.slow
@pytest.mark.skipif(
    find_spec("pynguin") is None and VARIABLE not in os.environ,
    reason=f"Pynguin is not installed, and {VARIABLE} names no interpreter that has it",
)
def test_the_real_pynguin_covers_a_small_module(lab: Lab) -> None:
    lab.write("m.py", GOOD)
    report = lab.run(backend="pynguin", budget=5, coverage_threshold=60)
    assert report["kept"] > 0
    assert report["line"] > report["baseline"]["line"]
