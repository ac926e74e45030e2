"""Import the module once, alone, and say what happened and what the import alone covers."""

import ast
import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

import coverage

from .guard import Guard, Refused
from .place import limit_resources, put_on_path, write_report


def run(job: dict[str, Any]) -> None:
    """Report `stage` `importing`, then what came of it.

    The first report stays if the module ends the process: that is how it is told.
    """
    pid = os.getpid()
    write_report(job["report"], {"stage": "importing"})
    limit_resources()
    guard = Guard(job["writable"], commands=job["commands"])
    guard.install()
    put_on_path(job["root"])
    measured = coverage.Coverage(
        data_file=job["data"], config_file=False, branch=True, include=[job["include"]]
    )
    report: dict[str, Any] = {"stage": "imported"}
    # CPython 3.11.7 crashes when it parses a text that it has so far only compiled under a C
    # tracer (seen with cssselect 1.6.0); coverage parses the module for its report.
    ast.parse(Path(job["file"]).read_bytes())
    measured.start()
    try:
        module = importlib.import_module(job["module"])
    except BaseException as error:  # whatever the module raises: this is the boundary
        report = _failure(error)
    else:
        report |= _facts(module, job["file"])
    finally:
        measured.stop()
    if os.getpid() != pid:
        os._exit(0)  # a copy of us that the module made
    if "error" not in report:
        report["baseline"] = _baseline(measured, job["file"], job["baseline"])
    write_report(job["report"], report)
    os._exit(0)  # threads and exit hooks of the module have no say


def _failure(error: BaseException) -> dict[str, Any]:
    kind = "refused" if isinstance(error, Refused) else "raised"
    lines = traceback.format_exception_only(error)
    return {
        "stage": "imported",
        "error": kind,
        "type": type(error).__name__,
        "message": lines[-1].strip()[:500],
        "trace": "".join(traceback.format_exception(error))[-4000:],
    }


def _facts(module: ModuleType, file: str) -> dict[str, Any]:
    found = getattr(module, "__file__", None)
    if not isinstance(found, str) or os.path.realpath(found) != os.path.realpath(file):
        return {"error": "other", "type": "", "message": str(found)[:500], "trace": ""}
    own: list[str] = []
    borrowed: set[str] = set()
    for name, value in vars(module).items():
        home = getattr(value, "__module__", None)
        if name.startswith("_") or not callable(value):
            continue
        if home == module.__name__:
            own.append(name)
        elif isinstance(home, str) and home.split(".")[0] == module.__name__.split(".")[0]:
            borrowed.add(home)
    return {"own": len(own), "borrowed": sorted(borrowed)[:10], "python": sys.version.split()[0]}


def _baseline(measured: Any, file: str, output: str) -> dict[str, Any]:
    """The numbers of coverage's own JSON report, after the import and nothing else."""
    try:
        measured.json_report(outfile=output)
    except coverage.CoverageException:
        return {}  # nothing was measured: the module holds no statement
    with open(output, encoding="utf-8") as text:
        files = json.load(text)["files"]
    for name, facts in files.items():
        if os.path.realpath(name) == os.path.realpath(file):
            return facts["summary"]
    return {}
