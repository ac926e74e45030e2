"""What this door may do: what the user said (`__main__.py`), and nothing an agent can write."""

import os
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from tta_interactive.errors import (
    ForbiddenError,
    InvalidRequestError,
    SandboxError,
    UnknownKindError,
)
from tta_interactive.kinds import get_kind
from tta_interactive.task import SandboxLevel

DEFAULT_KIND: Final = "tests"
WORKFLOW: Final = "workflow"
GENERATE: Final = "generate"
UNSANDBOXED: Final = "generate-unsandboxed"
MIN_SANDBOX: Final = SandboxLevel.LANDLOCK  # files outside the workspace are out of reach

MAX_QUEUED: Final = 100
MAX_PER_MINUTE: Final = 60  # submissions; an agent in a loop, not an honest one, has more
MAX_WAITS: Final = 1000  # calls of tta_wait at one time


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What the user allowed when the server was started."""

    home: Path
    """The store's directory: no task may work above it."""
    roots: tuple[Path, ...]
    """Tasks work inside these directories; absolute and without links."""
    kinds: frozenset[str] = frozenset({DEFAULT_KIND})
    ask: frozenset[str] = frozenset()
    """Kinds whose tasks the user allows one by one, asked through the client."""
    unsandboxed: bool = False
    """Whether tests may be generated where no sandbox can be had."""
    share_notebook: bool = False
    """Whether the status of the user's other tasks is visible."""
    remote: bool = False
    """Whether callers come over HTTP: then nothing of theirs runs outside a sandbox."""

    @property
    def known(self) -> frozenset[str]:
        """The kinds that agents may submit, some after a question only."""
        return self.kinds | self.ask

    def widened(self, kinds: frozenset[str]) -> "Policy":
        """The policy after the user allowed more kinds."""
        return replace(self, kinds=self.kinds | (kinds & self.ask))

    def check_kind(self, kind: str) -> None:
        """Raise `ForbiddenError` unless agents may submit this kind."""
        if kind not in self.kinds and kind in self.ask:
            raise ForbiddenError(
                f"The user has to allow each task of kind {kind!r}. Submit it alone, with a client "
                "that can ask them (elicitation); or they start the server with --allow "
                f"{kind}."
            )
        if kind not in self.kinds:
            raise ForbiddenError(
                f"Kind {kind[:80]!r} is not allowed here; allowed: "
                f"{', '.join(sorted(self.kinds)) or 'none'}. "
                "Only the user can widen this, by starting the server with --allow."
            )

    def sandbox(self, kind: str, available: SandboxLevel) -> SandboxLevel | None:
        """The least level for a task of this kind; None: the kind's own choice.

        Args:
            kind: The kind's name.
            available: The best level that this machine has.

        Raises:
            SandboxError: There is no sandbox, and the user did not allow to do without.
        """
        if kind == WORKFLOW and self.remote:
            return None  # it runs nothing itself; each of its steps is asked about
        if kind != DEFAULT_KIND and not self.remote:
            return None  # the user allowed it by name, and the help says how it runs
        if available >= MIN_SANDBOX:
            return MIN_SANDBOX
        if self.unsandboxed:
            return available
        what = "Generating tests runs the project's code" if kind == DEFAULT_KIND else "That"
        way = "" if self.remote else f", or to start the server with --allow {UNSANDBOXED}"
        raise SandboxError(
            f"{what} needs a sandbox of level {MIN_SANDBOX.word!r} or better; this machine has "
            f"{available.word!r} only. Ask the user to install bubblewrap (`tta doctor` shows "
            f"what is missing){way}."
        )

    @property
    def probes(self) -> frozenset[str] | None:
        """Kinds whose sandbox depends on what the machine has; None: all. Asking takes time."""
        return None if self.remote else frozenset({DEFAULT_KIND, WORKFLOW})

    def workspace(self, given: str | None) -> Path:
        """The directory that a task works in: inside a root, without links.

        Raises:
            InvalidRequestError: It is no directory, outside the roots, or above the store.
        """
        wanted = self.roots[0] / (given or "")
        try:
            found = wanted.resolve(strict=True)
        except (OSError, RuntimeError, ValueError):
            found = None
        if found is None or not found.is_dir():
            raise InvalidRequestError(
                f"The workspace {given!r:.200} is no directory. Give one inside {self._names()}."
            )
        self._check_inside("workspace", str(given), found)
        if self.home.is_relative_to(found):
            raise InvalidRequestError(
                f"The workspace {given!r:.200} contains the task store. Give a directory below it."
            )
        return found

    def params(self, params: Mapping[str, JsonValue], workspace: Path) -> dict[str, JsonValue]:
        """The params with every path checked: it leads to a place inside a root.

        Params named `path`, `paths`, `*_path` and `*_paths` are paths, of every kind.
        """
        return {
            name: self._checked(name, value, workspace)
            if name in ("path", "paths") or name.endswith(("_path", "_paths"))
            else value
            for name, value in params.items()
        }

    def _checked(self, name: str, value: JsonValue, workspace: Path) -> JsonValue:
        if isinstance(value, list):
            return [self._checked(name, each, workspace) for each in value]
        if not isinstance(value, str):
            return value  # the kind's model says what is wrong with it
        if not value or not value.isprintable() or len(value) > 4096:
            raise InvalidRequestError(
                f"{name} is {value!r:.200}, which is no usable path. Give a relative path."
            )
        try:
            found = Path(os.path.realpath(workspace / value))
        except (OSError, ValueError) as error:
            raise InvalidRequestError(
                f"{name} is {value!r:.200}, which cannot be read: {error}. Give another path."
            ) from None
        self._check_inside(name, value, found)
        # A file may be called -pfoo or @foo; in front of a tool it must not be an option.
        return value if value[0] not in "-@" else f"./{value}"

    def _check_inside(self, name: str, given: str, found: Path) -> None:
        if not any(found.is_relative_to(root) for root in self.roots):
            raise InvalidRequestError(
                f"{name} is {given!r:.200}, which leads outside {self._names()}. Give a path "
                "inside; only the user can widen this, by starting the server with --root."
            )

    def _names(self) -> str:
        return " and ".join(repr(str(root)) for root in self.roots)


