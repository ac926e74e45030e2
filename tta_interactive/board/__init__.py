"""The live board of all tasks: what it shows, and the module that every host draws it with."""

from pathlib import Path
from typing import Final

from tta_interactive.board.feed import BoardFeed

MODULE: Final = Path(__file__).with_name("board.js")
"""The ES module: in a notebook, on a page and in a chat the very same file."""

__all__ = ["MODULE", "BoardFeed"]
