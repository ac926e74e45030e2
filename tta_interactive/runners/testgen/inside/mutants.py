"""Run the tests against one mutant after another, each in a copy of this process.

pytest is loaded once and the module never: each copy imports the changed module, runs the tests
that reach the change, stops at the first that fails, and is bounded in CPU and wall-clock time.
A copy that ends well has noticed nothing; however else it ends, the mutant is killed.
"""

import contextlib
import gc
import importlib.machinery
import importlib.util
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Generator
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

from .guard import Guard
from .place import limit_resources, put_on_path, write_report

POLL = 0.002


def run(job: dict[str, Any]) -> None:
    """Report `baseline`, the exit code without a change, and `outcomes`, in the order of the
    mutants: `killed`, `survived`, or None for those that there was no time for."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    started = time.monotonic()
    pytest.main(["-q", "--collect-only", "-p", "no:cacheprovider", job["nothing"]])
    gc.freeze()  # the copies share what is there now
    text = importlib.util.decode_source(Path(job["file"]).read_bytes())
    wall = time.monotonic()
    baseline, cpu = _try(job, text, None, job["baseline_seconds"], None)
    wall = time.monotonic() - wall
    outcomes: list[str | None] = []
    for mutant in job["mutants"] if baseline == 0 else ():
        if time.monotonic() - started > job["seconds"]:
            outcomes.append(None)
            continue
        changed = text[: mutant["start"]] + mutant["new"] + text[mutant["end"] :]
        code, _ = _try(job, changed, mutant["tests"], 10 * wall + 10, 4 * cpu + 0.5)
        outcomes.append("killed" if code else "survived")
    write_report(job["report"], {"baseline": baseline, "outcomes": outcomes})


def _try(
    job: dict[str, Any], text: str, tests: list[str] | None, wall: float, cpu: float | None
) -> tuple[int, float]:
    """(exit code, seconds of CPU time) of a copy of this process that runs the tests."""
    pid = os.fork()
    if pid == 0:
        try:
            _be_the_copy(job, text, tests, cpu)
        finally:
            os._exit(1)
    end = time.monotonic() + wall
    while True:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
        time.sleep(POLL)


def _be_the_copy(
    job: dict[str, Any], text: str, tests: list[str] | None, cpu: float | None
) -> None:
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    if cpu is not None:
        signal.setitimer(signal.ITIMER_PROF, cpu)  # its signal ends the process
        with contextlib.suppress(ValueError, OSError):  # there is a lower limit already
            resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(cpu) + 1, math.ceil(cpu) + 2))
    limit_resources()
    put_on_path(job["root"])
    sys.meta_path.insert(0, _Changed(job["module"], job["file"], text))
    guard = Guard(job["writable"], commands=job["commands"])
    guard.install()
    code = pytest.main(job["arguments"], plugins=[_Chosen(tests, guard)])
    os._exit(int(code))


class _Changed:
    """Finds the module where it is, and gives it another text."""

    def __init__(self, name: str, file: str, text: str) -> None:
        self._name, self._file, self._text = name, file, text

    def find_spec(
        self, name: str, path: Any = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self._name:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and os.path.realpath(spec.origin or "") == os.path.realpath(self._file):
            spec.loader = _Loader(name, self._file, self._text)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, file: str, text: str) -> None:
        super().__init__(name, file)
        self._text = text

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._text, self.path, "exec", dont_inherit=True)


class _Chosen:
    """Runs only the tests that were chosen; None: all."""

    def __init__(self, tests: list[str] | None, guard: Guard) -> None:
        self._tests, self._guard = None if tests is None else set(tests), guard

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self._tests is not None:
            items[:] = [item for item in items if _unit_of(item.nodeid) in self._tests]

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_pyfunc_call(self) -> Generator[None, object, object]:
        self._guard.in_a_call = True
        try:
            return (yield)
        finally:
            self._guard.in_a_call = False


def _unit_of(nodeid: str) -> str:
    return nodeid.partition("::")[2].partition("::")[0].partition("[")[0]
