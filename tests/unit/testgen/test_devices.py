"""What the native generator can reach: one small module a device, every line of it run."""

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.unit.testgen.devices import DEVICES
from tests.unit.testgen.test_work import busy_processor
from tta_interactive.runners.testgen import steps

INSIDE = Path(steps.__file__).parent / "inside"


def generated(place: Path, text: str, seconds: float = 2.0) -> dict[str, Any]:
    """The generator's own report on a module with this text."""
    package = place / "_tta_inside"
    package.symlink_to(INSIDE)
    (place / "m.py").write_text(dedent(text), encoding="utf-8")
    (place / "journal").touch()
    job = {
        "do": "generate",
        "module": "m",
        "file": str(place / "m.py"),
        "root": str(place),
        "journal": str(place / "journal"),
        "beat": str(place / "beat"),
        "report": str(place / "report"),
        "seed": 1,
        "banned": [],
        "focus": [],
        "seconds": seconds,
        "most": 100,
        "reached": [],
        "round": 0,
        "writable": [str(place)],
        "commands": False,
    }
    (place / "job").write_text(json.dumps(job))
    done = subprocess.run(
        [sys.executable, "-P", "-c", START, str(place), str(place / "job")],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env={"PATH": os.defpath, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads((place / "report").read_text())


START = """
import json, sys
sys.path.insert(0, sys.argv[1])
from _tta_inside.generate.main import run
run(json.load(open(sys.argv[2])))
"""


@pytest.mark.parametrize("device", DEVICES)
def test_every_line_is_reached(tmp_path: Path, device: str) -> None:
    report = generated(tmp_path, DEVICES[device])
    lines = dedent(DEVICES[device]).splitlines()
    assert [lines[number - 1].strip() for number in report["missing"]] == []


def test_the_same_seed_and_work_give_the_same_file_on_a_busy_machine_too(tmp_path: Path) -> None:
    text = DEVICES["several calls on one object"] + DEVICES["files"]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = generated(tmp_path / "a", text, seconds=0.5)
    assert first["tests"] > 5
    with busy_processor():
        again = generated(tmp_path / "b", text, seconds=0.5)
    assert (again["source"], again["work"]) == (first["source"], first["work"])


def test_tests_of_every_device_pass_under_plain_pytest(tmp_path: Path) -> None:
    together = "\n".join(dedent(text) for text in DEVICES.values())
    report = generated(tmp_path, together, seconds=1.5)
    (tmp_path / "test_m.py").write_text(report["source"], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_m.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert f"{report['tests']} passed" in done.stdout


def test_what_examples_import_stands_at_the_top(tmp_path: Path) -> None:
    text = """
        import collections

        def size(thing):
            '''How much is in it.

            >>> import collections as c
            >>> size(c.Counter("aab"))
            2
            '''
            if isinstance(thing, collections.Counter) and thing["a"] == 2:
                return len(thing)
            return 0
    """
    report = generated(tmp_path, text, seconds=0.3)
    assert report["missing"] == []
    imports = [line for line in report["source"].splitlines() if "import collections" in line]
    assert imports == ["import collections as c"]


def test_a_method_is_tested_on_the_class_that_defines_it(tmp_path: Path) -> None:
    text = """
        class Zone:
            def __init__(self, size: int) -> None:
                self.size = size

            def is_large(self) -> bool:
                if self.size > 10:
                    return True
                return False

        class Area(Zone):
            def name(self) -> str:
                return "area"
    """
    report = generated(tmp_path, text, seconds=0.5)
    assert report["missing"] == []
    assert {subject for subject in report["subjects"].values() if "is_large" in subject} == {
        "Zone.is_large"
    }


def test_how_a_loop_is_asked_for_is_no_answer_of_the_module(tmp_path: Path) -> None:
    text = DEVICES["methods that ask for the loop that runs"]
    assert "event loop" not in generated(tmp_path, text, seconds=0.5)["source"]
    assert "RuntimeError" not in (tmp_path / "report").read_text()
