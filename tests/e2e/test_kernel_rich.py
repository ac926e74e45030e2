"""Pictures, tables and plots that a cell makes in its task, shown in the notebook."""

import base64
from importlib.util import find_spec
from typing import Any

import pytest

from tests.e2e.kernel import Kernel, Reply
from tta_interactive.blocking import BlockingEngine

PNG = b"\x89PNG\r\n\x1a\nrest"
TABLE = (
    "class Table:\n"
    "    def _repr_html_(self): return '<table><tr><td>7</td></tr></table>'\n"
    "    def __repr__(self): return 'a table'\n"
    f"class Picture:\n    def _repr_png_(self): return {PNG!r}\n"
    "    def __repr__(self): return 'a picture'\n"
)


def bundles(reply: Reply) -> list[dict[str, Any]]:
    """What a cell showed but for the cards, and its value."""
    shown = reply.of("display_data", "execute_result")
    return [c["data"] for c in shown if "tta-card" not in c["data"].get("text/html", "")]


def test_what_a_cell_displays_and_its_last_value_come_back_in_order(kernel: Kernel) -> None:
    kernel.run(f"%%tta_submit --quiet\n{TABLE}display(Picture(), Table())\nTable()")
    picture, table, last = bundles(kernel.run("%tta_wait"))
    assert picture == {
        "text/plain": "a picture",
        "image/png": base64.b64encode(PNG).decode(),
    }
    assert (
        table
        == last
        == {
            "text/plain": "a table",
            "text/html": "<table><tr><td>7</td></tr></table>",
        }
    )
    assert kernel.run("%tta_logs").text.splitlines() == ["a picture", "a table"]


def test_a_value_keeps_its_forms_in_a_variable_and_through_an_await(kernel: Kernel) -> None:
    kernel.run(f"%%tta_submit --quiet\n{TABLE}Table()")
    kernel.run("t = %tta_status --last\nr = await t")
    assert "text/html" in bundles(kernel.run("r"))[0]
    assert kernel.value("r") == {"repr": "a table", "type": "Table"}


def test_what_json_cannot_say_is_shown_as_the_cell_itself_would(kernel: Kernel) -> None:
    kernel.run("%%tta_submit --quiet\n{1, 2}")
    assert kernel.run("%tta_wait").text.endswith("\n{1, 2}")


def test_a_handle_shows_what_was_displayed_also_in_another_kernel(kernel: Kernel) -> None:
    kernel.run(f"%%tta_submit --quiet --name again\n{TABLE}display(Table())\nPicture()")
    kernel.run("%tta_wait again")
    kernel.restart()
    table, picture = bundles(kernel.run("%tta_status again"))
    assert "text/html" in table
    assert "image/png" in picture


def test_html_of_an_agents_task_is_not_shown_and_its_text_is(kernel: Kernel) -> None:
    code = (
        "class Page:\n    def _repr_html_(self): return '<script>alert(1)</script>'\n"
        "    def _repr_svg_(self): return '<svg onload=\"alert(1)\"></svg>'\n"
        "    def _repr_markdown_(self): return '<img src=x onerror=alert(1)>'\n"
        "    def _repr_png_(self): return b'<script>no picture'\n"
        "    def __repr__(self): return 'page \\x1b[2J'\ndisplay(Page())\nPage()"
    )
    with BlockingEngine(kernel.home / "store", owner="mcp:agent") as agent:
        task_id = agent.submit("python", {"code": code}, workspace=str(kernel.workspace))
        agent.wait(task_id, 30)
    reply = kernel.run(f"%tta_wait {task_id}")
    assert bundles(reply) == [{"text/plain": "page \\x1b[2J"}] * 2
    assert "alert" not in str(reply.messages)


@pytest.mark.sandbox
def test_html_does_not_leave_the_sandbox(kernel: Kernel) -> None:
    kernel.run(f"%%tta_submit --quiet --sandbox namespaces\n{TABLE}display(Picture())\nTable()")
    picture, table = bundles(kernel.run("%tta_wait"))
    assert set(picture) == {"text/plain", "image/png"}
    assert table == {"text/plain": "a table"}


@pytest.mark.parametrize(
    "body",
    ["raise ValueError", "raise SystemExit", "return object()", "return 'x' * 10**7", "return 5"],
)
def test_a_form_that_cannot_be_made_or_is_too_large_leaves_the_text(
    kernel: Kernel, body: str
) -> None:
    kernel.run(
        f"%%tta_submit --quiet\nclass Bad:\n    def _repr_html_(self): {body}\n"
        "    def __repr__(self): return 'bad'\ndisplay(Bad())\nBad()"
    )
    assert bundles(kernel.run("%tta_wait")) == [{"text/plain": "bad"}] * 2


def test_a_forged_file_of_displays_shows_nothing(kernel: Kernel) -> None:
    kernel.run(
        "%%tta_submit --quiet\nimport atexit, glob\n"
        f"path = glob.glob('{kernel.home}/store/attempts/*/io')[0] + '/shown.json'\n"
        "open(path, 'w').write('[' * 100_000)\nNone"
    )
    reply = kernel.run("%tta_wait")
    assert reply.status == "ok"
    assert bundles(reply) == []


def test_what_a_task_with_secrets_displays_comes_as_text_only() -> None:
    with Kernel(MY_KEY="very-secret") as kernel:
        kernel.run(f"%%tta_submit --quiet --secret MY_KEY\n{TABLE}display(Table())\nTable()")
        (last,) = bundles(kernel.run("%tta_wait"))
        assert last == {"text/plain": "a table"}


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="matplotlib is not installed")
def test_the_figures_of_a_cell_come_back_as_pictures(kernel: Kernel) -> None:
    kernel.run(
        "%%tta_submit --quiet\nimport matplotlib.pyplot as plt\nplt.plot([1, 3, 2])\n"
        "other = plt.figure()\nlen(plt.get_fignums())"
    )
    shown = bundles(kernel.run("%tta_wait"))
    assert [set(one) for one in shown[:2]] == [{"text/plain", "image/png"}] * 2
    assert shown[0]["text/plain"].startswith("<Figure size")
    assert shown[2] == {"text/plain": "2"}
