"""Read this first: the magics in a real notebook kernel, one feature a test."""

from collections.abc import Iterator

import pytest

from tests.e2e.kernel import Kernel


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Kernel() as kernel:
        yield kernel


def test_submit_answers_at_once_and_wait_gives_the_result(kernel: Kernel) -> None:
    submitted = kernel.run("t = %tta_submit shell -- sh -c 'echo hello; sleep 0.5'")
    assert submitted.status == "ok"
    waited = kernel.run("result = %tta_wait t\nprint(result)")
    assert "COMPLETED" in waited.text
    assert "{'exit_code': 0}" in waited.text


def test_a_cell_is_python_for_a_process_of_its_own(kernel: Kernel) -> None:
    kernel.run("%%tta_submit --name sum\ntotal = sum(range(10))\n{'total': total}")
    assert kernel.run("%tta_wait sum").text.endswith("{'total': 45}")
    assert kernel.run("total").status == "error"  # nothing ran in the kernel


def test_a_cell_can_be_a_script_for_the_shell(kernel: Kernel) -> None:
    kernel.run("%%tta_submit shell --name script\nword=two\necho one $word | tr a-z A-Z")
    kernel.run("%tta_wait script")
    assert kernel.run("%tta_logs script").text == "ONE TWO"


def test_a_function_of_the_notebook_is_called_with_objects(kernel: Kernel) -> None:
    kernel.run("def area(box, scale): return box[0] * box[1] * scale\nbox = (3, 4)")
    kernel.run("t = %tta_submit {area} {box} scale=2")
    assert kernel.run("%tta_wait t").text.endswith("24")


def test_an_importable_function_is_named_by_its_module(kernel: Kernel) -> None:
    kernel.run("%tta_submit operator:mul 6 7")
    assert kernel.run("%tta_wait").text.endswith("42")


def test_status_shows_the_tasks_of_all_doors(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell --name long -- sleep 30")
    kernel.until("t.status == 'running'")
    assert "1 RUNNING" in kernel.run("%tta_status").text
    assert "long" in kernel.run("%tta_list --state running").cards[0]["text/plain"]
    assert kernel.run("t.status.value").text == "'running'"


def test_cancel_ends_a_running_task(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell -- sleep 30")
    kernel.run("%tta_cancel t")
    assert kernel.run("%tta_wait t --no-raise").text.startswith("CANCELLED")


def test_a_failed_task_stops_run_all_in_two_lines(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit shell -- sh -c 'echo why >&2; exit 3'")
    reply = kernel.run("%tta_wait t\nprint('not reached')")
    assert reply.status == "error"
    assert "not reached" not in reply.text
    first, second = reply.error.splitlines()
    assert first.startswith("TaskFailed: t_")
    assert "%tta_logs t_" in second
    assert kernel.run("%tta_logs t").text == "why"


def test_a_handle_can_be_awaited(kernel: Kernel) -> None:
    kernel.run("t = %tta_submit python '6 * 7'")
    assert kernel.run("await t").text == "42"


def test_a_workflow_is_submitted_and_listed_as_one_task(kernel: Kernel) -> None:
    kernel.run(
        "shell = lambda name, *after: {'name': name, 'kind': 'shell', 'after': list(after),"
        " 'params': {'argv': ['echo', name]}}"
    )
    kernel.run("steps = [shell('ship', 'test'), shell('test')]")
    kernel.run("t = %tta_submit workflow steps={steps} --name release")
    assert "COMPLETED" in kernel.run("result = %tta_wait t").text
    assert kernel.run("list(result['steps'])").text == "['test', 'ship']"
    listed = kernel.run("%tta_list --kind shell").cards[0]["text/plain"]
    assert "ship" not in listed
    assert "release" in kernel.run("%tta_list").cards[0]["text/plain"]
