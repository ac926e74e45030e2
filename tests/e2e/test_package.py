"""Tests for a whole package, with a real worker: order, summary, cancel and kills."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.processes import at_work, of_store, until
from tta_interactive.blocking import BlockingEngine
from tta_interactive.worker.start import worker_pid

PRICE = '''
def total(prices, discount=0):
    """The sum of prices, less a discount in percent."""
    if discount < 0 or discount > 100:
        raise ValueError("discount")
    whole = sum(prices)
    return whole - whole * discount / 100
'''
CART = '''
class Cart:
    """Things to buy."""

    def __init__(self):
        self.items = []

    def add(self, name):
        self.items.append(name)
        return len(self.items)
'''
OPTIONS: dict[str, Any] = {"budget": 1.0, "max_tests": 20}


@pytest.fixture
def shop(home: Path) -> Iterator[Path]:
    """A project with a package: two modules with logic, one without, one that is broken."""
    package = home.parent / "project" / "src" / "shop"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "price.py").write_text(PRICE)
    (package / "cart.py").write_text(CART)
    (package / "names.py").write_text("NAME = 'shop'\n")
    (package / "broken.py").write_text("raise OSError('never')\n" + PRICE * 3)
    yield home.parent / "project"
    shutil.rmtree(home.parent / "project", ignore_errors=True)


def test_a_package_becomes_a_step_for_each_module_and_one_summary(
    engine: BlockingEngine, shop: Path
) -> None:
    task_id = engine.submit("tests", {"module_path": "src/shop", **OPTIONS}, workspace=str(shop))
    task = engine.wait(task_id, 180, check=True)
    assert [step.step for step in engine.steps(task_id)] == [
        "shop.broken",
        "shop.price",
        "shop.cart",
    ]
    result: Any = task.result
    assert result["failed_modules"] == ["shop.broken"]
    assert result["success"] is False
    assert result["files"] == ["tests/test_shop_price.py", "tests/test_shop_cart.py"]
    assert "src/shop/names.py" in [each["path"] for each in result["skipped"]]
    by_name = {each["module"]: each for each in result["modules"]}
    weights = {name: each["statements"] for name, each in by_name.items()}
    covered = sum(weights[name] * (each["line"] or 0) for name, each in by_name.items())
    assert result["line"] == pytest.approx(covered / sum(weights.values()), abs=0.01)
    assert by_name["shop.price"]["line"] == 100.0
    run = subprocess.run(
        [sys.executable, *result["command"].split()[1:], "-q", "-p", "no:cacheprovider"],
        cwd=shop,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert task.message == "3 of 3 done"


def test_what_is_over_the_limit_is_named_and_not_done(engine: BlockingEngine, shop: Path) -> None:
    (shop / "src/shop/broken.py").unlink()
    params = {"module_path": "src/shop", "max_modules": 1, "output_path": "checks", **OPTIONS}
    task = engine.wait(engine.submit("tests", params, workspace=str(shop)), 120, check=True)
    result: Any = task.result
    assert result["left_out"] == ["src/shop/cart.py"]
    assert result["files"] == ["checks/test_shop_price.py"]


def test_a_package_without_modules_fails_in_words(engine: BlockingEngine, shop: Path) -> None:
    (shop / "docs").mkdir()
    task = engine.wait(engine.submit("tests", {"module_path": "docs"}, workspace=str(shop)), 60)
    assert task.error is not None
    assert task.error.code == "nothing_to_test"
    assert engine.steps(task.id) == []


def test_cancel_of_a_package_ends_every_process(
    engine: BlockingEngine, home: Path, shop: Path
) -> None:
    params = {"module_path": "src/shop", "budget": 60.0, "use_cache": False}
    task_id = engine.submit("tests", params, workspace=str(shop))
    until(lambda: any(s.status == "running" for s in engine.steps(task_id)), 30, "a step runs")
    assert at_work(home) != []
    engine.cancel(task_id)
    assert engine.wait(task_id, 30).status == "cancelled"
    assert {step.status.value for step in engine.steps(task_id)} <= {"cancelled", "failed"}
    until(lambda: at_work(home) == [], 10, "nothing is at work for a task")


def test_a_killed_worker_makes_no_second_set_of_steps(
    engine: BlockingEngine, home: Path, shop: Path
) -> None:
    params = {"module_path": "src/shop", **OPTIONS}
    task_id = engine.submit("tests", params, workspace=str(shop))
    until(lambda: any(s.status == "running" for s in engine.steps(task_id)), 30, "a step runs")
    before = [step.id for step in engine.steps(task_id)]
    os.kill(worker_pid(home) or 0, signal.SIGKILL)
    task = engine.wait(task_id, 180)
    assert (task.status, task.attempt) == ("completed", 1)
    assert [step.id for step in engine.steps(task_id)] == before


def test_everything_killed_while_it_looks_for_modules_is_begun_again(
    engine: BlockingEngine, home: Path, shop: Path
) -> None:
    for number in range(300):  # so that the look takes a while
        (shop / f"src/shop/m{number}.py").write_text(PRICE * 30)
    params = {"module_path": "src/shop", "max_modules": 1, **OPTIONS}
    task_id = engine.submit("tests", params, workspace=str(shop))
    until(lambda: engine.status(task_id).message.startswith("Looking"), 30, "it looks")
    for pid in [worker_pid(home) or 0, *of_store(home)]:
        if pid != os.getpid() and psutil.pid_exists(pid):
            os.kill(pid, signal.SIGKILL)
    task = engine.wait(task_id, 180)
    assert (task.status, task.attempt) == ("completed", 2)
    assert len(engine.steps(task_id)) == 1
