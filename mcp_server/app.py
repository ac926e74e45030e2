"""The board inside a chat: an MCP App, `ui://tta/board.html`, and the tools that it lives on.

The document holds the very module that notebooks and pages have (`tta_interactive.board`) and an
adapter to the host that frames it. It loads nothing and reaches nobody but its host, which passes
its calls of `tta_board_feed` on to us. Who calls that tool is not known to be the app: so it does
what the owner's other tools do, under the same policy, quotas and audit, and nothing more.

Clients that show no apps are not told of these tools.
"""

from pathlib import Path
from typing import Any, Final, cast

from mcp.server.apps import Apps, client_supports_apps
from mcp.server.context import CallNext, HandlerResult

from mcp_server.tasks import Ctx
from mcp_server.tools import Door
from mcp_server.wire import BoardAnswer, BoardArguments, StatusAnswer, StatusArguments
from tta_interactive.board import MODULE
from tta_interactive.board.reader import Exchange

URI: Final = "ui://tta/board.html"
SHOWN: Final[dict[str, Any]] = {"ui": {"resourceUri": URI}}
"""The metadata of the tool that a model calls to show the board."""
FEEDS: Final[dict[str, Any]] = {"ui": {"visibility": ["app"]}}
"""The metadata of a tool that only the app calls."""


def board_app() -> Apps:
    """The extension that serves the document."""
    apps = Apps()
    apps.add_html_resource(
        URI, document(), name="board", title="Your tasks", description="The live board of tasks."
    )
    return apps


def document() -> str:
    """The whole app in one document."""
    folder: Path = MODULE.parent
    page, adapter = ((folder / name).read_text("utf-8") for name in ("chat.html", "chat.js"))
    return page.replace("/* modules */", MODULE.read_text("utf-8") + adapter)


async def only_where_apps_are(ctx: Ctx, call_next: CallNext) -> HandlerResult:
    """A middleware: tools of the app are listed to clients that show apps."""
    result = await call_next(ctx)
    if ctx.method == "tools/list" and not client_supports_apps(ctx):
        found = cast("dict[str, Any]", result)
        found["tools"] = [t for t in found["tools"] if "ui" not in (t.get("_meta") or {})]
    return result


async def show_board(door: Door, _: BoardArguments, __: object) -> tuple[StatusAnswer, str]:
    """What the model reads while the user sees the board."""
    answer, text = await door.status(StatusArguments(), None)
    return answer, f"The user sees the live board of these tasks. {text}"


async def feed_board(door: Door, asked: Exchange, _: object) -> tuple[BoardAnswer, str]:
    """One request of an open board."""
    return BoardAnswer.model_validate(await door.board.exchange(asked)), "For the board."
