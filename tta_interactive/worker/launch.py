"""Starts the first process of a task: by fork alone where that is enough, else by exec.

A Python task in the zygote's own interpreter needs no exec: the fork already has what it
needs, and a start-up of 40 ms becomes one of 1 ms. Everything else is executed.
"""

import errno
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tta_interactive import sandbox
from tta_interactive.asking import VARIABLE as ASK_FD
from tta_interactive.sandbox.environment import task_environment
from tta_interactive.worker.attempt import AttemptSpec, failure
from tta_interactive.worker.forked import COOKIE, become, offer_to_oom_killer
from tta_interactive.worker.orders import (
    io_directory,
    orders_of,
    python_argv,
    scratch_directory,
    what_it_reads,
)

BUSY = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
# Ours are handled or ignored, or whoever started the worker ignored them (`nohup`, a shell's `&`);
# a task begins with none of that.
DEFAULTED = (
    signal.SIGCHLD,
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGHUP,
    signal.SIGPIPE,
    signal.SIGXFSZ,
)


class LaunchError(Exception):
    """The task cannot be started: `error` is its record."""

    def __init__(self, code: str, message: str, remedy: str = "") -> None:
        super().__init__(code, message, remedy)
        self.error = failure(code, message, remedy)


class TooBusyError(Exception):
    """The machine has no process, memory or descriptor left; later it may."""


@dataclass(frozen=True)
class Started:
    """A task's first process and our ends of its pipes."""

    pid: int
    output: int
    progress: int
    level: int
    """The containment it got: a `SandboxLevel` value."""
    wrapped: bool = False
    """Whether `pid` is bubblewrap and the task's command runs inside."""
    status: int | None = None
    """Where bubblewrap says what became of the command."""
    asks: int | None = None
    """Our end of the socket on which Python code asks questions; a command has none."""


def launch(
    spec: AttemptSpec, lock: int, extra: Sequence[int], available: int, cookie: int
) -> Started:
    """Start the task of `spec`.

    Args:
        lock: The descriptor that holds the attempt's lock; the task inherits it.
        extra: More descriptors that the task inherits, named in TTA_FDS.
        available: The best containment of this machine.
        cookie: See `forked.environ_address`.

    Raises:
        LaunchError: It cannot be started; a fact about the task or the machine.
        TooBusyError: It cannot be started now.
    """
    if not os.path.isdir(spec.workspace):
        raise LaunchError(
            "workspace",
            f"The workspace {spec.workspace!r} is no directory (any more).",
            "Make it, or submit with another workspace.",
        )
    if spec.child is not None and _is_gone(spec.python or sys.executable):
        # Or a fork would run on with what is left in memory of a deleted installation.
        raise _interpreter_gone(spec)
    level = _level(spec, available)
    opened: list[int] = []
    try:
        try:
            output, output_end = _pipe(opened)
            progress, progress_end = _pipe(opened)
            os.set_blocking(progress_end, False)
            os.mkdir(scratch_directory(spec), 0o700)
            inherited = (lock, progress_end, *extra)
            environment = _environment(spec, progress_end, extra)
            asks = None
            if spec.child is not None or spec.inherit:
                asks, asks_end = _pair(opened)
                inherited = (*inherited, asks_end)
                environment[ASK_FD] = f"{asks_end}.{os.fstat(asks_end).st_ino}"
            started = _start(
                spec, level, (output, progress), output_end, inherited, environment, cookie
            )
            return replace(started, asks=asks)
        finally:
            for end in opened[1::2]:  # the task's ends
                os.close(end)
    except (OSError, ValueError, LaunchError) as error:
        for end in opened[::2]:
            os.close(end)
        if isinstance(error, OSError) and error.errno in BUSY:
            raise TooBusyError(str(error)) from error
        if isinstance(error, LaunchError):
            raise
        raise _start_error(spec, error) from error


def _level(spec: AttemptSpec, available: int) -> int:
    """What it gets: for a kind that contains its steps itself, what they will get."""
    if not spec.wants_sandbox:
        return sandbox.LIMITS
    if available >= spec.sandbox:
        return available
    raise LaunchError("sandbox", sandbox.missing(spec.sandbox, available), sandbox.REMEDY)


def _pipe(opened: list[int]) -> tuple[int, int]:
    ends = os.pipe()
    opened.extend(ends)
    return ends


def _pair(opened: list[int]) -> tuple[int, int]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    ends = ours.detach(), theirs.detach()
    opened.extend(ends)
    return ends


