"""The process that all shims are forked from: small, ready, without threads or a database.

    worker --(spec, lock, channel, ...)--> zygote --fork--> shim --fork--> task

It never looks into a spec: each is read in the fork, so a bad one harms only itself. It is a
subreaper too: orphans of a killed shim come here to be buried. It ends with the worker.
"""

import gc
import importlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn, Self

from tta_interactive import sandbox
from tta_interactive.runners import child
from tta_interactive.sandbox.environment import task_environment
from tta_interactive.worker import handing, shim_process, tree
from tta_interactive.worker.attempt import AttemptSpec, Outcome
from tta_interactive.worker.forked import COOKIE, COOKIE_BLANK, environ_address
from tta_interactive.worker.verdict import exit_facts, judge

if TYPE_CHECKING:
    import subprocess

WARM_UPS = 20
SEND_SECONDS = 10.0
PROBE_PAUSE = 60.0  # seconds between two looks for a sandbox that was not there
# What tasks and shims import sooner or later, once for all of them.
PRELOADED = ("ast", "atexit", "base64", "importlib", "linecache", "pickle", "reprlib",
             "traceback", "types")  # fmt: skip
# Not `threading` or `random`, nor what imports them: their after-fork work costs each fork.


class ZygoteGoneError(Exception):
    """The zygote is dead: start another one. The attempt was not started."""


ZygoteGone = ZygoteGoneError


class Zygote:
    """The worker's end."""

    def __init__(self, process: "subprocess.Popen[bytes]", control: socket.socket) -> None:
        self._process, self._control = process, control

    @classmethod
    def start(cls) -> Self:
        """Execute a zygote; it is ready when the first spec is taken."""
        import subprocess  # noqa: PLC0415  (the zygote itself must not have it)

        ours, theirs = socket.socketpair()
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        # Neither the current directory nor PYTHON* decides what a process for all tasks imports.
        code = (
            f"import sys; {root!r} in sys.path or sys.path.insert(0, {root!r}); "
            "from tta_interactive.worker.zygote import main; main(sys.argv[1:])"
        )
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-E", "-P", "-c", code, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env={**os.environ, COOKIE: COOKIE_BLANK},
            )
        ours.settimeout(SEND_SECONDS)
        return cls(process, ours)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def spawn(
        self, spec: AttemptSpec, lock_fd: int, extra_fds: Sequence[int] = ()
    ) -> socket.socket:
        """Start an attempt.

        Args:
            lock_fd: Holds the attempt's lock. Close your own copy afterwards.
            extra_fds: What the task inherits; `spec.inherit` says how many.

        Returns:
            The worker's end of the attempt's channel.

        Raises:
            ZygoteGoneError: Nothing was started.
            ValueError: The spec is too large.
        """
        channel, theirs = socket.socketpair()
        with theirs:
            try:
                handing.send(self._control, spec, [lock_fd, theirs.fileno(), *extra_fds])
            except BaseException as error:
                channel.close()
                if isinstance(error, OSError):
                    raise ZygoteGoneError(str(error)) from error
                raise
        return channel

    def close(self, timeout: float = 5.0) -> None:
        """End the zygote; attempts that run go on."""
        import subprocess  # noqa: PLC0415

        self._control.close()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def main(argv: Sequence[str]) -> NoReturn:
    """The zygote itself. `argv`: the number of its control socket."""
    control = socket.socket(fileno=int(argv[0]))
    control.set_inheritable(False)
    tree.set_name("tta-zygote")
    tree.set_subreaper(True)
    for name in PRELOADED:
        importlib.import_module(name)
    for name in child.BESIDE:
        child.beside(name)
    cookie = environ_address()
    os.environ.pop(COOKIE, None)
    _warm_up()
    signal.signal(signal.SIGCHLD, _bury)
    gc.collect()
    gc.disable()
    gc.freeze()  # what is here stays: forks need not copy it to look at it
    _Server(control, cookie).serve()
    os._exit(0)


def _warm_up() -> None:
    """Run once, here, what every fork runs: it then finds its pages and its codecs ready.

    The interpreter rewrites code that runs for the first times (PEP 659), and in a fork each
    rewritten page is copied. Measured 2026-11-22: a fifth of the page faults of an attempt.
    """
    facts = {"task_id": COOKIE_BLANK, "attempt": 1, "kind": "", "argv": ["x"], "workspace": "/"}
    spec = AttemptSpec.from_json({**facts, "directory": "/", "state": "/"})
    for _ in range(WARM_UPS):
        AttemptSpec.from_json(json.loads(json.dumps(spec.to_json())))
        ended = exit_facts(0, wrapped=False)
        status, result, error = judge(spec, "/", ended, None, [])
        json.dumps(Outcome(status=status, result=result, error=error).to_json())
        task_environment({}, "/")
        tree.descendants(os.getpid())
        child.is_json({"a": [1, 2.0, "x", None]})


def _bury(*_: object) -> None:
    tree.reap()


class _Server:
    def __init__(self, control: socket.socket, cookie: int) -> None:
        self._control, self._cookie = control, cookie
        self._level = sandbox.LIMITS
        self._probe_at = 0.0

    def serve(self) -> None:
        """Fork until the worker is gone."""
        while (order := handing.receive(self._control)) is not None:
            body, fds, wants = order
            if len(fds) < 2:
                return
            if wants:
                self._probe()
            self._fork(body, fds)

    def _probe(self) -> None:
        """Look for a sandbox, when first wanted; again now and then while there is none.

        In a fork: what the look imports would make every later fork slower.
        """
        now = time.monotonic()
        if self._level >= sandbox.NAMESPACES or now < self._probe_at:
            return
        self._probe_at = now + PROBE_PAUSE
        ours, theirs = os.pipe()
        if os.fork() == 0:
            try:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # it awaits its own child
                os.write(theirs, b"%d" % sandbox.probe())
            finally:
                os._exit(0)
        os.close(theirs)
        self._level = int(os.read(ours, 16) or sandbox.LIMITS)
        os.close(ours)

    def _fork(self, body: bytes, fds: Sequence[int]) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            message = {"type": "refused", "reason": str(error)}
            os.write(fds[1], json.dumps(message).encode() + b"\n")
            pid = -1
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            shim_process.main(body, fds, self._level, self._cookie)
        for fd in fds:
            os.close(fd)


if __name__ == "__main__":
    main(sys.argv[1:])
