"""The notebook door in a real kernel: what it costs, survives and never does."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.e2e.kernel import WIDGET_VIEW, Kernel, button_in, usage_error
from tta_interactive.blocking import BlockingEngine

HEAVY = ("pydantic", "ipywidgets", "anyio", "mcp", "anywidget", "cloudpickle")


def test_loading_imports_nothing_heavy_and_takes_milliseconds() -> None:
    with Kernel(load=False) as kernel:
        kernel.run("import sys, time")
        kernel.run(
            "t = time.process_time()\n%load_ext tta_interactive\nt = time.process_time() - t\n"
            "loaded = sorted(m for m in sys.modules if '.' not in m)"
        )
        assert kernel.value("t") < 0.010
        assert not set(HEAVY) & set(kernel.value("loaded"))


def test_no_magic_ever_imports_mcp(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell -- true\n%tta_wait t\n%tta_status\n%tta_list")
    assert kernel.value("'mcp' in __import__('sys').modules") is False


def test_a_kernel_without_cards_has_no_busy_thread(kernel: Kernel) -> None:
    kernel.run("%tta_submit shell -- true\n%tta_wait")
    kernel.run("import time; a = time.process_time(); time.sleep(1.5); b = time.process_time()")
    assert kernel.value("b - a") < 0.05


def test_the_magics_work_in_a_thread_and_under_a_running_loop(kernel: Kernel) -> None:
    kernel.run(
        "import asyncio, threading\nfound = []\n"
        "def go(): found.append(get_ipython().run_line_magic('tta_submit', 'operator:neg 3'"
        " ' --quiet').result(30))"
    )
    kernel.run("thread = threading.Thread(target=go); thread.start(); thread.join(30)")
    kernel.run("await asyncio.sleep(0); go()")
    assert kernel.value("found") == [-3, -3]


def test_the_loop_stays_free_while_a_handle_is_awaited(kernel: Kernel) -> None:
    reply = kernel.run(
        "ticks = []\nasync def tick():\n    while True:\n        ticks.append(1)\n"
        "        await asyncio.sleep(0.01)\n"
        "import asyncio\nticking = asyncio.ensure_future(tick())\n"
        "t = %tta_submit shell --quiet -- sleep 1\nawait t\nticking.cancel()\nprint(len(ticks))"
    )
    assert int(reply.text.split()[0]) > 30


def test_a_fork_in_a_cell_breaks_neither_the_child_nor_the_kernel(kernel: Kernel) -> None:
    shown = kernel.run("live = %tta_submit shell -- sleep 30")
    kernel.run(
        "import os\nread, write = os.pipe()\nif (pid := os.fork()) == 0:\n"
        "    try:\n"
        "        t = get_ipython().run_line_magic('tta_submit', 'operator:neg 4 --quiet')\n"
        "        os.write(write, str(t.result(20)).encode())\n"
        "    finally:\n        os._exit(0)\n"
        "os.waitpid(pid, 0); os.close(write); answer = os.read(read, 100).decode()"
    )
    assert kernel.value("answer") == "-4"
    kernel.run("%tta_cancel live")
    assert shown.cards
    assert kernel.run("%tta_wait live --no-raise").text.startswith("CANCELLED")


def test_unloading_takes_the_magics_away_and_loading_brings_them_back(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell -- sleep 30")
    kernel.until("t.status == 'running'")
    unloaded = kernel.run("%unload_ext tta_interactive")
    assert set(unloaded.of("update_display_data")[-1]["data"]) == {"text/plain", "text/html"}
    assert "not found" in usage_error(kernel.run("%tta_status"))
    names = kernel.value("[t.name for t in __import__('threading').enumerate()]")
    assert "tta-pump" not in names
    kernel.run("%load_ext tta_interactive")
    assert "RUNNING" in kernel.run("%tta_status").text


def test_tab_offers_options_values_kinds_and_tasks(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell --quiet --name offered -- true")

    def offered(text: str) -> list[str]:
        answer = kernel.client.complete(text, reply=True, timeout=30)
        return list(answer["content"]["matches"])

    assert offered("%tta_wait --t") == ["--timeout"]
    assert offered("%tta_submit --priority h") == ["high"]
    assert offered("r = %tta_submit sh") == ["shell"]
    assert "offered" in offered("r = %tta_wait off")
    assert offered("%tta_status t_") != []
    assert offered("%tta_submit shell -- no_such_f") == []
    assert "print" in offered("prin")


def test_the_help_of_a_magic_shows_its_examples(kernel: Kernel) -> None:
    assert "%tta_wait t_x8Kd t_b81Q" in kernel.value(
        "get_ipython().object_inspect_text('%tta_wait')"
    )


def submit_that_waits(kernel: Kernel) -> Path:
    """Submit the task `long`; the file that lets it go on."""
    go = kernel.workspace / "go"
    script = f"while [ ! -e {go} ]; do sleep 0.05; done; echo done"
    assert kernel.run(f"t = %tta_submit shell --name long -- sh -c '{script}'").status == "ok"
    return go


def test_a_task_goes_on_through_a_restart_and_the_new_kernel_finds_it() -> None:
    with Kernel() as kernel:
        go = submit_that_waits(kernel)
        kernel.interrupt()
        kernel.restart()
        kernel.run("t = %tta_status long")
        assert kernel.value("t.status") in ("queued", "running")
        go.touch()
        assert "COMPLETED" in kernel.run("%tta_wait long").text
        assert kernel.run("%tta_logs long").text == "done"


def test_a_task_goes_on_when_its_kernel_is_shut_down() -> None:  # M4
    with Kernel() as kernel:
        go = submit_that_waits(kernel)
        kernel.until("t.status == 'running'")
        task_id = kernel.value("t.id")
        kernel.shut_down()
        with closing(BlockingEngine(kernel.home / "store")) as engine:
            assert engine.status(task_id).status == "running"
            go.touch()
            task = engine.wait(task_id, 20)
            assert (task.status, task.attempt) == ("completed", 1)
            assert engine.logs(task_id) == "done\n"


def test_a_task_whose_kernel_died_before_it_was_shown_is_found_again() -> None:  # M9
    submit = "%tta_submit shell --key nightly -- sh -c 'echo once'"
    with Kernel() as kernel:
        # Ringing the worker is the first thing after the commit.
        kernel.run_to_death(
            "import os\nfrom tta_interactive.watcher import Watcher\n"
            f"Watcher.ring = lambda self: os.kill(os.getpid(), 9)\n{submit}"
        )
        kernel.restart()
        kernel.run("t = %tta_status --last")
        task_id = kernel.value("t.id")
        kernel.run(submit.replace("%tta_submit", "t = %tta_submit"))
        assert kernel.value("t.id") == task_id
        assert "COMPLETED" in kernel.run("%tta_wait t").text
        assert kernel.run("%tta_logs t").text == "once"
        with closing(BlockingEngine(kernel.home / "store")) as engine:
            assert [task.id for task in engine.list()] == [task_id]


def test_a_new_kernel_gives_the_card_of_a_task_the_same_model() -> None:
    with Kernel() as kernel:
        before = kernel.run("t = %tta_submit shell --name long -- sleep 30").cards[0][WIDGET_VIEW]
        kernel.restart()
        after = kernel.run("%tta_status long").cards[0][WIDGET_VIEW]
        assert before == after


def test_a_click_on_a_card_of_a_dead_kernel_does_nothing() -> None:
    with Kernel() as kernel:
        shown = kernel.run("t = %tta_submit shell --name long -- sleep 30")
        kernel.restart()
        kernel.click(button_in(shown))
        reply = kernel.run("%tta_wait long --timeout 1 --quiet")
        assert "goes on. Wait again with" in reply.text
        assert reply.of("error") == []


def test_a_store_of_a_newer_release_is_refused_in_one_sentence() -> None:
    with Kernel() as kernel:
        kernel.run("%tta_submit shell -- true\n%tta_wait")
        with sqlite3.connect(kernel.home / "store" / "tasks.db") as database:
            database.execute("PRAGMA user_version = 999")
        database.close()
        reply = kernel.run("%tta_submit shell -- true")
        assert reply.status == "error"
        assert "StoreVersionError" in reply.error
        assert len(reply.error.splitlines()) <= 2