def _environment(spec: AttemptSpec, progress: int, extra: Sequence[int]) -> dict[str, str]:
    environment = task_environment(spec.environment, scratch_directory(spec))
    environment[COOKIE] = spec.task_id
    environment["TTA_ATTEMPT"] = str(spec.attempt)
    environment["TTA_PROGRESS_FD"] = str(progress)
    if extra:
        environment["TTA_FDS"] = ",".join(map(str, extra))
    return environment


def _start(
    spec: AttemptSpec,
    level: int,
    ours: tuple[int, int],
    output: int,
    inherited: tuple[int, ...],
    environment: dict[str, str],
    cookie: int,
) -> Started:
    boxed = level > sandbox.LIMITS and not spec.contains_itself
    orders = None
    if spec.child is not None:
        orders = orders_of(spec, level)
        os.mkdir(io_directory(spec), 0o700)
        own = not any(name.startswith("PYTHON") for name in spec.environment)
        if not boxed and own and spec.python in ("", sys.executable):
            pid = os.fork()
            if pid == 0:
                become(spec, orders, output, inherited, environment, cookie)
            return Started(pid, *ours, level)
    argv = spec.argv if orders is None else python_argv(spec, orders)
    assert argv is not None
    if boxed:
        return _start_boxed(spec, level, argv, ours, output, inherited, environment)
    pid = _execute(argv, spec.workspace, output, inherited, environment)
    return Started(pid, *ours, level)


def _start_boxed(
    spec: AttemptSpec,
    level: int,
    argv: Sequence[str],
    ours: tuple[int, int],
    output: int,
    inherited: tuple[int, ...],
    environment: dict[str, str],
) -> Started:
    writable = [scratch_directory(spec)]
    readable: list[str] = []
    if spec.child is not None:
        writable.append(io_directory(spec))
        readable = sandbox.interpreter_places(spec.python or sys.executable)
        readable += what_it_reads(spec)
    status, status_end = os.pipe()
    # The lock stays with bubblewrap: the task could release it.
    wrapped = sandbox.wrap(
        argv,
        level=level,
        workspace=spec.workspace,
        writable=writable,
        readable=readable,
        network=spec.network,
        store=spec.state,
        home=environment.get("HOME", ""),
        options=("--sync-fd", str(inherited[0]), "--json-status-fd", str(status_end)),
    )
    try:
        pid = _execute(wrapped, "/", output, (*inherited, status_end), environment)
    except FileNotFoundError:
        os.close(status)
        raise LaunchError("sandbox", "Bubblewrap is gone.", sandbox.REMEDY) from None
    except BaseException:
        os.close(status)
        raise
    finally:
        os.close(status_end)
    return Started(pid, *ours, level, wrapped=True, status=status)


def _execute(
    argv: Sequence[str],
    workspace: str,
    output: int,
    inherited: Sequence[int],
    environment: Mapping[str, str],
) -> int:
    """Execute `argv` in a session of its own. Without copying this process: posix_spawn(3).

    `subprocess` is not used here: it brings `threading`, whose after-fork work would be paid
    by every fork. Only this thread exists, so changing the directory harms nobody.
    """
    os.chdir(workspace)
    try:
        program = _found(argv[0], environment.get("PATH", ""))
        for fd in inherited:
            os.set_inheritable(fd, True)
        pid = os.posix_spawn(
            program,
            list(argv),
            environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=DEFAULTED,
        )
    finally:
        os.chdir("/")
    offer_to_oom_killer(pid)
    return pid


def _found(command: str, path: str) -> str:
    """The program that `command` names for somebody with this PATH."""
    if "/" in command:
        return command
    for place in path.split(os.pathsep):
        candidate = os.path.join(place or ".", command)
        if os.access(candidate, os.X_OK) and os.path.isfile(candidate):
            return candidate
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), command)


def _start_error(spec: AttemptSpec, error: OSError | ValueError) -> LaunchError:
    command = spec.argv[0] if spec.argv else (spec.python or sys.executable)
    if isinstance(error, FileNotFoundError):
        if not os.path.isdir(spec.workspace):
            return LaunchError("workspace", f"The workspace {spec.workspace!r} is gone.")
        if spec.argv is None:
            return _interpreter_gone(spec)
        return LaunchError(
            "error",
            f"The command {command!r} was not found.",
            "Check its name and the PATH, or install it.",
        )
    if isinstance(error, PermissionError):
        return LaunchError("error", f"{command!r} may not be executed.", "Check its permissions.")
    return LaunchError("error", f"{command!r} cannot be started: {error}.")


def _is_gone(interpreter: str) -> bool:
    return "/" in interpreter and not os.path.exists(interpreter)


def _interpreter_gone(spec: AttemptSpec) -> LaunchError:
    return LaunchError(
        "interpreter",
        f"The interpreter {spec.python or sys.executable!r} is gone.",
        "Submit again with an interpreter that exists.",
    )
