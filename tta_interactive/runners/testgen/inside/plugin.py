"""The pytest plugin that says what became of each test, in a file of its own.

Standard output is never asked. Tests run beside it in one process, so it takes care that they
meet nothing of ours or of coverage by chance, and two tests of our own at the end (`canary.py`)
show whether a failing test still fails and a passing one passes.
"""

import json
import os
import random
import signal
import sys
from collections.abc import Generator
from types import ModuleType
from typing import Any

import pytest

from .guard import Guard
from .place import limit_resources, put_on_path
from .record import Record, read_key

HIDDEN = ("coverage", "_tta_inside")
CANARY = "test_tta_canary_"
KEY = read_key()  # now: pytest puts something else on standard input before it configures us


class TookTooLong(BaseException):
    """A test ran longer than it may."""


class Reporter:
    """Writes what happens; runs the tests that were asked for, in the order asked for."""

    def __init__(self, settings: dict[str, Any], guard: Guard, record: Record) -> None:
        self._settings = settings
        self._guard = guard
        self._tell = record.tell
        self._bad: dict[str, str] = {}
        self._passed: set[str] = set()
        self._hidden: dict[str, ModuleType] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        # A test that imports one of these gets another copy: none that measures or reports.
        for name in [name for name in sys.modules if name.split(".")[0] in HIDDEN]:
            self._hidden[name] = sys.modules.pop(name)
        return (yield)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._tell(event="broken", text=str(report.longrepr)[-4000:])

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        without = set(self._settings["without"])
        items[:] = [item for item in items if unit_of(item.nodeid) not in without]
        seed = self._settings["shuffle"]
        if seed is not None:
            random.Random(seed).shuffle(items)  # noqa: S311
        if self._settings["backwards"]:
            items.reverse()
        items.sort(key=lambda item: unit_of(item.nodeid).startswith(CANARY))  # keeps the order
        module = sys.modules.get(self._settings["module"])
        self._tell(event="collected", count=len(items), file=getattr(module, "__file__", None))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._tell(event="started", test=unit_of(item.nodeid))
        self._bad[item.nodeid] = ""

        def stop(*_: object) -> None:
            raise TookTooLong(f"longer than {self._settings['timeout']:g} s")

        signal.signal(signal.SIGALRM, stop)
        limit = self._settings["timeout"]
        signal.setitimer(signal.ITIMER_REAL, limit, limit)  # again and again: it may be caught
        try:
            return (yield)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            # Without a report of its body the test was interrupted: that is no pass.
            why = self._bad[item.nodeid]
            if not why and item.nodeid not in self._passed:
                why = "it was interrupted"
            outcome = "failed" if why else "passed"
            self._tell(event="ended", test=unit_of(item.nodeid), outcome=outcome, text=why)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_pyfunc_call(self) -> Generator[None, object, object]:
        self._guard.in_a_call = True  # pytest itself sets variables around each test
        try:
            return (yield)
        finally:
            self._guard.in_a_call = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # Skipped and expected failures prove nothing: only a plain pass counts.
        if report.outcome != "passed" or hasattr(report, "wasxfail"):
            self._bad[report.nodeid] = str(report.longrepr)[-1000:] or report.outcome
        elif report.when == "call":
            self._passed.add(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        sys.modules.update(self._hidden)
        self._tell(event="finished", status=int(exitstatus))


def unit_of(nodeid: str) -> str:
    """The name of the function or class at the top of the file that a test belongs to."""
    return nodeid.partition("::")[2].partition("::")[0].partition("[")[0]


def pytest_configure(config: pytest.Config) -> None:
    settings = json.loads(os.environ.pop("TTA_STEP"))
    record = Record(settings["report"], KEY)
    guard = Guard(settings["writable"], commands=settings["commands"], ours=[settings["report"]])
    if settings["guard"]:
        limit_resources()
        guard.install()
    if settings["root"]:
        put_on_path(settings["root"])
    config.pluginmanager.register(Reporter(settings, guard, record))
