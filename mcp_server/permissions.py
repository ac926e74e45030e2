"""What the user allows agents for good: a private file of the user's. Flags add to it.

    ~/.config/tta-interactive/agents.toml        or below XDG_CONFIG_HOME

    allow = ["shell"]                            as --allow
    ask = ["python"]                             as --ask
    roots = ["~/src"]                            as --root, beside the current directory
    share_notebook = true                        as --share-notebook

Over HTTP it counts for nothing: there the command line names all that is allowed.
Never a file in the workspace: the repository may be the attacker.
"""

import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, StrictBool, StringConstraints, ValidationError

from mcp_server.private import private_text
from tta_interactive.errors import InvalidRequestError, UnsafePlaceError
from tta_interactive.text import one_line

WHAT: Final = "file of permissions"
Word = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=4096)]


class Permissions(BaseModel):
    """What stands in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow: tuple[Word, ...] = ()
    ask: tuple[Word, ...] = ()
    roots: tuple[Word, ...] = ()
    share_notebook: StrictBool = False


def permissions_path() -> Path:
    """Where the file is looked for. `HOME` is believed as far as a shell believes it."""
    config = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(config) if os.path.isabs(config) else Path("~/.config").expanduser()
    return base / "tta-interactive" / "agents.toml"


def read_permissions(path: Path) -> Permissions:
    """What the file allows; nothing where there is none.

    Raises:
        UnsafePlaceError: Others may have written it.
        InvalidRequestError: It is no TOML, or says something that nobody understands.
    """
    if not os.path.lexists(path):
        return Permissions()
    text, _ = private_text(path, WHAT, "Look at what it says, then make it so with chmod 600.")
    try:
        found = Permissions.model_validate(tomllib.loads(text))
        roots = tuple(os.path.expanduser(root) for root in found.roots)
    except tomllib.TOMLDecodeError as error:
        raise _unusable(path, f"{error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _unusable(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    for root in roots:
        if not os.path.isabs(root):
            raise _unusable(path, f"the root {root!r:.200} is no absolute path")
    return found.model_copy(update={"roots": roots})


def check_out_of_reach(path: Path, roots: Sequence[Path]) -> None:
    """Raise `UnsafePlaceError` if tasks of agents may work where the file lies, or would lie.

    A file that is not there yet counts: they could make it, and the next server would believe it.
    So does a link on the way to it, which they could turn to a place of theirs.
    """
    steps = [Path(os.path.realpath(each.parent)) / each.name for each in (path, *path.parents)]
    for root in roots:
        if any(step.is_relative_to(root) for step in steps):
            raise UnsafePlaceError(
                f"The {WHAT} is {str(path)!r}, inside {str(root)!r}, where agents may work: they "
                "could make or change it. Give a narrower --root."
            )


def _unusable(path: Path, why: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"The {WHAT} {str(path)!r} cannot be used: {one_line(why, 300)}. It knows: allow and ask "
        "(kinds), roots (directories) and share_notebook (true or false)."
    )