def allowed_kinds(
    words: list[str], *, remote: bool = False, option: str = "--allow"
) -> tuple[frozenset[str], bool]:
    """What the values of `--allow` mean: the kinds, and whether tests may go unsandboxed.

    Args:
        words: The values, each perhaps a list with commas.
        remote: Whether callers come over HTTP: then nothing is allowed that is not named.
        option: Where the user wrote them.

    Raises:
        InvalidRequestError: A word is no kind, or a kind that no agent may ever submit.
    """
    names = [name.strip() for word in words for name in word.split(",") if name.strip()]
    kinds = {DEFAULT_KIND if name == GENERATE else name for name in names if name != UNSANDBOXED}
    if remote and UNSANDBOXED in names:
        raise InvalidRequestError(
            f"--allow {UNSANDBOXED}: over HTTP nothing runs without a sandbox. Leave it out."
        )
    for name in sorted(kinds):
        try:
            kind = get_kind(name)
        except UnknownKindError as error:
            raise InvalidRequestError(f"{option} {name}: {error}") from None
        if kind.trusted_only:
            raise InvalidRequestError(
                f"{option} {name}: tasks of kind {name!r} are never taken from an agent, because "
                "they run inside the worker's own processes. Allow 'python' or 'shell' instead."
            )
    default = frozenset[str]() if remote else frozenset({DEFAULT_KIND})
    return default | kinds, UNSANDBOXED in names


def asked_kinds(words: list[str], *, remote: bool = False) -> frozenset[str]:
    """What the values of `--ask` mean.

    Raises:
        InvalidRequestError: A word is no kind that may be asked about.
    """
    names = {name.strip() for word in words for name in word.split(",") if name.strip()}
    if remote and names:
        raise InvalidRequestError(
            "--ask: over HTTP the callers would be asked, and not you. Leave it out."
        )
    if usual := sorted(names & {GENERATE, UNSANDBOXED, DEFAULT_KIND}):
        raise InvalidRequestError(f"--ask {usual[0]}: nobody is asked about it. Use --allow.")
    return allowed_kinds(sorted(names), option="--ask")[0] - {DEFAULT_KIND}


def checked_roots(given: list[str]) -> tuple[Path, ...]:
    """The workspace roots that `--root` names; default: the current directory.

    Raises:
        InvalidRequestError: One is no directory, or too wide to be meant.
    """
    roots: list[Path] = []
    for text in given or [os.getcwd()]:
        try:
            root = Path(text).resolve(strict=True)
        except (OSError, RuntimeError, ValueError):
            root = None
        if root is None or not root.is_dir():
            raise InvalidRequestError(f"The root {text!r} is no directory. Give an existing one.")
        # Hosts like to start servers in / or in the home directory; nobody chose that.
        too_wide = root == Path(root.anchor) or (not given and _holds_home(root))
        if too_wide:
            raise InvalidRequestError(
                f"The workspace root would be {str(root)!r}, which is more than one project. "
                "Name the project's directory with --root."
            )
        roots.append(root)
    return tuple(dict.fromkeys(roots))


def _holds_home(root: Path) -> bool:
    home = os.environ.get("HOME", "")
    return bool(home) and Path(os.path.realpath(home)).is_relative_to(root)


@dataclass
class RateLimit:
    """At most `most` events in any minute. The time is passed in."""

    most: int = MAX_PER_MINUTE
    _seen: deque[float] = field(default_factory=deque[float])

    def take(self, now: float) -> float:
        """Count an event at `now` (seconds) and return 0, or the seconds to wait instead."""
        while self._seen and now - self._seen[0] >= 60:
            self._seen.popleft()
        if len(self._seen) >= self.most:
            return 60 - (now - self._seen[0])
        self._seen.append(now)
        return 0.0
