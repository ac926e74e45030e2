"""The search counts its work: a busy machine does the same, and the clock is for emergencies."""

import contextlib
import gc
import os
import random
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tta_interactive.runners.testgen.inside.generate.trace import Outcome, Runner
from tta_interactive.runners.testgen.inside.generate.work import Stopwatch, Work
from tta_interactive.runners.testgen.inside.guard import Guard

MODULE = """
def spin(count):
    while count:
        count -= 1
    return count


def helped(count):
    return sum(one(part) for part in range(count))


def one(part):
    return part


def stubborn():
    while True:
        try:
            while True:
                one(1)
        except BaseException:
            return "caught"
"""


@pytest.fixture(autouse=True)
def nothing_to_collect() -> Iterator[None]:
    """What other tests left in this process takes longer to collect than a run here may last."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@contextlib.contextmanager
def busy_processor() -> Generator[None]:
    """Another program that wants this processor all the time."""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(mine)})
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as other:
        try:
            yield
        finally:
            other.kill()
            os.sched_setaffinity(0, mine)


class Counted:
    """A runner of statements, and what it counts."""

    def __init__(self, own: Path, limit: float = 5.0) -> None:
        file = own / "spun.py"
        file.write_text(MODULE)
        space: dict[str, object] = {"time": time, "random": random}
        exec(compile(MODULE, str(file), "exec"), space)
        self.work = Work(60.0)
        guard = Guard([], commands=False)
        self.runner = Runner(str(file), space, guard, set(), limit, own, self.work)

    def ran(self, *statements: str, traced: bool = True) -> Outcome | None:
        return self.runner.run(statements, traced=traced)

    def cost(self, *statements: str, traced: bool = True) -> float:
        before = self.work.now
        self.ran(*statements, traced=traced)
        return self.work.now - before


def test_a_run_costs_what_it_does_and_always_the_same(tmp_path: Path) -> None:
    bench = Counted(tmp_path)
    nothing = bench.cost("1")
    assert 0 < nothing == bench.cost("1")
    spun = bench.cost("spin(1000)")
    assert spun == pytest.approx(bench.cost("spin(1000)"), abs=1e-12)
    assert spun > 2 * nothing
    assert bench.cost("helped(2000)", traced=False) > 2 * nothing  # calls alone count here
    assert bench.cost("1", traced=False) == pytest.approx(nothing, abs=1e-12)


@pytest.mark.parametrize("call", ["spin(-1)", "helped(10**9)", "stubborn()"])
def test_what_never_ends_is_ended_by_its_count_long_before_the_clock(
    tmp_path: Path, call: str
) -> None:
    bench = Counted(tmp_path, limit=0.1)
    costs = [bench.cost(call) for _ in range(2)]
    assert bench.ran(call) is None
    assert bench.runner.too_long == 3
    assert costs[0] == pytest.approx(costs[1], abs=1e-12)  # not the time until an alarm


def test_a_call_may_wait_for_the_processor_as_long_as_it_must(tmp_path: Path) -> None:
    busy = "max(range(10**6))"  # some hundredths of a second, and nothing to be counted
    bench = Counted(tmp_path, limit=0.2)
    with busy_processor():
        assert [bench.ran(busy) is not None for _ in range(20)] == [True] * 20


def test_a_call_that_sleeps_is_ended_by_the_clock(tmp_path: Path) -> None:
    bench = Counted(tmp_path, limit=0.05)
    assert bench.ran("time.sleep(30)") is None
    assert bench.runner.too_long == 1
    assert bench.work.now >= 0.05


def test_a_stopwatch_stands_while_others_have_the_processor() -> None:
    watch = Stopwatch()
    with busy_processor():
        start, real = watch.now(), time.monotonic()
        while time.process_time() < 0.3 or time.monotonic() - real < 0.5:
            pass
        took, passed = watch.now() - start, time.monotonic() - real
    assert took < 0.9 * passed


def test_work_that_takes_far_too_long_is_cut_short_and_says_so() -> None:
    work = Work(0.001)
    deadline = time.monotonic() + 10
    while not work.is_over(1.0) and time.monotonic() < deadline:
        pass
    assert work.now == 0
    assert work.was_cut_short


def test_work_that_is_done_was_not_cut_short() -> None:
    work = Work(60.0)
    assert not work.is_over(1.0)
    work.took(2.0)
    assert work.is_over(1.0)
    assert not work.is_over(3.0)
    assert not work.was_cut_short


def test_what_cannot_be_counted_is_charged_by_the_clock_in_coarse_steps() -> None:
    def cost(seconds: float) -> float:
        work = Work(60.0)
        for _ in range(500):
            work.ran(500, seconds)
        return work.now

    counted = cost(0.0)
    assert counted == cost(0.003)
    assert 5 * counted < cost(0.006) == cost(0.009) < cost(0.02)


def test_one_run_that_something_disturbed_is_charged_as_any_other() -> None:
    calm, disturbed = Work(60.0), Work(60.0)
    for at in range(3000):
        calm.ran(50, 0.0003)
        disturbed.ran(50, 0.2 if at == 1500 else 0.0003)
    assert calm.now == disturbed.now
