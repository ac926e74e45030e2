"""Run modules through tools, as many at a time as wanted; what was measured once is kept.

A result is kept under a key of what it depends on: the module's release, the tool, the options
and, for our own generator, all of its sources. An interrupted run goes on where it stopped.
"""

import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.testgen.environment import CACHE, PYNGUIN, ROOT, TOOLS, pynguin_python
from benchmarks.testgen.modules import Module

SOURCES = ROOT / "tta_interactive" / "runners" / "testgen"
WALL_SECONDS = 900.0
OURS = "native"


@dataclass(frozen=True)
class Options:
    """What one run of the bench asks of each tool."""

    budget: float
    seed: int
    mutants: int
    jobs: int
    is_fresh: bool
    """Measure again what was measured before."""


def run_all(
    python: Path,
    modules: Iterable[Module],
    tools: tuple[str, ...],
    options: Options,
    say: Callable[[Module, str, dict[str, Any]], None],
) -> dict[tuple[str, str], dict[str, Any]]:
    """(module, tool) -> its result; both tools of one module one after the other, in turns."""
    results: dict[tuple[str, str], dict[str, Any]] = {}

    def both(numbered: tuple[int, Module]) -> None:
        number, module = numbered
        for tool in tools if number % 2 else tools[::-1]:
            results[module.name, tool] = _one(python, module, tool, options)
            say(module, tool, results[module.name, tool])

    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(both, enumerate(modules)))
    return results


def kept_file(module: Module, tool: str) -> Path:
    """Where the kept tests of a module lie."""
    return CACHE / "kept" / tool / f"test_{module.slug}.py"


def _one(python: Path, module: Module, tool: str, options: Options) -> dict[str, Any]:
    params = {
        "module_path": module.name,
        "output_path": f"test_{module.slug}.py",
        "backend": tool,
        "budget": options.budget,
        "seed": options.seed,
        # More than can be had: the tools use the whole of their budget.
        "coverage_threshold": 100,
        "mutants": options.mutants,
        "overwrite": True,
        "use_cache": False,
    }
    key = _key(module, tool, params)
    store = CACHE / "results" / f"{module.slug}.{tool}.json"
    if not options.is_fresh and store.is_file():
        known = json.loads(store.read_bytes())
        if known["key"] == key:
            return known
    workspace = kept_file(module, tool).parent
    kept_file(module, tool).unlink(missing_ok=True)
    result = _in_a_process(python, {"params": params, "workspace": str(workspace)}, store)
    result["key"] = key
    store.write_text(json.dumps(result), encoding="utf-8")
    return result


def _in_a_process(python: Path, job: dict[str, Any], store: Path) -> dict[str, Any]:
    store.parent.mkdir(parents=True, exist_ok=True)
    store.unlink(missing_ok=True)
    file = store.with_suffix(".job")
    file.write_text(json.dumps(job | {"result": str(store)}), encoding="utf-8")
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    if job["params"]["backend"] != OURS:
        variables["TTA_PYNGUIN_PYTHON"] = str(pynguin_python())
    child = subprocess.Popen(
        [str(python), "-m", "benchmarks.testgen.one", str(file)],
        cwd=ROOT,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = child.communicate(timeout=WALL_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        return {"failure": ["timeout", f"over {WALL_SECONDS:g} s", ""]}
    finally:
        file.unlink()
    if child.returncode or not store.is_file():
        return {"failure": ["crash", output.decode("utf-8", "replace")[-2000:], ""]}
    return json.loads(store.read_bytes())


def _key(module: Module, tool: str, params: dict[str, Any]) -> str:
    sources = hashlib.sha256()
    if tool == OURS:  # a peer's tests do not change with our sources: --fresh measures them again
        for file in sorted(SOURCES.rglob("*.py")):
            sources.update(file.read_bytes())
    asked = json.dumps([module.package, TOOLS, PYNGUIN, params], sort_keys=True)
    return hashlib.sha256(f"{asked}{sources.hexdigest()}".encode()).hexdigest()
