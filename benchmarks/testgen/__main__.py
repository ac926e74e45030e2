"""`python -m benchmarks.testgen`: measure every module and print the table.

    --only h11._events,janus   these modules
    --quick                    five modules, 5 seconds each
    --fresh                    measure again what was measured before

The pipeline runs as it does for a user, sandboxed. Each result is kept in the cache directory
(`.cache/bench-testgen`, or TTA_BENCH_CACHE), so that an interrupted run goes on.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.testgen.environment import CACHE, ROOT, bench_python
from benchmarks.testgen.modules import MODULES, Module
from benchmarks.testgen.runs import Options, kept_file, run_all
from benchmarks.testgen.table import figures, markdown

QUICK = 6


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.testgen")
    parser.add_argument("--only", metavar="NAME,...", help="modules, or parts of their names")
    parser.add_argument("--quick", action="store_true", help="every sixth module, 5 s each")
    parser.add_argument("--budget", type=float, default=20, help="seconds for writing tests")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="modules at a time")
    parser.add_argument("--fresh", action="store_true", help="forget earlier results")
    asked = parser.parse_args()
    modules = _chosen(asked.only)
    if asked.quick:
        modules, asked.budget = modules[::QUICK] or modules, min(asked.budget, 5)
    tools = ("native",)
    python = bench_python()
    options = Options(asked.budget, asked.seed, asked.jobs, asked.fresh)
    results = run_all(python, modules, tools, options, _say)
    print(markdown(modules, tools, results))
    return max(_pass_in_any_order(python, modules, tool) for tool in tools)


def _chosen(only: str | None) -> list[Module]:
    if not only:
        return list(MODULES)
    parts = only.split(",")
    chosen = [module for module in MODULES if any(part in module.name for part in parts)]
    if not chosen:
        known = ", ".join(module.name for module in MODULES)
        raise SystemExit(f"There is no module like {only!r}. There are: {known}.")
    return chosen


def _say(module: Module, tool: str, result: dict[str, Any]) -> None:
    if "failure" in result:
        print(f"  {module.name} ({tool}): {result['failure'][1]}", file=sys.stderr, flush=True)
        return
    found = figures(result)
    print(
        f"  {module.name} ({tool}): {found['kept']:.0f} of {found['tests']:.0f} tests, "
        f"{found['line %']:.1f} % line, {found['branch %']:.1f} % branch, {found['s']:.0f} s",
        file=sys.stderr,
        flush=True,
    )


def _pass_in_any_order(python: Path, modules: list[Module], tool: str) -> int:
    """Run all kept files in one process of plain pytest, in a random order."""
    files = [str(file) for module in modules if (file := kept_file(module, tool)).is_file()]
    if not files:
        return 1
    command = [
        str(python), "-m", "pytest", "-q", "--tb=short", "-p", "benchmarks.testgen.shuffle",
        "-p", "no:cacheprovider", f"--rootdir={CACHE}", "-c", "/dev/null", *files,
    ]  # fmt: skip
    ran = subprocess.run(
        command, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}, cwd=CACHE, check=False,
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    lines = ran.stdout.strip().splitlines()
    print(f"\nAll {len(files)} kept files ({tool}), one pytest, random order: {lines[-1:]}")
    if ran.returncode:
        print("\n".join(lines[-40:]))
    return ran.returncode


if __name__ == "__main__":
    raise SystemExit(main())
