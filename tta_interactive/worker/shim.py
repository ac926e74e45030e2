"""The helper around one attempt: starts it, watches it, ends it, and tells what came of it.

    worker <--channel--> shim (subreaper) --> the task's first process --> whatever it starts

It outlives the worker. When the channel ends, the task goes on: the shim listens on
`ctl.sock` in the attempt's directory, starts one new worker, and whoever connects gets the
same messages. The outcome is on disk before it is told, so nobody has to be there.

It never believes a pipe: the end of the task is the end of its first process, and the end of
the attempt is waitpid(2) saying that no process is left.
"""

import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tta_interactive.worker import adoption, secret_values, tree
from tta_interactive.worker.asked import Asked
from tta_interactive.worker.attempt import AttemptSpec, Outcome, write_outcome
from tta_interactive.worker.disk import DiskWatch
from tta_interactive.worker.launch import LaunchError, launch
from tta_interactive.worker.orders import io_directory, keep_left
from tta_interactive.worker.pump import Pump
from tta_interactive.worker.redact import Redactor
from tta_interactive.worker.said import Said
from tta_interactive.worker.successor import start_successor
from tta_interactive.worker.sweep import sweep
from tta_interactive.worker.verdict import Reason, exit_facts, judge, sandbox_failure

PIPE_SECONDS = 0.2  # what the task leaves behind may still end, and print, for so long
TICK = 0.01  # seconds between looks while processes are ending
LONGEST_POLL = 3600.0
LONGEST_ORDER = 128 * 1024  # of the worker: an answer, with every character escaped
TELL_SECONDS = 10.0  # a worker that takes nothing for so long will read the file


class Abandoned(BaseException):
    """Nobody wants the attempt any more: everything is killed, nothing is told."""


