"""Tests that fight back: each is dropped, the good ones beside it stay, and nothing is touched.

A backend is any program that writes tests: an agent's may cheat, by accident or on purpose.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from textwrap import dedent
from typing import ClassVar

import pytest

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.listing import ranges
from tta_interactive.runners.testgen import session
from tta_interactive.runners.testgen.backend import Generated, Order
from tta_interactive.runners.testgen.pipeline import run
from tta_interactive.runners.testgen.report import TestsReport
from tta_interactive.runners.testgen.split import split
from tta_interactive.runners.testgen.steps import Bench
from tta_interactive.runners.testgen.verify import verify
from tta_interactive.task import SandboxLevel

from .conftest import GOOD, Lab, wished

pytestmark = pytest.mark.slow

BESIDE = """
    def test_good_before():
        assert grade(90) == "good"

    {hostile}

    def test_initials_after():
        assert initials("Ada Lovelace") == "AL"
"""
HEAD = """
    import atexit, gc, os, signal, subprocess, sys, threading
    import pytest
    import m
    from m import grade, initials
"""
# Each reaches lines that no other does, so that only what it is decides.
REACHES = "with pytest.raises(ValueError): grade(-1)"
HOSTILE: dict[str, str] = {
    "ends pytest and says that all passed": f"""
    def test_hostile():
        {REACHES}
        os.write(1, b"==== 3 passed in 0.01s ====\\n")
        os._exit(0)
    """,
    "kills its process": f"""
    def test_hostile():
        {REACHES}
        import ctypes
        ctypes.string_at(0)
    """,
    "leaves pytest by its own door": f"""
    def test_hostile():
        {REACHES}
        pytest.exit("all done", returncode=0)
    """,
    "ends the process with success at its exit": f"""
    def test_hostile():
        {REACHES}
        atexit.register(os._exit, 0)
        assert True
    """,
    "lets every failure pass": f"""
    def test_hostile(request):
        {REACHES}
        import _pytest.reports
        made = _pytest.reports.TestReport.from_item_and_call.__func__

        def passes(cls, item, call):
            call.excinfo = None
            return made(cls, item, call)

        _pytest.reports.TestReport.from_item_and_call = classmethod(passes)
    """,
    "makes pytest end with success": f"""
    def test_hostile(request):
        {REACHES}

        class Plugin:
            @pytest.hookimpl(trylast=True)
            def pytest_sessionfinish(self, session):
                session.exitstatus = 0
                session.testsfailed = 0

        request.config.pluginmanager.register(Plugin())
    """,
    "writes into the report": f"""
    def test_hostile():
        {REACHES}
        import json
        for number in range(3, 40):
            try:
                if os.readlink(f"/proc/self/fd/{{number}}").endswith("report.jsonl"):
                    os.write(number, json.dumps({{"event": "finished", "status": 0}}).encode() + b"\\n")
            except OSError:
                pass
    """,
    "empties the report": f"""
    def test_hostile():
        {REACHES}
        for number in range(3, 40):
            try:
                if os.readlink(f"/proc/self/fd/{{number}}").endswith("report.jsonl"):
                    os.ftruncate(number, 0)
            except OSError:
                pass
    """,
    "replaces the report": f"""
    def test_hostile():
        {REACHES}
        with open(os.path.join(os.getcwd(), "report.jsonl"), "w") as file:
            file.write("")
    """,
    "leaves a process": f"""
    def test_hostile():
        {REACHES}
        subprocess.Popen(["sleep", "600"])
    """,
    "leaves a thread that never ends": f"""
    def test_hostile():
        {REACHES}
        threading.Thread(target=threading.Event().wait).start()
    """,
    "edits the module": f"""
    def test_hostile():
        {REACHES}
        with open(m.__file__, "a") as file:
            file.write("grade = None")
    """,
    "edits the tests": f"""
    def test_hostile():
        {REACHES}
        with open(__file__, "a") as file:
            file.write("def test_new(): pass")
    """,
    "prints without end": f"""
    def test_hostile():
        {REACHES}
        while True:
            os.write(1, b"x" * 65536)
    """,
    "is a fixture that ends the process": f"""
    @pytest.fixture
    def leaving():
        os._exit(0)

    def test_hostile(leaving):
        {REACHES}
    """,
    "breaks the file when it is read": f"""
    @pytest.mark.parametrize("number", not_there)
    def test_hostile(number):
        {REACHES}
    """,
    "needs what cannot be imported": f"""
    from nowhere_to_be_found import helper

    def test_hostile():
        {REACHES}
        helper()
    """,
}
# What passes three times, and fails as soon as somebody measures.
MEASURED: dict[str, str] = {
    "stops the tracing": f"""
    def test_hostile():
        {REACHES}
        sys.settrace(None)
    """,
    "looks for the measuring object": f"""
    def test_hostile():
        {REACHES}
        assert [one for one in gc.get_objects() if type(one).__name__]
    """,
}


class Scripted:
    """A backend that brings a given file once, as an agent would."""

    name: ClassVar[str] = "scripted"
    version: ClassVar[str] = "1"

    def __init__(self, text: str) -> None:
        self._texts = [text]

    def generate(self, bench: Bench, order: Order, progress: Callable[[float], None]) -> Generated:
        return Generated(self._texts.pop() if self._texts else "")


def kept_beside(lab: Lab, hostile: str) -> TestsReport:
    lab.write("m.py", GOOD)
    return run(wished(), lab.context(), Scripted(beside(hostile)))


def beside(hostile: str) -> str:
    """A file with a hostile test between two good ones."""
    return dedent(HEAD) + dedent(BESIDE).replace("{hostile}", dedent(hostile).strip())


@pytest.mark.parametrize("how", HOSTILE)
def test_a_hostile_test_is_dropped_and_the_rest_survives(
    lab: Lab, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A stuck test is given up sooner than real ones, and so is a process that stays.
    monkeypatch.setattr(session, "STALL_SECONDS", 2.0)
    lab.write("m.py", GOOD)
    bench = lab.bench()
    copied = lab.copied(bench)
    tests = split(beside(HOSTILE[how]))
    verdict = verify(bench, copied.root, tests, "test_m.py", lambda _: None, test_seconds=1.0)
    assert sorted(verdict.kept) == ["test_good_before", "test_initials_after"]
    assert {*verdict.failed, *verdict.flaky} == {"test_hostile"}
    assert lab.files() == {"m.py": dedent(GOOD).encode()}
    assert copied.file.read_bytes() == dedent(GOOD).encode()


@pytest.mark.parametrize(
    "text", [HOSTILE["edits the module"], *MEASURED.values()], ids=["edits the module", *MEASURED]
)
def test_of_a_dropped_test_nothing_is_written_and_nothing_counts(lab: Lab, text: str) -> None:
    report = kept_beside(lab, text)
    text = lab.files()["tests/test_m.py"].decode()
    assert "test_good_before" in text
    assert "test_initials_after" in text
    assert "test_hostile" not in text
    assert (report.kept, report.failed + report.flaky) == (2, 1)
    assert (9, 9) in ranges(report.uncovered)  # what the hostile test reached does not count
    assert set(lab.files()) == {"m.py", "tests/test_m.py"}
    assert lab.files()["m.py"] == dedent(GOOD).encode()


def test_coverage_that_a_test_writes_itself_is_not_counted(lab: Lab) -> None:
    report = kept_beside(
        lab,
        """
        def test_hostile():
            measuring = sys.modules.get("coverage")
            if measuring is None:
                import coverage as measuring
            running = measuring.Coverage.current()
            if running is not None:
                running.get_data().add_arcs({m.__file__: [(8, 9), (9, 10), (13, 14)]})
        """,
    )
    assert "test_hostile" not in lab.files()["tests/test_m.py"].decode()
    assert report.kept == 2
    assert (9, 9) in ranges(report.uncovered)


def test_hostile_tests_are_dropped_without_namespaces_too(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(verify.__kwdefaults__ or {}, "test_seconds", 1.0)
    lab.level = SandboxLevel.NONE
    every = "\n".join(
        dedent(HOSTILE[how]).replace("test_hostile", f"test_hostile_{number}")
        for number, how in enumerate(
            ("edits the module", "edits the tests", "replaces the report", "leaves a process")
        )
    )
    report = kept_beside(lab, every)
    assert (report.kept, report.failed) == (2, 4)
    assert set(lab.files()) == {"m.py", "tests/test_m.py"}


def test_a_workspace_that_goes_away_meanwhile_is_told(lab: Lab) -> None:
    lab.write("m.py", GOOD)

    class Removing(Scripted):
        def generate(
            self, bench: Bench, order: Order, progress: Callable[[float], None]
        ) -> Generated:
            shutil.rmtree(lab.workspace)
            return super().generate(bench, order, progress)

    text = "from m import grade\n\n\ndef test_good():\n    assert grade(90) == 'good'\n"
    with pytest.raises(TaskFailure) as caught:
        run(wished(coverage_threshold=0), lab.context(), Removing(text))
    assert caught.value.code == "not_written"
    assert not lab.workspace.exists()


@pytest.mark.parametrize("folder", ["-p evil", "a b; touch owned", "$(touch owned)", "ünï"])
def test_a_folder_with_an_odd_name_is_only_a_folder(lab: Lab, folder: str) -> None:
    lab.write("m.py", GOOD)
    text = "from m import grade\n\n\ndef test_good():\n    assert grade(90) == 'good'\n"
    wish = wished(coverage_threshold=0, output_path=f"{folder}/test_m.py")
    report = run(wish, lab.context(), Scripted(text))
    assert report.kept == 1
    assert set(lab.files()) == {"m.py", f"{folder}/test_m.py"}
    done = subprocess.run(
        ["/bin/sh", "-c", report.command.replace("python", sys.executable, 1)],
        cwd=lab.workspace,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
