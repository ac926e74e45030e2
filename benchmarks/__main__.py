"""`python -m benchmarks`: measure every figure of docs/benchmarks.md and print the table.

Each figure and its yardstick are measured in turns, three rounds in one run, on whatever
machine this is. Read the ratios; the milliseconds are this machine's.
"""

import argparse
import asyncio
import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from math import sqrt
from pathlib import Path

from benchmarks.measure import Figure, table, timed
from benchmarks.notebook import measure as in_kernel
from tta_interactive.blocking import BlockingEngine
from tta_interactive.request import TaskRequest, as_task
from tta_interactive.sandbox import probe
from tta_interactive.store import Ending, SqliteStore
from tta_interactive.task import SandboxLevel, TaskStatus
from tta_interactive.worker.start import stop_worker, worker_pid

ROUNDS = 3
POOL = ("call", {"function": "math:sqrt", "args": [2]})
SHELL = ("shell", {"argv": ["true"]})
ISOLATED = ("call", {"function": "math:sqrt", "args": [2], "isolation": "process"})
FUNCTION_IN_WORKER = "benchmarks.probe:clock"


class Bench:
    """One run: a store, its engine and the figures found."""

    def __init__(self, quick: bool) -> None:
        self.scale = 5 if quick else 1
        self.base = Path(tempfile.mkdtemp(prefix="ttab-", dir="/tmp"))
        self.home = self.base / "s"
        self.engine = BlockingEngine(self.home)
        self.figures: list[Figure] = []

    def times(self, number: int) -> int:
        return max(5, number // self.scale)

    def add(self, figure: Figure) -> None:
        self.figures.append(figure)
        print(f"  {figure.name}: {figure.p50:.3g} {figure.unit}", file=sys.stderr)

    def compare(
        self,
        name: str,
        ours: Callable[[], object],
        yardstick: str,
        theirs: Callable[[], object],
        *,
        times: int,
        most: float | None = None,
        most_ms: float | None = None,
    ) -> None:
        """Measure ours and the yardstick in turns."""
        mine, other = Figure(name, "ms"), Figure(f"  ({yardstick})", "ms")
        for _ in range(ROUNDS):
            other.values += timed(theirs, self.times(times))
            mine.values += timed(ours, self.times(times))
        mine.yardstick, mine.ratio = yardstick, mine.p50 / other.p50
        if most is not None:
            mine.target, mine.met = f"<= {most:g}x", mine.ratio <= most
        if most_ms is not None:
            mine.target, mine.met = f"<= {most_ms:g} ms", mine.p50 <= most_ms
        self.add(mine)
        self.add(other)

    def trip(self, job: tuple[str, dict], **options: object) -> Callable[[], object]:
        def go() -> None:
            task = self.engine.wait(self.engine.submit(*job, **options), 30)
            assert task.status is TaskStatus.COMPLETED, task

        return go

    def close(self) -> None:
        self.engine.close()
        stop_worker(self.home)
        shutil.rmtree(self.base, ignore_errors=True)


def submits(b: Bench) -> None:
    db = sqlite3.connect(b.base / "bare.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT)")

    def insert() -> object:
        return db.execute("INSERT INTO t (body) VALUES (?)", ("x" * 300,))

    # A time in the future: what is measured is the submit, not the work.
    later = datetime(2100, 1, 1, tzinfo=UTC)
    b.engine.wait(b.engine.submit(*SHELL), 30)
    b.compare(
        "submit, warm",
        lambda: b.engine.submit(*SHELL, not_before=later),
        "bare SQLite insert, FULL",
        insert,
        times=500,
        most=2,
    )
    many = Figure("submit_many of 1,000, each", "us", target="<= 30 us")
    requests = [TaskRequest(kind=POOL[0], params=POOL[1], not_before=later)] * 1000
    for _ in range(ROUNDS):
        many.values += [1000 * ms / 1000 for ms in timed(lambda: b.engine.submit_many(requests), 3)]
    many.met = many.p50 <= 30
    b.add(many)


def round_trips(b: Bench) -> None:
    with ProcessPoolExecutor(2) as pool:
        pool.submit(sqrt, 2).result()
        b.trip(POOL)()
        b.compare(
            "round trip, pool",
            b.trip(POOL),
            "ProcessPoolExecutor(2)",
            lambda: pool.submit(sqrt, 2).result(),
            times=300,
            most=2,
        )

    async def bare() -> None:
        process = await asyncio.create_subprocess_exec("true")
        await process.wait()

    loop = asyncio.new_event_loop()
    yard = ("asyncio subprocess of `true`", lambda: loop.run_until_complete(bare()))
    b.compare("round trip, isolated `true`", b.trip(SHELL), *yard, times=100, most_ms=10)
    b.compare("round trip, isolated function", b.trip(ISOLATED), *yard, times=100, most_ms=10)
    if probe() >= SandboxLevel.NAMESPACES:
        boxed = b.trip(SHELL, sandbox="namespaces")
        b.compare("round trip, `true` in bubblewrap", boxed, *yard, times=60, most_ms=40)
    loop.close()


def latencies(b: Bench) -> None:
    """Submit to start and finish to woken, by the tasks' own clocks."""
    start, woken = Figure("submit to start, pool", "ms"), Figure("finish to woken, 1 waiter", "ms")
    here = {"function": FUNCTION_IN_WORKER}
    root = str(Path(__file__).parent.parent)
    for _ in range(b.times(300)):
        before = time.time()
        task = b.engine.wait(b.engine.submit("call", here, workspace=root), 30)
        after = time.time()
        assert isinstance(task.result, float), task
        start.values.append((task.result - before) * 1e3)
        woken.values.append((after - task.result) * 1e3)
    woken.target, woken.met = "<= 1 ms", woken.p50 <= 1
    b.add(start)
    b.add(woken)
    crowd = Figure("finish to woken, 200 waiters", "ms", target="<= 1 ms")
    others = [b.engine.submit("shell", {"argv": ["sleep", "600"]}) for _ in range(1)]
    threads = [
        threading.Thread(target=b.engine.wait, args=(others[0], 60), daemon=True)
        for _ in range(199)
    ]
    for thread in threads:
        thread.start()
    for _ in range(b.times(200)):
        task = b.engine.wait(b.engine.submit("call", here, workspace=root), 30)
        assert isinstance(task.result, float), task
        crowd.values.append((time.time() - task.result) * 1e3)
    b.engine.cancel(others[0])
    for thread in threads:
        thread.join()
    crowd.met = crowd.p50 <= 1
    b.add(crowd)


def throughput(b: Bench) -> None:
    for name, job, times, least in (
        ("throughput, pool", POOL, 4000, 4000),
        ("throughput, isolated `true`", SHELL, 500, 500),
        ("throughput, isolated function", ISOLATED, 500, None),
    ):
        figure = Figure(name, "tasks/s")
        number = b.times(times)
        for _ in range(ROUNDS):
            requests = [TaskRequest(kind=job[0], params=job[1])] * number
            begin = time.perf_counter()
            b.engine.wait_all(b.engine.submit_many(requests), 120)
            figure.values.append(number / (time.perf_counter() - begin))
        if least:
            figure.target, figure.met = f">= {least}", figure.p50 >= least
        b.add(figure)
    figure = Figure("  (ProcessPoolExecutor(2), no record)", "tasks/s")
    with ProcessPoolExecutor(2) as pool:
        pool.submit(sqrt, 2).result()
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            for future in [pool.submit(sqrt, 2) for _ in range(b.times(4000))]:
                future.result()
            figure.values.append(b.times(4000) / (time.perf_counter() - begin))
    b.add(figure)


def large_record(b: Bench) -> None:
    """A store with 100,000 finished tasks, made through the store itself."""
    home = b.base / "large"
    maker = SqliteStore(home)
    maker.last_event()
    maker.close()
    store = SqliteStore(home, of_worker=True)
    number = b.times(100_000)
    now = datetime.now(UTC)
    request = TaskRequest(kind=POOL[0], params=POOL[1])
    last = ""
    for _ in range(number // 1000):
        tasks = [
            as_task(request, owner="python", python=sys.executable, at=now) for _ in range(1000)
        ]
        last = store.add(tasks)[-1].id
        done = [
            Ending(task_id=t.id, attempt=1, status=TaskStatus.COMPLETED, result=1.5)
            for t in store.exchange([], 1000, now)
        ]
        store.exchange(done, 0, now)
    store.checkpoint()
    size = (home / "tasks.db").stat().st_size
    engine = BlockingEngine(home)
    status = Figure(f"status, {number:,} on record", "ms", target="<= 0.1 ms")
    status.values = timed(lambda: engine.status(last), b.times(2000))
    status.met = status.p50 <= 0.1
    listing = Figure(f"list of 50, {number:,} on record", "ms", target="<= 3 ms")
    listing.values = timed(lambda: engine.list(limit=50), b.times(300))
    listing.met = listing.p50 <= 3
    growth = Figure(
        "store growth, a finished small task", "bytes", [size / number], target="<= 2048"
    )
    growth.met = growth.p50 <= 2048
    for figure in (status, listing, growth):
        b.add(figure)
    engine.close()
    store.close()


def starts(b: Bench) -> None:
    """Fresh processes: the first result, the notebook extension, the MCP server."""
    cold = Figure("cold start: fresh process to first result", "ms", target="<= 500 ms")
    code = "import tta_interactive as t; t.wait(t.submit('shell', {'argv': ['true']}), 30)"
    for number in range(b.times(15)):
        home = b.base / f"cold{number}"
        env = {**os.environ, "TTA_HOME": str(home)}
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], env=env, check=True)
        cold.values.append((time.perf_counter() - begin) * 1e3)
        stop_worker(home)
    cold.met = cold.p50 <= 500
    b.add(cold)
    probe_file = str(Path(__file__).with_name("probe.py"))
    for name, what, target in (
        ("%load_ext beyond IPython", "load_ext", 5.0),
        ("MCP server, start to initialized, over the bare SDK's", "mcp", None),
    ):
        found = subprocess.run(
            [sys.executable, probe_file, what], capture_output=True, text=True, check=False
        )
        if found.returncode:
            print(f"  {name}: not measured: {found.stderr[-200:]}", file=sys.stderr)
            continue
        facts = json.loads(found.stdout)
        figure = Figure(name, facts["unit"], facts["values"])
        if target is not None:
            figure.target, figure.met = f"<= {target:g} ms", figure.p50 <= target
        if "ratio" in facts:
            figure.yardstick, figure.ratio = "bare SDK server", facts["ratio"]
            figure.target, figure.met = "<= 1.15x", facts["ratio"] <= 1.15
        b.add(figure)


