"""What may stand on a magic's line, and what can be sent to a task."""

import json
import time
from typing import Any

import pytest

from tests.e2e.kernel import BOUND, Kernel, usage_error


def newest(kernel: Kernel) -> str:
    """The id of the task submitted last."""
    return str(json.loads(kernel.run("%tta_status --last --json").text)["id"])


def test_after_two_dashes_the_line_is_passed_verbatim(kernel: Kernel) -> None:
    kernel.run("secret = 'leaked'; x = 1")
    line = "%tta_submit shell -- printf %s\\\\n $HOME {secret} {1+1} '{print $1}' a=1 # no comment"
    kernel.run(line)
    kernel.run("%tta_wait")
    assert kernel.run("%tta_logs").text.splitlines() == [
        "$HOME",
        "{secret}",
        "{1+1}",
        "{print $1}",
        "a=1",
        "#",
        "no",
        "comment",
    ]


def test_what_ipython_could_expand_is_passed_verbatim_too(kernel: Kernel) -> None:
    kernel.run("secret = 'leaked'; x = 1")
    kernel.run("%tta_submit shell -- echo {secret} {x + 1} $x")
    kernel.run("%tta_wait")
    assert kernel.run("%tta_logs").text == "{secret} {x + 1} $x"


def test_the_same_text_is_the_same_command_whatever_is_defined(kernel: Kernel) -> None:
    commands: list[Any] = []
    for setup in ("", "secret = 'x'"):
        kernel.run(setup)
        kernel.run("t = %tta_submit shell --quiet -- awk '{print $1}' {secret}")
        commands.append(kernel.value("t.task.params"))
    assert commands == [{"argv": ["awk", "{print $1}", "{secret}"]}] * 2


@pytest.mark.parametrize("word", ["{nope}", "$nope", "{1/0}"])
def test_an_expression_without_a_value_submits_nothing(kernel: Kernel, word: str) -> None:
    before = newest(kernel)
    assert "has no value" in usage_error(kernel.run(f"%tta_submit shell script={word}"))
    assert newest(kernel) == before


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
    before = newest(kernel)
    usage_error(kernel.run(f"%tta_wait --timeout {timeout}"))
    usage_error(kernel.run(f"%tta_submit shell --timeout {timeout} -- true"))
    assert newest(kernel) == before


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
        "%%tta_submit operator:mul\n1",
        "%tta_status -- anything",
    ],
)
def test_what_cannot_be_run_is_one_line_of_wrong_usage(kernel: Kernel, code: str) -> None:
    usage_error(kernel.run(code))


@pytest.mark.parametrize(("line", "number"), [("%matplotlib inline\nx = 1", 1), ("x = 1\n!ls", 2)])
def test_a_line_for_ipython_in_a_cell_is_named_and_what_to_use_instead(
    kernel: Kernel, line: str, number: int
) -> None:
    words = usage_error(kernel.run(f"%%tta_submit\n{line}"))
    assert f"Line {number} of the cell" in words
    assert "%%tta_submit shell" in words


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


def test_a_task_that_was_tried_again_is_the_last_one(kernel: Kernel) -> None:
    kernel.run("a = %tta_submit shell --quiet -- sh -c 'echo $TTA_TASK_ID; exit 1'")
    kernel.run("%tta_wait a --no-raise")
    kernel.run("b = %tta_retry a")
    kernel.run("%tta_wait b --no-raise")
    assert kernel.run("%tta_logs").text == kernel.value("b.id")


def test_a_variable_of_a_function_goes_in(kernel: Kernel) -> None:
    kernel.run(
        "def submit():\n    only_here = 41\n"
        "    task = %tta_submit python --quiet --in only_here code='only_here + 1'\n"
        "    return task\nt = submit()"
    )
    assert kernel.run("t.result(30)").text == "42"


def test_tasks_can_wait_for_others_by_handle(kernel: Kernel) -> None:
    kernel.run("a = %tta_submit shell --quiet -- sleep 0.3")
    kernel.run("b = %tta_submit shell --quiet --after {a} --priority high --retries 2 -- true")
    assert kernel.value("b.task.after == (a.id,)") is True
    assert kernel.value("b.task.max_attempts") == 3
    assert kernel.run("%tta_wait b").text.startswith("COMPLETED")


@pytest.mark.parametrize(
    ("setup", "line", "named"),
    [
        ("import threading; lock = threading.Lock()", "{lambda: lock}", "the function"),
        ("import threading; lock = threading.Lock()", "m:f x={lock}", "'x' (of type lock)"),
        ("big = bytearray(50_000_000)", "m:f data={big}", "'data' (of type bytearray)"),
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


def test_what_the_first_magic_needs_is_imported_while_the_notebook_rests() -> None:
    with Kernel() as kernel:
        needed = "{'pydantic', 'tta_interactive.notebook.magics', 'ipywidgets'}"
        end = time.monotonic() + BOUND
        # Each look is a cell of its own: as long as one runs nothing is imported.
        while kernel.value(f"sorted({needed} - {{*__import__('sys').modules}})"):
            assert time.monotonic() < end
            time.sleep(0.3)
        assert kernel.value("'mcp' in __import__('sys').modules") is False
        assert kernel.run("%tta_submit shell -- true").status == "ok"
