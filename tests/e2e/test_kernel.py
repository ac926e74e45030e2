"""The notebook door in a real kernel: what it costs, survives and never does."""

import sqlite3
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.kernel import WIDGET_VIEW, Kernel, Reply, button_in

HEAVY = ("pydantic", "ipywidgets", "anyio", "mcp", "anywidget", "cloudpickle")


@pytest.fixture(scope="module")
def shared() -> Iterator[Kernel]:
    with Kernel() as kernel:
        yield kernel


@pytest.fixture
def kernel(shared: Kernel) -> Kernel:
    shared.run("%tta_cancel --all")
    return shared


def usage_error(reply: Reply) -> str:
    """The one line of a wrong usage."""
    assert reply.status == "error"
    lines = [c["text"] for c in reply.of("stream") if c["name"] == "stderr"]
    text = "".join(lines).strip()
    assert text.startswith("UsageError: "), reply.messages
    assert len(text.splitlines()) == 1
    assert len(text) < 2500
    return text


def is_final_update(reply: Reply) -> bool:
    """Whether the static form of a finished card has come."""
    updates = reply.of("update_display_data")
    return bool(updates) and updates[-1]["data"]["text/plain"].split()[0] in (
        "COMPLETED",
        "FAILED",
        "CANCELLED",
    )


# ---- what it costs


def test_loading_imports_nothing_heavy_and_takes_milliseconds() -> None:
    with Kernel(load=False) as kernel:
        kernel.run("import sys, time")
        kernel.run(
            "t = time.process_time()\n%load_ext tta_interactive\nt = time.process_time() - t"
        )
        assert kernel.value("t") < 0.010
        loaded = kernel.value("sorted(m for m in sys.modules if '.' not in m)")
        assert not set(HEAVY) & set(loaded)