class Shim:
    """One attempt. `run` is all its life."""

    def __init__(
        self,
        spec: AttemptSpec,
        lock: int,
        channel: socket.socket,
        extra: Sequence[int],
        available: int,
        cookie: int,
        *,
        is_last: bool,
    ) -> None:
        self._spec, self._lock, self._extra = spec, lock, list(extra)
        self._is_last = is_last
        self._available, self._cookie = available, cookie
        self._channel: socket.socket | None = channel
        self._listener: socket.socket | None = None
        self._poll = select.poll()
        self._handlers: dict[int, Callable[[], None]] = {}
        self._statuses: dict[int, int] = {}
        self._reason: Reason | None = None
        self._redactor: Redactor | None = None
        self._inbox = b""
        self._outbox = b""
        self._said = Said()
        self._asked: Asked | None = None
        self._orphaned = False
        self.serves_again = False
        channel.setblocking(False)

    def run(self) -> None:
        """Run the attempt to its end.

        Raises:
            TooBusyError: It was not started.
        """
        self._started_at = time.monotonic()
        self._watch(self._channel, self._hear)
        signal.signal(signal.SIGTERM, self._abandon)
        try:
            self._task = launch(
                self._with_secrets(), self._lock, self._extra, self._available, self._cookie
            )
        except LaunchError as error:
            self._finish(Outcome(status="failed", error=error.error))
            return
        for fd in self._extra:
            os.close(fd)
        try:
            self._attend()
        except BaseException:
            tree.kill_all()
            raise

    def _with_secrets(self) -> AttemptSpec:
        """What to start: the only process beside this one that gets the secrets."""
        if not self._spec.has_secrets:
            return self._spec
        try:
            values = secret_values.read(self._spec.state, self._spec.task_id)
        except (OSError, ValueError):
            raise LaunchError(
                "secrets",
                "The secrets that this task was submitted with are gone.",
                "Submit it again from where they are set.",
            ) from None
        self._redactor = Redactor(list(values.values()))
        return replace(self._spec, environment={**self._spec.environment, **values})

    # ------------------------------------------------------------ from start to verdict

    def _attend(self) -> None:
        task, spec = self._task, self._spec
        self._pump = Pump(task.output, spec.directory, spec.max_log_bytes, self._redactor)
        os.set_blocking(task.progress, False)
        self._pidfd = os.pidfd_open(task.pid)
        self._watch(task.output, self._take_output)
        self._watch(task.progress, self._take_progress)
        self._watch(self._pidfd, self._bury)
        self._tell(self._started_message())
        if task.asks is not None:
            # A process of the pool is always in its first attempt; its id is its own.
            prefix = spec.task_id if spec.inherit else str(spec.attempt)
            self._asked = Asked(
                task.asks, prefix, self._watch, self._unwatch, self._tell, self._clean
            )
        self._disk = DiskWatch((spec.workspace, spec.directory), spec.min_free)
        self._live()
        survivors = tree.kill_all(self._statuses)
        if self._orphaned:
            # While the successor was started, an orphan may have slipped past us.
            survivors += [pid for pid in sweep(spec.directory, spec.task_id, keep_lock=True)
                          if pid not in survivors]  # fmt: skip
        if self._asked is not None:
            self._asked.close()
        self._drain()
        self._take_progress()
        self._tell_progress(last=True)
        # Nobody had to be ended, nothing is left, and no secret was ever in this memory.
        self.serves_again = (
            not self._is_last
            and self._channel is not None
            and self._listener is self._redactor is self._reason is None
            and not (self._asked is not None and self._asked.was_used)
            and not (survivors or spec.inherit or task.wrapped)
        )
        self._finish(self._outcome(survivors))

    def _live(self) -> None:
        """Until the task's first process is over, and what it left had its moment."""
        ending: float | None = None  # when patience ends, once somebody ended it
        leaving: float | None = None  # the same, once it ended by itself
        while True:
            now, deadline = time.monotonic(), self._deadline
            over = self._task.pid in self._statuses
            if over and tree.reap(self._statuses):
                return
            if over and ending is None and leaving is None:
                leaving = now + PIPE_SECONDS
            if ending is None and leaving is None:
                if self._reason is None and deadline is not None and now >= deadline:
                    tree.reap(self._statuses)
                    if self._task.pid in self._statuses:
                        continue  # it was over before: we were stopped, and wake up late
                    self._reason = "timeout"
                if self._reason is None and now >= self._disk.due and self._disk.is_low(now):
                    self._reason = "disk"
                if self._reason is not None:
                    tree.ask_to_end(skip=self._task.pid if self._task.wrapped else None)
                    ending = now + self._spec.grace
            patience = ending if ending is not None else leaving
            if patience is not None:
                tree.reap(self._statuses)
                if now >= patience or (leaving is not None and not self._watches_output()):
                    return
            moments = [deadline, self._disk.due] if patience is None else [patience]
            self._wait(now, moments, patience is not None)

    @property
    def _deadline(self) -> float | None:
        """When its time is over; while it waits for an answer, none of that passes."""
        timeout, asked = self._spec.timeout, self._asked
        if timeout is None or (asked is not None and asked.is_open):
            return None
        return self._started_at + timeout + (0.0 if asked is None else asked.waited)

    def _wait(self, now: float, moments: Sequence[float | None], ticking: bool) -> None:
        tick = now + TICK if ticking else None
        moments = [*moments, now + LONGEST_POLL, tick, self._said.next_at]
        soonest = min(moment for moment in moments if moment is not None)
        # Rounded up: a poll that ends a little early would spin.
        for fd, _ in self._poll.poll(max(0, int((soonest - now) * 1000) + 1)):
            handler = self._handlers.get(fd)
            if handler is not None:
                handler()
        self._tell_progress()

    def _outcome(self, survivors: list[int]) -> Outcome:
        task, spec = self._task, self._spec
        code, number = exit_facts(self._statuses.get(task.pid), task.wrapped)
        setup = sandbox_failure(task.status, spec) if self._reason is None else None
        if setup is not None:
            status, result, error = "failed", None, setup
        else:
            if spec.child == "python":
                keep_left(io_directory(spec), spec.directory)
            status, result, error = judge(
                spec, io_directory(spec), (code, number), self._reason, survivors
            )
        return Outcome(
            status=status,
            result=result,
            error=error,
            exit_code=code,
            signal=number,
            duration=time.monotonic() - self._started_at,
            log_bytes=self._pump.total,
            log_dropped=self._pump.dropped,
            survivors=tuple(survivors),
        )

    def _finish(self, outcome: Outcome) -> None:
        if self._redactor is not None:
            clean = self._redactor.clean
            outcome = replace(outcome, result=clean(outcome.result), error=clean(outcome.error))
        try:
            write_outcome(self._spec.directory, outcome, synced=self._channel is None)
        except OSError:
            if self._channel is None:  # nobody else will ever know
                raise
            # The disk is full: the worker hears it, and has room in reserve to record it.
        if self._listener is not None:
            if self._channel is None:
                self._accept()  # one may be waiting
            self._listener.close()
        os.close(self._lock)  # who hears of the end, or finds the file, finds the lock free
        told = {"type": "finished", "outcome": outcome.to_json(), "again": self.serves_again}
        self._tell(told, patience=TELL_SECONDS)
        if self._outbox or self._channel is None:
            self.serves_again = False
        self._handlers.clear()  # they lead back here: without them all of this is freed

    # ------------------------------------------------------------ events of the task

    def _watch(self, source: socket.socket | int | None, handler: Callable[[], None]) -> None:
        assert source is not None
        fd = source if isinstance(source, int) else source.fileno()
        self._handlers[fd] = handler
        self._poll.register(fd, select.POLLIN)

    def _unwatch(self, fd: int) -> None:
        if self._handlers.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def _watches_output(self) -> bool:
        return self._task.output in self._handlers

    def _take_output(self) -> None:
        if not self._pump.move():
            self._unwatch(self._task.output)

    def _drain(self) -> None:
        """What is still in the pipe: to its end, or for a moment if somebody holds it open."""
        end = time.monotonic() + PIPE_SECONDS
        while self._watches_output():
            self._take_output()
            left = end - time.monotonic()
            if left <= 0:
                break
            if self._watches_output():
                select.select([self._task.output], [], [], left)
        self._pump.close()

    def _bury(self) -> None:
        self._unwatch(self._pidfd)
        tree.reap(self._statuses)

    def _take_progress(self) -> None:
        try:
            data = os.read(self._task.progress, 65536)
        except BlockingIOError:
            return
        if not data:
            self._unwatch(self._task.progress)
            return
        self._said.take(data, None if self._redactor is None else self._redactor.clean)

    def _clean(self, value: Any) -> Any:
        return value if self._redactor is None else self._redactor.clean(value)

    def _tell_progress(self, *, last: bool = False) -> None:
        message = self._said.to_tell(last=last)
        if message is not None:
            self._tell(message)

    # ------------------------------------------------------------ the worker

    def _started_message(self) -> dict[str, Any]:
        return {"type": "started", "pid": self._task.pid, "sandbox": self._task.level}

    def _hear(self) -> None:
        """Something from the worker, or its end, or it takes what it could not take before."""
        assert self._channel is not None
        if self._outbox:
            self._push(0.0)
            if self._asked is not None and not self._outbox:
                self._asked.go_on()
        try:
            data = self._channel.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose_worker()
            return
        *lines, self._inbox = (self._inbox + data).split(b"\n")
        self._inbox = self._inbox[-LONGEST_ORDER:]
        for line in lines:
            try:
                order = json.loads(line)
                wanted = order.get("type")
            except (ValueError, AttributeError, RecursionError):
                continue
            if wanted == "answer" and self._asked is not None:
                self._asked.answer(order)
            if wanted == "cancel" and self._reason is None:
                self._reason = "cancel"
            if wanted == "handover":  # a new worker is on its way
                self._spec = replace(self._spec, successor=())

    def _abandon(self, *_: object) -> None:
        raise Abandoned

    def _lose_worker(self) -> None:
        assert self._channel is not None
        self._unwatch(self._channel.fileno())
        self._channel.close()
        self._channel, self._inbox, self._outbox = None, b"", b""
        if self._spec.inherit:
            raise Abandoned
        if self._asked is not None:
            self._asked.go_on()
        if self._listener is None:
            self._listener = adoption.listen(self._spec.directory)
            self._watch(self._listener, self._accept)
            if self._spec.successor:
                self._orphaned = True
                start_successor(self._spec.successor)

    def _accept(self) -> None:
        peer = None if self._listener is None else adoption.accept(self._listener)
        if peer is None:
            return
        if self._channel is not None:
            peer.close()
            return
        self._channel = peer
        self._watch(peer, self._hear)
        self._tell(self._started_message())
        if self._said.newest is not None:
            self._tell(self._said.newest)
        if self._asked is not None:
            self._asked.tell_again()

    def _tell(self, message: dict[str, Any], patience: float = 0.0) -> bool:
        """Send what can be sent at once, the rest when the worker takes it; whether that was all."""
        if self._channel is None:
            return True
        # A worker that does not read misses progress, nothing else.
        if not self._outbox or patience or message["type"] != "progress":
            self._outbox += json.dumps(message).encode() + b"\n"
            self._push(patience)
        return not self._outbox

    def _push(self, patience: float) -> None:
        end = time.monotonic() + patience
        view = memoryview(self._outbox)
        while view and self._channel is not None:
            try:
                view = view[self._channel.send(view) :]
            except BlockingIOError:
                left = end - time.monotonic()
                if left <= 0:
                    break
                select.select([], [self._channel], [], left)
            except OSError:
                break  # its end is seen by `_hear`
        self._outbox = bytes(view)
        if self._channel is not None and self._channel.fileno() in self._handlers:
            wanted = select.POLLIN | (select.POLLOUT if self._outbox else 0)
            self._poll.modify(self._channel, wanted)
