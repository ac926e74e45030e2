"""Waiting in a cell: it ends when it should, and the task goes on when it must."""

import sqlite3
import time
from collections.abc import Iterator

import pytest

from tests.e2e.kernel import Kernel


@pytest.fixture(scope="module")
def shared() -> Iterator[Kernel]:
    with Kernel() as kernel:
        yield kernel


@pytest.fixture
def kernel(shared: Kernel) -> Kernel:
    shared.run("%tta_cancel --all")
    return shared


def test_an_interrupt_leaves_the_wait_and_the_task_goes_on(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell --quiet -- sleep 30")
    cell = kernel.start("%tta_wait t\nprint('after')")
    kernel.finish(cell, until=lambda reply: bool(reply.cards))  # it waits for a second by then
    begun = time.monotonic()
    kernel.interrupt()
    reply = kernel.finish(cell)
    assert time.monotonic() - begun < 1.0
    assert reply.status == "ok"
    assert "goes on. Cancel with: %tta_cancel t_" in reply.text
    assert "after" in reply.text
    assert kernel.value("t.status") in ("queued", "running")


def test_an_interrupt_leaves_an_await(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell --quiet -- sleep 30")
    cell = kernel.start("print('begin')\nawait t")
    kernel.printed(cell, "begin")
    begun = time.monotonic()
    kernel.interrupt()
    assert kernel.finish(cell).status == "error"
    assert time.monotonic() - begun < 1.5
    assert kernel.value("t.status") in ("queued", "running")


def test_an_interrupt_leaves_a_wait_while_the_store_is_locked(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell --quiet -- sleep 30\n%tta_wait t --timeout 1")
    lock = sqlite3.connect(kernel.home / "store" / "tasks.db", isolation_level=None)
    try:
        lock.execute("BEGIN IMMEDIATE")
        cell = kernel.start("%tta_wait t")
        kernel.finish(cell, until=lambda reply: bool(reply.cards))
        begun = time.monotonic()
        kernel.interrupt()
        reply = kernel.finish(cell)
    finally:
        lock.close()
    assert time.monotonic() - begun < 1.0
    assert "goes on" in reply.text


def test_a_timeout_is_one_line_and_gives_none(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell --quiet -- sleep 30")
    reply = kernel.run("r = %tta_wait t --timeout 0.3 --quiet\nprint(r)")
    assert "after 0.3 s of waiting and goes on. Wait again with: %tta_wait t_" in reply.text
    assert reply.text.endswith("None")


def test_a_quick_task_is_waited_for_without_a_card_and_a_slow_one_with(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell --quiet -- sleep 0.3")
    assert kernel.run("%tta_wait t").cards == []
    kernel.run("t = %tta_submit shell --quiet -- sleep 2")
    assert len(kernel.run("%tta_wait t").cards) == 1


def test_waiting_for_several_gives_a_list_and_any_gives_the_first(kernel: Kernel) -> None:
    kernel.run(
        "ts = [get_ipython().run_line_magic('tta_submit', f'operator:neg {n} --quiet')"
        " for n in (1, 2)]"
    )
    assert kernel.run("%tta_wait ts --quiet").text == "[-1, -2]"
    kernel.run("slow = %tta_submit shell --quiet -- sleep 30")
    assert kernel.run("%tta_wait slow {ts[1]} --any --quiet").text == "-2"


def test_wait_without_raise_gives_none_for_a_failed_task(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell --quiet -- false")
    assert kernel.run("r = %tta_wait t --no-raise\nprint(r)").text.endswith("None")