def test_no_magic_ever_imports_mcp(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell -- true\n%tta_wait t\n%tta_status\n%tta_list")
    assert kernel.value("'mcp' in __import__('sys').modules") is False


def test_a_kernel_without_cards_has_no_busy_thread(kernel: Kernel) -> None:
    kernel.run("%tta_submit shell -- true\n%tta_wait")
    kernel.run("import time; a = time.process_time(); time.sleep(1.5); b = time.process_time()")
    assert kernel.value("b - a") < 0.05


# ---- the line


def test_after_two_dashes_the_line_is_passed_verbatim(kernel: Kernel) -> None:
    kernel.run("secret = 'leaked'; x = 1")
    line = "%tta_submit shell -- printf %s\\\\n $HOME {secret} {1+1} '{print $1}' # no comment"
    kernel.run(line)
    kernel.run("%tta_wait")
    assert kernel.run("%tta_logs").text.splitlines() == [
        "$HOME",
        "{secret}",
        "{1+1}",
        "{print $1}",
        "#",
        "no",
        "comment",
    ]


def test_the_same_text_is_the_same_command_whatever_is_defined(kernel: Kernel) -> None:
    commands: list[Any] = []
    for setup in ("", "secret = 'x'"):
        kernel.run(setup)
        kernel.run("t = %tta_submit shell --quiet -- awk '{print $1}' {secret}")
        commands.append(kernel.value("t.task.params"))
    assert commands == [{"argv": ["awk", "{print $1}", "{secret}"]}] * 2


@pytest.mark.parametrize("word", ["{nope}", "$nope", "{1/0}"])
def test_an_expression_without_a_value_submits_nothing(kernel: Kernel, word: str) -> None:
    before = kernel.run("%tta_list --limit 1").cards
    assert "has no value" in usage_error(kernel.run(f"%tta_submit shell script={word}"))
    assert kernel.run("%tta_list --limit 1").cards == before


def test_a_variable_of_a_function_can_be_used_in_its_line(kernel: Kernel) -> None:
    kernel.run(
        "def go(here):\n"
        "    t = get_ipython().run_line_magic('tta_submit', 'operator:neg {here} --quiet')\n"
        "    return t.result(30)"
    )
    assert kernel.run("go(5)").text == "-5"


@pytest.mark.parametrize(
    "wanted", ["t_nothing", "''", "x" * 10_000, "../../etc/passwd", "/", "*", "%", "\\x1b[2J"]
)
def test_an_id_of_nothing_is_one_line_whatever_it_is(kernel: Kernel, wanted: str) -> None:
    for magic in ("tta_wait", "tta_status", "tta_cancel", "tta_logs"):
        usage_error(kernel.run(f"%{magic} {wanted}"))


@pytest.mark.parametrize("timeout", ["0", "-1", "nan", "1e309", "'5 parsecs'"])
def test_a_timeout_that_is_no_time_submits_nothing(kernel: Kernel, timeout: str) -> None:
    before = kernel.run("%tta_list --limit 1").cards
    usage_error(kernel.run(f"%tta_wait --timeout {timeout}"))
    usage_error(kernel.run(f"%tta_submit shell --timeout {timeout} -- true"))
    assert kernel.run("%tta_list --limit 1").cards == before


@pytest.mark.parametrize(
    "code",
    [
        "%tta_submit shell 'open",
        "get_ipython().run_line_magic('tta_submit', 'shell -- a\\x00b')",
        "get_ipython().run_line_magic('tta_submit', 'shell -- a\\ud800b')",
        "get_ipython().run_cell_magic('tta_submit', '', 'x = \"\\ud800\"')",
        "get_ipython().run_cell_magic('tta_submit', '', 'x = 1\\x00')",
        "get_ipython().run_cell_magic('tta_submit', '', '#' * 1_000_001)",
        "%%tta_submit\nthis is no python",
        "%%tta_submit\n%matplotlib inline\nx = 1",
        "%%tta_submit\n!rm -rf /",
        "%%tta_submit operator:mul\n1",
    ],
)
def test_what_cannot_be_run_is_one_line_of_wrong_usage(kernel: Kernel, code: str) -> None:
    usage_error(kernel.run(code))


def test_a_cell_of_nearly_a_megabyte_runs_as_it_is(kernel: Kernel) -> None:
    kernel.run("body = '#' + 'é' * 400_000 + '\\nlen(open(__file__).read()) if 0 else 7'")
    kernel.run("t = get_ipython().run_cell_magic('tta_submit', '--quiet', body)")
    assert kernel.value("t.task.params['code'] == body") is True
    assert kernel.run("t.result(30)").text == "7"


def test_the_same_cell_run_twice_is_two_tasks_or_one_with_a_key(kernel: Kernel) -> None:
    kernel.run("a = %tta_submit shell --quiet -- true\nb = %tta_submit shell --quiet -- true")
    assert kernel.value("a.id != b.id") is True
    line = "%tta_submit shell --quiet --key once -- true"
    kernel.run(f"a = {line}\nb = {line}")
    assert kernel.value("a.id == b.id") is True
    other = usage_error(kernel.run("%tta_submit shell --key once -- false"))
    assert "already belongs to task" in other


def test_the_task_submitted_last_is_found_without_its_id(kernel: Kernel) -> None:
    kernel.run("a = %tta_submit shell --quiet --name unseen -- true")
    kernel.run("b = %tta_status --last\nc = %tta_status unseen")
    assert kernel.value("a.id == b.id == c.id") is True


def test_tasks_can_wait_for_others_by_handle(kernel: Kernel) -> None:
    kernel.run("a = %tta_submit shell --quiet -- sleep 0.3")
    kernel.run("b = %tta_submit shell --quiet --after {a} --priority high --retries 2 -- true")
    assert kernel.value("b.task.after == (a.id,)") is True
    assert kernel.value("b.task.max_attempts") == 3
    assert kernel.run("%tta_wait b").text.startswith("COMPLETED")


# ---- objects


@pytest.mark.parametrize(
    ("setup", "line", "named"),
    [
        ("import threading; lock = threading.Lock()", "{lambda: lock}", "the function"),
        ("import threading; lock = threading.Lock()", "m:f x={lock}", "'x' (of type lock)"),
        ("big = bytearray(500_000_000)", "m:f data={big}", "'data' (of type bytearray)"),
    ],
)
def test_what_cannot_be_sent_is_named_at_submit(
    kernel: Kernel, setup: str, line: str, named: str
) -> None:
    kernel.run(setup)
    assert named in usage_error(kernel.run(f"%tta_submit {line}"))
    kernel.run("big = lock = None")


def test_a_function_whose_module_is_missing_in_the_task_fails_and_the_next_works(
    kernel: Kernel,
) -> None:
    kernel.run("t = %tta_submit no_such_module:f {(1, 2)}")
    reply = kernel.run("%tta_wait t")
    assert "no_such_module" in reply.error
    kernel.run("%tta_submit operator:neg 1")
    assert kernel.run("%tta_wait").text.endswith("-1")


def test_a_task_has_no_standard_input(kernel: Kernel) -> None:
    kernel.run("%%tta_submit --name asks\ninput('name? ')")
    assert "EOFError" in kernel.run("%tta_wait asks").error


def test_an_endless_task_ends_at_its_timeout(kernel: Kernel) -> None:
    kernel.run("%%tta_submit --name endless --timeout 1\nwhile True: pass")
    reply = kernel.run("%tta_wait endless")
    assert "failed (timeout)" in reply.error


def test_a_result_whose_repr_raises_hurts_only_its_task(kernel: Kernel) -> None:
    kernel.run(
        "%%tta_submit --name bad\nclass Bad:\n    def __repr__(self): raise ValueError\nBad()"
    )
    kernel.run("%tta_wait bad --no-raise")
    assert kernel.run("%tta_status bad").status == "ok"


# ---- waiting


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


# ---- the card


def test_a_card_has_text_html_and_a_widget_and_ends_as_static_html(kernel: Kernel) -> None:
    shown = kernel.run("t = %tta_submit shell -- sleep 0.5")
    (bundle,) = shown.cards
    assert set(bundle) == {"text/plain", "text/html", WIDGET_VIEW}
    end = kernel.collect(lambda reply: len(reply.of("comm_close")) == 8)
    assert is_final_update(end)
    assert set(end.of("update_display_data")[-1]["data"]) == {"text/plain", "text/html"}
    opened = {content["comm_id"] for content in shown.of("comm_open")}
    assert {content["comm_id"] for content in end.of("comm_close")} == opened


def test_a_card_is_painted_while_a_cell_is_busy(kernel: Kernel) -> None:
    kernel.run("import time")
    kernel.run(
        "%%tta_submit\nimport time, tta_interactive as tta\n"
        "for n in range(20):\n    tta.progress(n / 20, f'step {n}'); time.sleep(0.1)"
    )
    reply = kernel.run("time.sleep(2.5)")
    painted = [c["data"]["state"]["value"] for c in reply.of("comm_msg") if "state" in c["data"]]
    assert len({text for text in painted if "step " in text}) >= 4
    assert is_final_update(reply)


def test_a_flood_of_progress_is_at_most_five_updates_a_second_and_the_end_is_last(
    kernel: Kernel,
) -> None:
    shown = kernel.run(
        "%%tta_submit\nimport time, tta_interactive as tta\nend = time.time() + 2\n"
        "while time.time() < end: tta.progress(0.5, str(time.time()))"
    )
    begun = time.monotonic()
    reply = kernel.collect(lambda reply: len(reply.of("comm_close")) == 8)
    seconds = time.monotonic() - begun
    assert len(reply.of("comm_msg")) <= 5 * seconds + 2
    kinds = [kind for kind, _ in reply.messages]
    assert "comm_msg" not in kinds[kinds.index("update_display_data") :]
    assert shown.status == "ok"


def test_cancel_is_clicked_while_a_cell_is_running(kernel: Kernel) -> None:
    shown = kernel.run("t = %tta_submit shell -- sleep 30\nimport time")
    button = button_in(shown)
    cell = kernel.start("print('begin'); time.sleep(4); print('end')")
    kernel.printed(cell, "begin")
    kernel.click(button)
    order: list[str] = []

    def note(kind: str, content: dict[str, Any]) -> None:
        if kind == "update_display_data":
            order.append(content["data"]["text/plain"].split()[0])
        if kind == "stream" and "end" in content["text"]:
            order.append("end")

    kernel.finish(cell, note)
    assert order == ["CANCELLED", "end"]


def test_a_handle_is_silent_in_its_own_cell_and_shows_a_card_later(kernel: Kernel) -> None:
    assert len(kernel.run("%tta_submit shell -- sleep 30").cards) == 1
    assert len(kernel.run("t = %tta_submit shell -- sleep 30\nt").cards) == 1
    assert len(kernel.run("t").cards) == 1


def test_many_cards_are_fed_by_one_thread(kernel: Kernel) -> None:
    kernel.run(
        "for n in range(30): get_ipython().run_line_magic('tta_submit', 'shell -- sleep 30')"
    )
    names = kernel.value("[t.name for t in __import__('threading').enumerate()]")
    assert names.count("tta-pump") == 1
    assert sum(name.startswith("tta-") for name in names) <= 2


def test_hostile_words_of_a_task_reach_the_page_only_as_text(kernel: Kernel) -> None:
    kernel.run("canary = '<img src=x onerror=alert(1)>\\x1b]52;c;aGk=\\x07\\u202e'")
    shown = kernel.run(
        "t = %tta_submit shell --name $canary -- sh -c 'printf \"<script>\\033[2J\"'"
    )
    end = kernel.run("%tta_wait t\n%tta_logs t\n%tta_list --limit 1\n%tta_status t")
    updates = [content["data"] for content in end.of("update_display_data")]
    assert all("&lt;img" in bundle["text/html"] for bundle in [*shown.cards, *end.cards])
    for bundle in [*shown.cards, *end.cards, *updates]:
        assert "text/markdown" not in bundle
        assert "<img" not in bundle["text/html"]
        assert not set(str(bundle.values())) & set("\x1b\x07\u202e")
    assert not set(end.text) & set("\x1b\x07\u202e")


@pytest.mark.parametrize(
    ("mode", "forms"),
    [("html", {"text/plain", "text/html"}), ("text", None)],
)
def test_front_ends_without_widgets_get_html_or_text(mode: str, forms: set[str] | None) -> None:
    with Kernel(TTA_DISPLAY=mode) as kernel:
        reply = kernel.run("t = %tta_submit shell -- sleep 0.5")
        assert [set(card) for card in reply.cards] == ([forms] if forms else [])
        assert forms is not None or reply.text.startswith("QUEUED t_")
        if forms is not None:
            kernel.collect(is_final_update)
        assert kernel.value("'ipywidgets' in __import__('sys').modules") is False


def test_an_unknown_display_mode_is_refused_by_its_values() -> None:
    with Kernel(TTA_DISPLAY="fancy") as kernel:
        assert "auto, widget, html, text" in usage_error(kernel.run("%tta_submit shell -- true"))


# ---- where it is used


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
    kernel.run("%unload_ext tta_interactive")
    assert "not found" in usage_error(kernel.run("%tta_status"))
    names = kernel.value("[t.name for t in __import__('threading').enumerate()]")
    assert "tta-pump" not in names
    kernel.run("%load_ext tta_interactive")
    assert "RUNNING" in kernel.run("%tta_status").text


def test_the_help_of_a_magic_shows_its_examples(kernel: Kernel) -> None:
    assert "%tta_wait t_x8Kd t_b81Q" in kernel.value(
        "get_ipython().object_inspect_text('%tta_wait')"
    )


# ---- restart


def test_a_task_goes_on_through_a_restart_and_the_new_kernel_finds_it() -> None:
    with Kernel() as kernel:
        kernel.run("t = %tta_submit shell --name long -- sh -c 'sleep 4; echo done'")
        kernel.interrupt()
        kernel.restart()
        kernel.run("t = %tta_status long")
        assert kernel.value("t.status") in ("queued", "running")
        assert "COMPLETED" in kernel.run("%tta_wait long").text
        assert kernel.run("%tta_logs long").text == "done"


def test_a_new_kernel_gives_the_card_of_a_task_the_same_model() -> None:
    with Kernel() as kernel:
        before = kernel.run("t = %tta_submit shell --name long -- sleep 30").cards[0][WIDGET_VIEW]
        kernel.restart()
        after = kernel.run("%tta_status long").cards[0][WIDGET_VIEW]
        assert before == after


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
