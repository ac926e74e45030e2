"""The board in a chat: the Inspector's web client frames it, in a real browser.

    python -m tests.interop.chat [PICTURE]

PICTURE is a file to write a picture of it to.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from playwright.sync_api import FrameLocator, Page, Request, expect, sync_playwright

from mcp_server.doors import LOCAL
from tests.browser.lab import CHROME
from tests.e2e.mcp_wire import REPOSITORY, Host, environment, until
from tests.interop.inspector import LAUNCHER
from tests.node import NODE, installed
from tta_interactive.blocking import BlockingEngine

HERE: Final = Path(__file__).parent
CANARY: Final = "<img src=x onerror=\"document.title='owned'\">"
FIT: Final = (
    "import time, tta_interactive as tta\n"
    "for epoch in range(38):\n"
    "    tta.progress(epoch / 100, f'epoch {epoch}: loss {1 / (epoch + 1):.3f}')\n"
    "time.sleep(60)"
)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def inspector(host: Host) -> Iterator[str]:
    """The address of a web client that knows our server."""
    options = ["--home", str(host.home), "--root", str(host.project), "--allow", "shell"]
    server = {
        "command": sys.executable,
        "args": ["-P", "-m", "mcp_server", *options],
        "env": {"PYTHONPATH": str(REPOSITORY)},
    }
    config = host.home / "inspector.json"
    config.write_text(json.dumps({"mcpServers": {"tta": server}}))
    page, sandbox = free_ports(2)
    token = secrets.token_hex(16)
    process = subprocess.Popen(
        [NODE, LAUNCHER, "--web", "--config", config],
        env={
            **environment(host.home),
            "HOST": "127.0.0.1",
            "CLIENT_PORT": str(page),
            "MCP_APP_ORIGIN_PORT": str(sandbox),
            "MCP_AUTO_OPEN_ENABLED": "false",
            "MCP_INSPECTOR_API_TOKEN": token,
            "MCP_INSPECTOR_SECRET_STORE": "memory",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{page}/"
    try:
        assert until(lambda: answers(address)), "the Inspector did not start"
        yield f"{address}?MCP_INSPECTOR_API_TOKEN={token}"
    finally:
        process.terminate()
        process.wait()


def answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=1).close()
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False
    return True


LOCAL_URL: Final = re.compile(r"(https?://(127\.0\.0\.1|localhost)[:/]|data:|blob:|about:)")


@contextlib.contextmanager
def browser_page() -> Iterator[Page]:
    """A page that reaches nothing but this machine; its frames must not even try."""
    tried: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROME)
        page = browser.new_page(viewport={"width": 1360, "height": 860}, color_scheme="light")
        # The Inspector itself would fetch fonts.
        page.route(lambda url: not LOCAL_URL.match(url), lambda route: route.abort())

        def note(asked: Request) -> None:
            if asked.frame != page.main_frame and not LOCAL_URL.match(asked.url):
                tried.append(asked.url)

        page.on("request", note)
        yield page
        browser.close()
    assert not tried, tried


def opened(page: Page, address: str) -> FrameLocator:
    """The board, framed twice: the Inspector keeps apps in a sandbox of another origin."""
    page.goto(address)
    page.get_by_role("switch", name='Connect or disconnect "tta"').locator("xpath=..").click()
    connected = '[data-testid="connection-status"][data-status="connected"]'
    page.locator(connected).wait_for(timeout=60_000)
    page.get_by_text("Apps", exact=True).first.click()
    page.get_by_text("Show the board of tasks").first.click()
    page.get_by_role("button", name="Close monitoring sidebar").click()
    return page.frame_locator("iframe").frame_locator("iframe")


def look(page: Page, address: str, engine: BlockingEngine, picture: Path | None) -> None:
    """Everything that a reader of the board in the chat may count on."""
    failed = engine.submit(
        "shell", {"argv": ["sh", "-c", 'echo "$0" >&2; exit 1', CANARY]}, label=CANARY
    )
    engine.submit("python", {"code": FIT}, label="nightly fit")
    engine.wait(failed, 30)
    board = opened(page, address)
    rows = board.locator("tbody tr")
    expect(rows).to_have_count(2, timeout=30_000)
    expect(rows.first).to_contain_text("37 %")
    expect(rows.nth(1)).to_contain_text(CANARY)  # words, not an element
    release = engine.submit("shell", {"argv": ["sleep", "60"]}, label="release")
    expect(rows).to_have_count(3)  # without a reload
    line = rows.filter(has_text="release")
    expect(line).to_contain_text("running")
    if picture is not None:
        page.mouse.move(600, 840)  # no tooltip
        page.wait_for_timeout(500)
        page.screenshot(path=picture)
    line.get_by_role("button", name="Cancel").click()
    expect(line).to_contain_text("cancelled", timeout=30_000)
    assert engine.wait(release, 20).status == "cancelled"
    board.get_by_role("searchbox").fill("nightly")
    expect(rows).to_have_count(1)
    titles = [frame.evaluate("document.title") for frame in page.frames]
    assert "owned" not in titles, titles


def main(words: list[str]) -> int:
    installed(HERE)
    picture = Path(os.path.abspath(words[0])) if words else None
    with (
        Host.made() as host,
        BlockingEngine(host.home, owner=LOCAL) as engine,
        inspector(host) as address,
        browser_page() as page,
    ):
        try:
            look(page, address, engine, picture)
        except AssertionError as error:
            print(f"chat: {error}")
            return 1
        finally:
            for task in engine.list():
                engine.cancel(task.id)
    print("chat: as expected")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
