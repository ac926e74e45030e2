"""A hundred kills at random moments, of everything that can be killed.

Invariants: what was acknowledged is there; each task ends exactly once; what may not be
repeated ran at most once; nothing is left running.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from tests.e2e.processes import marked, of_store, until
from tta_interactive.blocking import BlockingEngine
from tta_interactive.store import SqliteStore
from tta_interactive.worker.start import stop_worker, worker_pid

KILLS = 100
SECONDS = 150.0
SUBMITTERS = 2
SUBMITTER = Path(__file__).with_name("submitter.py")
TARGETS = ("worker", "worker", "shim", "shim", "shims", "worker and shims", "submitter", "zygote")


class Chaos:
    """Submitters that submit, and a killer that kills."""

    def __init__(self, home: Path, seed: int) -> None:
        self.home, self.mark = home, f"ttachaos-{os.getpid()}"
        self.starts = home.parent / "starts"
        self.random = random.Random(seed)
        self.acknowledged: dict[str, bool] = {}
        self.submitters: list[tuple[subprocess.Popen[str], Path]] = []
        self.kills: Counter[str] = Counter()

    def keep_submitting(self) -> None:
        """Collect what was acknowledged; replace submitters that ended."""
        for process, out in list(self.submitters):
            if process.poll() is not None:
                self.submitters.remove((process, out))
                self.collect(out)
        while len(self.submitters) < SUBMITTERS:
            out = self.home.parent / f"out{len(list(self.home.parent.glob('out*')))}"
            arguments = (self.home, self.starts, self.mark, self.random.randrange(10**6), 15)
            with out.open("w") as file:
                process = subprocess.Popen(
                    [sys.executable, str(SUBMITTER), *map(str, arguments)],
                    stdout=file,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            self.submitters.append((process, out))

    def collect(self, out: Path) -> None:
        for line in out.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                task_id, repeatable = line.split()
                self.acknowledged[task_id] = repeatable == "1"

    def kill_something(self) -> None:
        target = self.random.choice(TARGETS)
        worker = worker_pid(self.home)
        shims = self.named("tta-shim")
        victims: list[int] = []
        if "worker" in target and worker:
            victims.append(worker)
        if target == "shim" and shims:
            victims.append(self.random.choice(shims))
        if "shims" in target:
            victims += shims
        if target == "zygote":
            victims += self.named("tta-zygote")
        if target == "submitter" and self.submitters:
            victims.append(self.random.choice(self.submitters)[0].pid)
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
                self.kills[target] += 1
            except ProcessLookupError:
                pass

    def named(self, name: str) -> list[int]:
        """Our store's processes of that name."""
        found: list[int] = []
        for pid in of_store(self.home):
            try:
                if psutil.Process(pid).name() == name:
                    found.append(pid)
            except psutil.NoSuchProcess:
                continue
        return found

    def end_submitters(self) -> None:
        for process, out in self.submitters:
            process.kill()
            process.wait()
            self.collect(out)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [20261122])
def test_a_hundred_kills_lose_nothing_and_leave_nothing(
    home: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTA_SLOTS", "4")
    chaos = Chaos(home, seed)
    deadline = time.monotonic() + SECONDS
    try:
        while sum(chaos.kills.values()) < KILLS:
            assert time.monotonic() < deadline, f"only {chaos.kills} in {SECONDS:g} s"
            chaos.keep_submitting()
            time.sleep(chaos.random.uniform(0.02, 0.25))
            chaos.kill_something()
    finally:
        chaos.end_submitters()
    with BlockingEngine(home) as engine:
        left = [task.id for task in engine.list(limit=1000) if not task.is_final]
        for task in engine.wait_all(left, 90):
            assert task.is_final, f"{task.id} is still {task.status} after 90 s"
        tasks = {task.id: task for task in engine.list(limit=1000)}
    lost = set(chaos.acknowledged) - set(tasks)
    assert lost == set(), "acknowledged and gone"
    assert len(chaos.acknowledged) >= 30, "too few were submitted to prove anything"
    store = SqliteStore(home)
    events, seen = [], 0
    while some := store.events_after(seen):
        events += some
        seen = some[-1].seq
    store.close()
    final = Counter(e.task_id for e in events if e.kind == "moved" and e.status.is_final)
    assert dict.fromkeys(tasks, 1) == dict(final), "ended other than exactly once"
    started = Counter(line.split()[0] for line in chaos.starts.read_text().splitlines())
    twice = [i for i, n in started.items() if n > 1 and not tasks[i].idempotent]
    assert twice == [], "ran twice and may not"
    assert stop_worker(home)
    until(lambda: marked(chaos.mark) == [], 5, f"left behind: {marked(chaos.mark)}")
    until(lambda: of_store(home) == [], 5, f"left behind: {of_store(home)}")
    outcomes = Counter((t.status.value, t.error.code if t.error else "") for t in tasks.values())
    print(f"kills {dict(chaos.kills)}, tasks {len(tasks)}, outcomes {dict(outcomes)}")
