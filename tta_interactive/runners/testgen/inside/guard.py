"""Refuses what a test must never do: an audit hook, installed before the module is imported.

This is no security boundary: hostile code in the same process can undo it. The sandbox around
the process contains; the hook makes sure that a call which writes, deletes, connects or starts
something is *discarded*, instead of being recorded with the sandbox's own error as its result.
"""

import inspect
import os
import sys
from collections.abc import Iterable
from typing import Any

# At import a module may ask other programs (`git describe`); a fork would run us twice.
NEVER = {"os.fork", "os.forkpty", "os.exec", "os.kill", "os.killpg", "pty.spawn"}
NEVER_IN_A_CALL = {
    "builtins.input",
    "os.chdir",
    "os.posix_spawn",
    "os.putenv",
    "os.startfile",
    "os.system",
    "os.unsetenv",
    "signal.pthread_kill",
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "socket.sendmsg",
    "socket.sendto",
    "subprocess.Popen",
    "webbrowser.open",
}
# A test that reaches for what measures and reports it.
NEVER_IN_A_TEST = {
    "gc.get_objects",
    "gc.get_referents",
    "gc.get_referrers",
    "sys.addaudithook",
    "sys.monitoring.register_callback",
    "sys.setprofile",
    "sys.settrace",
}
# Event -> places of its arguments: (path, dir_fd or None).
CHANGES: dict[str, tuple[tuple[int, int | None], ...]] = {
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.link": ((1, 3),),
    "os.mkdir": ((0, 2),),
    "os.remove": ((0, 1),),
    "os.rename": ((0, 2), (1, 3)),
    "os.rmdir": ((0, 1),),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
    "os.utime": ((0, 3),),
    "shutil.rmtree": ((0, 1),),
    "sqlite3.connect": ((0, None),),
}
VARIABLES = {"os.putenv", "os.unsetenv"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Refused(BaseException):
    """The code under test tried something that a test must not do."""


class Guard:
    """What is allowed now. One a process."""

    def __init__(
        self, writable: Iterable[str], *, commands: bool, ours: Iterable[str] = ()
    ) -> None:
        self._writable = tuple(os.path.realpath(path) for path in writable)
        self._commands = commands
        self._ours = frozenset(os.path.realpath(path) for path in ours)
        # Who runs tests has a report to protect; the generator traces the calls that it makes.
        self._never = NEVER_IN_A_CALL | (NEVER_IN_A_TEST if self._ours else set[str]())
        self.in_a_call = False
        """Set while code under test is called, rather than imported."""
        self.writable_in_a_call = True
        """Whether the writable directories stay so in a call."""
        self.own_directory = ""
        """What the call under way may write to even so: its `tmp_path`."""

    def install(self) -> None:
        sys.addaudithook(self._look)

    def _look(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            if _is_writing(args[1], args[2]) and not self._may_change(args[0], None):
                raise Refused(f"it writes to {_shown(args[0])}")
        elif event in CHANGES:
            for path_at, fd_at in CHANGES[event]:
                dir_fd = args[fd_at] if fd_at is not None and fd_at < len(args) else None
                if not self._may_change(args[path_at], dir_fd):
                    raise Refused(f"it changes {_shown(args[path_at])} ({event})")
        elif event in NEVER or (
            event in self._never
            and (self.in_a_call or (event == "subprocess.Popen" and not self._commands))
            and not (event in VARIABLES and _is_undone())
        ):
            raise Refused(f"it uses {event}")

    def _may_change(self, path: Any, dir_fd: Any) -> bool:
        if isinstance(path, int):
            return True  # a descriptor: whatever it is, it was opened before
        roots = self._writable
        if self.in_a_call and not self.writable_in_a_call:
            roots = (self.own_directory,) if self.own_directory else ()
        try:
            text = os.fsdecode(path)
            if isinstance(dir_fd, int) and dir_fd >= 0:
                text = os.path.join(os.readlink(f"/proc/self/fd/{dir_fd}"), text)
            # The last part may be a link that is itself to be removed.
            folder, name = os.path.split(os.path.abspath(text))
            real = os.path.join(os.path.realpath(folder), name)
        except (OSError, ValueError, TypeError):
            return False
        if real in self._ours:
            return False
        if real == os.devnull or text == ":memory:":
            return True
        return any(real == root or real.startswith(root + os.sep) for root in roots)


def _is_undone() -> bool:
    """Whether pytest's `monkeypatch` sets the variable: it puts the old value back."""
    frame = inspect.currentframe()
    for _ in range(8):  # our own frames and those of os.environ come first
        if frame is None:
            return False
        if frame.f_globals.get("__name__") == "_pytest.monkeypatch":
            return True
        frame = frame.f_back
    return False


def _is_writing(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str) and any(letter in mode for letter in "wax+"):
        return True
    return isinstance(flags, int) and bool(flags & WRITING)


def _shown(path: Any) -> str:
    try:
        return repr(os.fsdecode(path))[:120]
    except (TypeError, ValueError):
        return "a file"
