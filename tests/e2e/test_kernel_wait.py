"""Waiting in a cell: it ends when it should, and the task goes on when it must."""

import sqlite3
import time

import pytest

from tests.e2e.kernel import Kernel, is_final_update


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


def test_an_interrupt_ends_the_tasks_too_where_that_was_asked_for(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell --quiet -- sleep 30\nu = %tta_submit shell --quiet -- true")
    kernel.run("%tta_wait u --quiet")
    cell = kernel.start("%tta_wait t u --cancel-on-interrupt\nprint('after')")
    kernel.finish(cell, until=lambda reply: bool(reply.cards))
    kernel.interrupt()
    reply = kernel.finish(cell)
    asked = kernel.value("t.id")[:10]
    assert f"Stopped waiting, and asked {asked} to end." in reply.text
    assert "after" in reply.text
    kernel.run("%tta_wait t --quiet --no-raise --timeout 20")
    assert kernel.value("t.status") == "cancelled"


@pytest.mark.parametrize("code", ["await t", "t.result()"])
def test_an_interrupt_leaves_a_handle_and_says_that_the_task_goes_on(
    kernel: Kernel, code: str
) -> None:
    kernel.run("t = %tta_submit shell --quiet -- sleep 30")
    cell = kernel.start(f"print('begin')\n{code}\nprint('after')")
    kernel.printed(cell, "begin")
    kernel.interrupt()
    reply = kernel.finish(cell)
    assert reply.status == "error"
    assert "after" not in reply.text
    (line,) = reply.error.splitlines()
    assert line.startswith("Stopped waiting; t_")
    assert "goes on. Cancel with: %tta_cancel t_" in line
    assert kernel.value("t.status") in ("queued", "running")


def test_a_program_that_stops_awaiting_a_handle_gets_its_own_timeout(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell --quiet -- sleep 30\nimport asyncio")
    reply = kernel.run("async with asyncio.timeout(0.5):\n    await t")
    assert reply.of("error")[0]["ename"] == "TimeoutError"
    assert kernel.value("t.status") in ("queued", "running")


def test_an_interrupt_leaves_a_wait_while_the_store_is_locked(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell --quiet -- sleep 30")
    kernel.until("t.status == 'running'")
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
    kernel.run("t = %tta_submit shell --quiet -- true")
    assert kernel.run("%tta_wait t").cards == []
    kernel.run("t = %tta_submit shell --quiet -- sleep 2")
    assert len(kernel.run("%tta_wait t").cards) == 1


@pytest.mark.parametrize("wait", ["%tta_wait t", "await t", "t.result()"])
def test_a_card_is_final_before_the_cell_that_waited_ends(kernel: Kernel, wait: str) -> None:
    # It reports until it ends: the card was painted a moment before, and must not be until later.
    kernel.run(
        "%%tta_submit --name chatty\nimport time, tta_interactive as tta\n"
        "end = time.monotonic() + 1\n"
        "while time.monotonic() < end: tta.progress(0.5, str(time.monotonic())); time.sleep(0.01)"
    )
    kernel.run("t = %tta_status chatty --json")
    assert is_final_update(kernel.run(wait))


def test_waiting_for_several_gives_a_list_and_any_gives_the_first(kernel: Kernel) -> None:
    kernel.run(
        "ts = [get_ipython().run_line_magic('tta_submit', f'operator:neg {n} --quiet')"
        " for n in (1, 2)]"
    )
    assert kernel.run("%tta_wait ts --quiet").text == "[-1, -2]"
    kernel.run("slow = %tta_submit shell --quiet -- sleep 30")
    assert kernel.run("%tta_wait slow {ts[1]} --any --quiet").text == "-2"


def test_all_means_the_tasks_of_notebooks_and_no_others(kernel: Kernel) -> None:
    kernel.run("%tta_wait --all --no-raise --quiet")  # those of earlier tests are gone then
    kernel.run(
        "from tta_interactive import BlockingEngine\n"
        "other = BlockingEngine(owner='cli').submit('shell', {'argv': ['sleep', '30']})\n"
        "t = %tta_submit shell --quiet -- sleep 0.3"
    )
    assert kernel.run("%tta_wait --all --quiet").text == "[{'exit_code': 0}]"
    assert kernel.run("%tta_wait --all").text == "No unfinished tasks."
    assert kernel.run("%tta_cancel --all").text == "No unfinished tasks."
    kernel.run("%tta_cancel {other}")
    assert kernel.run("%tta_wait {other} --no-raise").text.startswith("CANCELLED")


def test_following_the_logs_goes_on_until_the_task_is_over(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell --quiet -- sh -c 'echo one; sleep 0.5; echo two'")
    assert kernel.run("%tta_logs t -f").text.split() == ["one", "two"]
    assert kernel.run("%tta_logs t -n 1").text == "two"


def test_following_begins_with_the_last_fifty_lines(kernel: Kernel) -> None:
    script = "seq 300000; touch written; while [ ! -e go ]; do sleep 0.05; done; echo end"
    kernel.run(f"t = %tta_submit shell --quiet script='{script}'")
    kernel.run("import pathlib")
    kernel.until("pathlib.Path('written').exists() and '300000' in t.logs(1)")
    cell = kernel.start("%tta_logs t -f")
    begun = kernel.finish(cell, until=lambda reply: "300000" in reply.text)
    assert begun.text.split() == [str(number) for number in range(299_951, 300_001)]
    kernel.interrupt()
    kernel.finish(cell)
    cell = kernel.start("%tta_logs t -f -n 2")
    begun = kernel.finish(cell, until=lambda reply: "300000" in reply.text)
    (kernel.workspace / "go").touch()
    assert (begun.text + kernel.finish(cell).text).split() == ["299999", "300000end"]


def test_an_interrupt_leaves_the_logs_and_the_task_goes_on(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell --quiet -- sh -c 'echo one; sleep 30'")
    cell = kernel.start("%tta_logs t -f")
    kernel.printed(cell, "one")
    kernel.interrupt()
    assert "Stopped following; t_" in kernel.finish(cell).text
    assert kernel.value("t.status") == "running"


def test_of_a_huge_log_only_the_newest_part_is_printed(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell --quiet script='yes | head -c 50000000; echo the end'")
    kernel.run("%tta_wait t")
    for line in ("%tta_logs t", "%tta_logs t -f"):
        text = kernel.run(line).text
        assert text.endswith("the end")
        assert len(text) <= 256 * 1024


def test_wait_without_raise_gives_none_for_a_failed_task(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell --quiet -- false")
    assert kernel.run("r = %tta_wait t --no-raise\nprint(r)").text.endswith("None")