def idle(b: Bench) -> None:
    """CPU and memory of a worker that has nothing to do."""
    home = b.base / "idle"
    with BlockingEngine(home) as engine:
        engine.wait(engine.submit(*SHELL), 30)
        pid = worker_pid(home)
        time.sleep(5)  # the last word of a task, and what is put away after it, is no idling
        begin = _cpu_seconds(pid)
        seconds = 60 / b.scale
        time.sleep(seconds)  # the stretch that is measured: nothing happens in it
        used = (_cpu_seconds(pid) - begin) / seconds * 100
        status = Path(f"/proc/{pid}/status").read_text()
        memory = int(status.split("VmRSS:")[1].split()[0]) / 1024
    stop_worker(home)
    b.add(Figure("idle worker, CPU", "%", [used], target="<= 0.1 %", met=used <= 0.1))
    b.add(Figure("idle worker, memory", "MiB", [memory], target="<= 40 MiB", met=memory <= 40))


def _cpu_seconds(pid: int | None) -> float:
    fields = Path(f"/proc/{pid}/schedstat").read_text().split()
    return int(fields[0]) / 1e9


def notebook(b: Bench) -> None:
    """The magics in a real kernel: `benchmarks.notebook`."""
    for figure in in_kernel():
        b.add(figure)


def main() -> int:
    """Run all and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of the repetitions")
    parser.add_argument("--only", default="", help="names of parts, separated by commas")
    options = parser.parse_args()
    parts = (submits, round_trips, latencies, throughput, large_record, starts, notebook, idle)
    bench = Bench(options.quick)
    try:
        for part in parts:
            if not options.only or part.__name__ in options.only.split(","):
                part(bench)
    finally:
        bench.close()
    print(
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"{os.cpu_count()} cores, {platform.system()} {platform.release()}\n"
    )
    print(table(bench.figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
