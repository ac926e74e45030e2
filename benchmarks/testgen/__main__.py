"""`python -m benchmarks.testgen`: measure every module and print the table.

    --only h11._events,janus   these modules
    --quick                    every sixth module, 5 seconds each
    --peers pynguin            Pynguin too, on the same budget, in turns
    --mutants 0                without mutation scores
    --fresh                    measure again what was measured before
    --report                   write the table and the plot into docs/

The pipeline runs as it does for a user, sandboxed. Each result is kept in the cache directory
(`.cache/bench-testgen`, or TTA_BENCH_CACHE), so that an interrupted run goes on.
"""

import argparse
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.testgen import report
from benchmarks.testgen.environment import CACHE, ROOT, bench_python
from benchmarks.testgen.modules import MODULES, Module
from benchmarks.testgen.runs import OURS, Options, kept_file, run_all
from benchmarks.testgen.table import figures, goals, growth, markdown

QUICK = 6
PEERS = ("pynguin",)


def main() -> int:
    """Run what the command line asks for."""
    asked = _arguments()
    modules = _chosen(asked.only)
    if asked.quick:
        modules, asked.budget = modules[::QUICK] or modules, min(asked.budget, 5)
    tools = (OURS, *asked.peers)
    python = bench_python()
    options = Options(asked.budget, asked.seed, asked.mutants, asked.jobs, asked.fresh)
    results = run_all(python, modules, tools, options, _say)
    orders = [_in_any_order(python, modules, tool) for tool in tools]
    text = "\n\n".join(
        [
            _conditions(asked),
            goals(modules, tools, results),
            "\n".join(words for _, words in orders),
            *filter(None, (growth(modules, tool, results, python) for tool in tools)),
            markdown(modules, tools, results, python),
        ]
    )
    print(text)
    if asked.report:
        report.write_page(text)
        report.draw(modules, tools, results)
    return max(code for code, _ in orders)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.testgen")
    parser.add_argument("--only", metavar="NAME,...", help="modules, or parts of their names")
    parser.add_argument("--quick", action="store_true", help="every sixth module, 5 s each")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=[], help="other generators")
    parser.add_argument("--budget", type=float, default=20, help="seconds for writing tests")
    parser.add_argument("--mutants", type=int, default=40, help="small changes of each module")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="modules at a time")
    parser.add_argument("--fresh", action="store_true", help="forget earlier results")
    parser.add_argument("--report", action="store_true", help="write into docs/")
    return parser.parse_args()


def _chosen(only: str | None) -> list[Module]:
    if not only:
        return list(MODULES)
    parts = only.split(",")
    chosen = [module for module in MODULES if any(part in module.name for part in parts)]
    if not chosen:
        known = ", ".join(module.name for module in MODULES)
        raise SystemExit(f"There is no module like {only!r}. There are: {known}.")
    return chosen


def _conditions(asked: argparse.Namespace) -> str:
    when = datetime.now(UTC).strftime("%Y-%m-%d")
    return (
        f"Measured on {when} with Python {platform.python_version()} on {os.cpu_count()} cores, "
        f"{asked.jobs} module{'s' if asked.jobs > 1 else ''} at a time: {asked.budget:g} s of "
        f"search a module, seed {asked.seed}, {asked.mutants} mutants a module."
    )


def _say(module: Module, tool: str, result: dict[str, Any]) -> None:
    if "failure" in result:
        print(f"  {module.name} ({tool}): {result['failure'][1]}", file=sys.stderr, flush=True)
        return
    found = figures(result)
    killed = f", {found['killed %']:.1f} % killed" if "killed %" in found else ""
    print(
        f"  {module.name} ({tool}): {found['kept']:.0f} of {found['tests']:.0f} tests, "
        f"{found['line %']:.1f} % line, {found['branch %']:.1f} % branch{killed}, "
        f"{found['s']:.0f} s",
        file=sys.stderr,
        flush=True,
    )


def _in_any_order(python: Path, modules: list[Module], tool: str) -> tuple[int, str]:
    """Run all kept files in one process of plain pytest, in a random order."""
    files = [str(file) for module in modules if (file := kept_file(module, tool)).is_file()]
    if not files:
        return 1, f"- {tool}: no file was kept"
    command = [
        str(python), "-m", "pytest", "-q", "--tb=short", "-p", "benchmarks.testgen.shuffle",
        "-p", "no:cacheprovider", f"--rootdir={CACHE}", "-c", "/dev/null", *files,
    ]  # fmt: skip
    ran = subprocess.run(
        command, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}, cwd=CACHE, check=False,
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    lines = ran.stdout.strip().splitlines()
    if ran.returncode:
        print("\n".join(lines[-60:]), file=sys.stderr)
    last = lines[-1].strip("= ") if lines else ran.stderr.strip()[-200:]
    return ran.returncode, (
        f"- all {len(files)} files that {tool} keeps, in one process of plain pytest and in a random "
        f"order: {last}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
