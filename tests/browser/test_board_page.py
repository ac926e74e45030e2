"""The board's page in a real browser: it lives, it obeys, and nothing in it acts by itself."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

pytest.importorskip("playwright", reason="Playwright is not installed")

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.lab import CHROME, until
from tta_interactive.blocking import BlockingEngine
from tta_interactive.board.page import BoardServer
from tta_interactive.request import TaskRequest

pytestmark = pytest.mark.browser

CANARY = "<img src=x onerror=\"document.title='owned'\">"
BOUND = 20.0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROME)
        yield opened
        opened.close()


@pytest.fixture
def server(engine: BlockingEngine) -> Iterator[BoardServer]:
    made = BoardServer(engine)
    yield made
    made.close()


@pytest.fixture
def page(browser: Browser, server: BoardServer) -> Iterator[Page]:
    page = browser.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda asked: problems.extend(_outside(asked.url, server)))
    page.goto(server.address)
    expect(page.locator(".tta-board")).to_be_visible()
    yield page
    page.close()
    assert problems == []


def _outside(url: str, server: BoardServer) -> list[str]:
    return [] if url.startswith(f"http://127.0.0.1:{server.port}/") else [url]


def test_a_task_of_another_door_appears_ticks_and_ends_without_a_reload(
    engine: BlockingEngine, page: Page
) -> None:
    expect(page.get_by_text("No tasks yet.")).to_be_visible()
    slow = engine.submit("shell", {"argv": ["sleep", "60"]}, label="slow")
    line = page.locator("tbody tr").filter(has_text="slow")
    expect(line).to_contain_text("running")
    ran = line.locator("td.n").nth(1)
    before = ran.inner_text()
    until(lambda: ran.inner_text() != before, "the seconds go on")
    line.get_by_role("button", name="Cancel").click()
    expect(line).to_contain_text("cancelled")
    assert engine.wait(slow, BOUND).status == "cancelled"
    line.get_by_role("button", name="Retry").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    for task in engine.list():
        engine.cancel(task.id)


def test_a_question_is_answered_by_a_click_in_its_row(engine: BlockingEngine, page: Page) -> None:
    code = f"from tta_interactive import ask\nask({CANARY!r}, choices=['yes', 'no'])"
    task_id = engine.submit("python", {"code": code}, workspace="/tmp", label="asks")
    row = page.locator(".tta-board tbody tr", has_text="asks")
    expect(row).to_contain_text("needs an answer")
    expect(row).to_contain_text(CANARY)
    row.get_by_role("button", name="yes").click()
    assert engine.wait(task_id, BOUND).result == "yes"
    expect(row).to_contain_text("completed")
    expect(row.get_by_role("button", name="no")).to_have_count(0)
    assert page.title() != "owned"


FORM = {
    "type": "object",
    "required": ["branch", "n"],
    "properties": {
        "branch": {"type": "string", "title": f"Branch {CANARY}", "maxLength": 20},
        "n": {"type": "integer", "minimum": 1, "description": CANARY},
        "push": {"type": "boolean"},
        "level": {"type": "string", "enum": ["low", CANARY]},
        "parts": {"type": "array", "items": {"type": "string", "enum": ["docs", CANARY]}},
    },
}


def asking(engine: BlockingEngine, call: str) -> str:
    code = f"from tta_interactive import ask\n{call}"
    return engine.submit("python", {"code": code}, workspace="/tmp", label="asks")


def test_a_form_is_filled_in_by_keyboard_and_a_wrong_value_loses_nothing(
    engine: BlockingEngine, page: Page
) -> None:
    task_id = asking(engine, f"ask('Release?', form={FORM!r})")
    form = page.get_by_role("form", name="Release?")
    form.get_by_label(f"Branch {CANARY} *").focus()
    page.keyboard.type("main")
    page.keyboard.press("Tab")
    page.keyboard.type("many")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    form.get_by_label("level").select_option(CANARY)
    form.get_by_label(CANARY, exact=True).check()
    form.get_by_label("n *").press("Enter")
    number = form.get_by_label("n *")
    expect(number).to_have_attribute("aria-invalid", "true")
    expect(number).to_be_focused()
    expect(form.get_by_text("'n' is 'many'. Give a whole number")).to_be_visible()
    expect(form.get_by_label(f"Branch {CANARY} *")).to_have_value("main")
    engine.submit("shell", {"argv": ["true"]}, label="another row comes in between")
    expect(page.locator("tbody tr").filter(has_text="in between")).to_contain_text("completed")
    expect(number).to_be_focused()  # what others do does not disturb who types
    number.fill("3")
    page.keyboard.press("Enter")
    assert engine.wait(task_id, BOUND).result == {
        "branch": "main",
        "n": 3,
        "push": True,
        "level": CANARY,
        "parts": [CANARY],
    }
    expect(form).to_have_count(0)
    assert page.locator("#board").locator("img, script").count() == 0
    assert page.title() == "Tasks"


def test_a_text_and_a_long_list_are_answered_in_their_row(
    engine: BlockingEngine, page: Page
) -> None:
    many = [f"choice {number}" for number in range(9)]
    task_id = asking(
        engine, f"[ask('Name?', default='Ada'), ask('Which?', choices={many!r}), ask('?')]"
    )
    page.get_by_role("form", name="Name?").get_by_label("Answer").fill("Grace <b>")
    page.keyboard.press("Enter")
    which = page.get_by_role("form", name="Which?")
    which.get_by_label("Answer").select_option("choice 7")
    which.get_by_role("button", name="Answer", exact=True).click()
    page.get_by_role("form", name="?", exact=True).get_by_role("button", name="No answer").click()
    assert engine.wait(task_id, BOUND).result == ["Grace <b>", "choice 7", None]


def test_hostile_words_are_text_in_every_field(engine: BlockingEngine, page: Page) -> None:
    argv = ["sh", "-c", 'echo "$0"; exit 1', CANARY]
    failed = engine.submit("shell", {"argv": argv}, label=CANARY)
    code = f"import tta_interactive as t, time\nt.progress(.5, {CANARY!r}); time.sleep(30)"
    running = engine.submit("python", {"code": code}, label=f"two {CANARY}")
    engine.wait(failed, BOUND)
    expect(page.get_by_text("50 %")).to_be_visible()
    page.get_by_role("button", name=CANARY, exact=True).click()
    expect(page.locator("pre")).to_contain_text(CANARY)
    assert page.locator("#board").locator("img, script").count() == 0
    assert page.title() == "Tasks"
    engine.cancel(running)


def test_a_reader_filters_and_sorts_with_the_keyboard_alone(
    engine: BlockingEngine, page: Page
) -> None:
    engine.wait_all(
        [engine.submit("shell", {"argv": [one]}, label=one) for one in ("true", "false")]
    )
    chip = page.get_by_role("button", name="failed 1")
    expect(chip).to_be_visible()
    chip.focus()
    page.keyboard.press("Space")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(chip).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Task", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("columnheader", name="Task")).to_have_attribute(
        "aria-sort", "ascending"
    )
    assert page.locator("tbody tr").first.inner_text().count("false")
    page.get_by_role("searchbox").press_sequentially("tru")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_ten_thousand_tasks_are_one_page_of_rows(engine: BlockingEngine, page: Page) -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    request = TaskRequest(kind="shell", params={"argv": ["true"]}, not_before=later)
    for _ in range(10):
        engine.submit_many([request] * 1000)
    expect(page.get_by_text("1 to 50 of 10,000")).to_be_visible(timeout=BOUND * 1000)
    assert page.locator("tbody tr").count() == 50
    page.get_by_role("button", name="Older").click()
    expect(page.get_by_text("51 to 100 of 10,000")).to_be_visible()


@pytest.mark.parametrize(("scheme", "back"), [("light", 255), ("dark", 18)])
def test_the_colours_follow_the_reader_s_theme(
    browser: Browser, server: BoardServer, scheme: Literal["light", "dark"], back: int
) -> None:
    page = browser.new_page(color_scheme=scheme)
    page.goto(server.address)
    board = page.locator(".tta-board")
    expect(board).to_be_visible()
    shown = board.evaluate("one => getComputedStyle(one).backgroundColor")
    assert shown == f"rgb({back}, {back}, {back})"
    page.close()


def test_a_board_that_is_made_before_it_is_shown_takes_the_colours_of_its_place(page: Page) -> None:
    page.evaluate(
        """async () => {
            const { mount } = await import("./board.js");
            const place = document.createElement("div");
            mount(place, { send() {}, listen() {} });
            const dark = document.createElement("div");
            dark.id = "dark";
            dark.style.setProperty("--jp-layout-color1", "rgb(17, 17, 17)");
            dark.append(place);
            document.body.append(dark);
        }"""
    )
    board = page.locator("#dark .tta-board")
    expect(board).to_have_css("color-scheme", "dark")
