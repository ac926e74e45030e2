"""One re-used process of the pool and the calls that it was given.

    worker --orders--> process        one packet a call; what is not taken can be taken back
    worker <--wire---  process        lines: log, done, stale
    worker <--------   shim           progress, and the end of everything

The worker keeps both ends of `orders`: the kernel decides whether the process or the worker
gets a packet, so a call that is taken back was surely not begun.
"""

import json
import os
import shutil
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tta_interactive.kinds import Plan
from tta_interactive.request import new_task_id
from tta_interactive.runners import pooled
from tta_interactive.store import Report
from tta_interactive.task import SandboxLevel, Task
from tta_interactive.worker import ahead
from tta_interactive.worker.attempt import AttemptSpec, Outcome, failure
from tta_interactive.worker.call import Call
from tta_interactive.worker.channel import Channel
from tta_interactive.worker.logs import attempt_directory
from tta_interactive.worker.pump import LogFile, read_log
from tta_interactive.worker.sweep import sweep

if TYPE_CHECKING:
    from tta_interactive.worker.pool import Pool

IDLE_SECONDS: Final = 60.0  # then an unused process is let go
LONG_SECONDS: Final = 0.05  # then what waits behind a call is given back
CALLS_AT_MOST: Final = 10_000  # then a process is replaced: what leaked goes with it
FOLDER: Final = "pool"
TAIL_BYTES: Final = 4096  # of a dead process's own output, for the error
PACKET_BYTES: Final = 4096  # larger orders go through a file; 16 of these fit into a socket
ORDER_BYTES: Final = 65536  # more than any packet has

Key = tuple[str, str, tuple[tuple[str, str], ...]]  # interpreter, workspace, variables
Spawn = Callable[[AttemptSpec, tuple[int, ...]], socket.socket]


def key_of(task: Task) -> Key:
    """What a process must have been made for, to run this task."""
    return task.python, task.workspace, tuple(sorted(task.environment.items()))


class Member:
    """One process. The first of its calls runs; the others wait behind it."""

    def __init__(self, pool: "Pool", key: Key) -> None:
        self._pool, self.key = pool, key
        self._calls: deque[Call] = deque()
        self._count = 0
        self._ending = self._has_served = self._is_long = False
        self._idle_since = time.monotonic()
        self._id = new_task_id()
        self._directory = pool.settings.home / FOLDER / self._id
        self._directory.mkdir(mode=0o700, parents=True)
        self._given: ahead.GivenFile | None = None
        python, workspace, environment = key
        spec = AttemptSpec(
            task_id=self._id,
            attempt=1,
            kind="pool",
            argv=(python, str(Path(pooled.__file__))),
            python=python,
            workspace=workspace,
            environment=dict(environment),
            sandbox=0,
            grace=0.1,
            directory=str(self._directory),
            state=str(pool.settings.home),
            max_log_bytes=1024 * 1024,
            min_free=pool.settings.min_free_bytes,
            inherit=3,
        )
        ours, theirs = socket.socketpair()
        self._orders, self._takes = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        begun = ahead.open_begun(self._directory)
        try:
            shim = pool.spawn(spec, (theirs.fileno(), self._takes.fileno(), begun))
        except BaseException:
            for end in (ours, self._orders, self._takes):
                end.close()
            remove(self._directory)
            raise
        finally:
            theirs.close()
            os.close(begun)
        self._shim = Channel(shim, pool.selector, self._shim_said, self._shim_died)
        self._wire = Channel(ours, pool.selector, self._heard, lambda: None)

    @property
    def load(self) -> int:
        """How many calls it has."""
        return len(self._calls)

    @property
    def is_asking(self) -> bool:
        """Whether the call that runs waits for an answer."""
        return bool(self._calls) and self._calls[0].is_asking

    @property
    def is_ending(self) -> bool:
        """Whether it takes no more calls."""
        return self._ending

    def room(self, depth: int) -> int:
        """How many more calls it may be given, if `depth` at once are enough.

        None but one before it has served: perhaps it cannot be started at all. None behind
        a call that takes long.
        """
        if self._ending or self._is_long:
            return 0
        depth = depth if self._has_served else 1
        return max(min(depth - self.load, CALLS_AT_MOST - self._count), 0)

    @property
    def deadline(self) -> float | None:
        """When `expire` is due, on the monotonic clock."""
        if self._ending:
            return None
        if not self._calls:
            return self._idle_since + IDLE_SECONDS
        first = self._calls[0]
        long = first.started + LONG_SECONDS if self.load > 1 else None
        return min((d for d in (first.deadline, long) if d is not None), default=None)

    def give(self, task: Task, plan: Plan) -> bool:
        """Hand it a call; whether that could be done."""
        call = Call(task, plan, self._count + 1)
        order = {"call": str(call.number), "task_id": task.id}
        waits = bool(self._calls)
        packet = json.dumps(
            {**order, "waits": waits, "payload": dict(plan.payload)}, allow_nan=False
        ).encode()
        try:
            if waits:
                self._given = self._given or ahead.GivenFile(self._directory)
                self._given.note(call.number, task.id, task.attempt)
            if len(packet) > PACKET_BYTES:
                path = self._directory / f"order.{call.number}"
                path.touch(0o600)
                path.write_bytes(packet)
                packet = json.dumps({**order, "waits": waits, "file": str(path)}).encode()
            self._orders.send(packet, socket.MSG_DONTWAIT)
        except OSError:
            if not waits:  # then no other process would take it either
                raise
            return False
        self._count += 1
        if not waits:
            call.begins(time.monotonic())
        self._calls.append(call)
        return True

    def stop(self, task_id: str, attempt: int) -> None:
        """End a call: with its process if it has begun."""
        for call in self._calls:
            if (call.task.id, call.task.attempt) == (task_id, attempt):
                self._end_call(call, "cancel")
                return

    def expire(self) -> None:
        """Its call is over time or takes long, or it was idle for long."""
        first = self._calls[0] if self._calls else None
        if first is None:
            self.end()
        elif first.deadline is not None and first.deadline <= time.monotonic():
            self._end_call(first, "timeout")
        else:
            self._is_long = True
            self._give_back()

    def _end_call(self, call: Call, reason: str) -> None:
        # In this order: after the first step the process can begin nothing, and whatever it
        # had begun, it has said before that the call before was done. So no other call dies.
        self._give_back()
        self._wire.drain()
        if call in self._calls and not call.reason:
            call.reason = reason
            self.end()

    def end(self) -> None:
        """End the process and everything below it; the news follows when that is done."""
        self._give_back()
        if not self._ending:
            self._ending = True
            self._shim.tell({"type": "cancel"})

    def hang_up(self) -> None:
        """Drop all connections; the shim then ends the rest by itself."""
        self._shim.close()
        self._wire.close()
        self._orders.close()
        self._takes.close()
        if self._given is not None:
            self._given.close()
            self._given = None
        self._pool.forget(self)

    # ---- what was not begun

    def _give_back(self) -> None:
        """Give the calls that the process has not taken back to the queue.

        Not its very first: a process that cannot even be started would be tried for ever.
        """
        taken_back: set[str] = set()
        while self._takes.fileno() >= 0:
            try:
                packet = self._takes.recv(ORDER_BYTES, socket.MSG_DONTWAIT)
            except OSError:
                break
            taken_back.add(json.loads(packet)["call"])
        for call in [c for c in self._calls if str(c.number) in taken_back]:
            if self._has_served or call.number > 1:
                self._calls.remove(call)
                self._pool.news.returned(call.task.id, call.task.attempt)

    # ---- what the process says

    def _heard(self, message: dict[str, Any]) -> None:
        if not self._calls:
            return
        call = self._calls[0]
        if "log" in message:
            self._keep_log(call, str(message["log"]))
        elif message.get("stale"):
            self.end()
            self._calls.popleft()
            self._pool.forget(self)
            if call.reason:
                self._finish(call, self._outcome_of_death(call, Outcome(status="cancelled")))
            else:
                self._pool.place_again(call.task, call.plan)  # it has written `begun`
        elif "done" in message and not call.reason:
            self._done(message)

    def _done(self, message: dict[str, Any]) -> None:
        now = self._idle_since = time.monotonic()
        self._has_served, self._is_long = True, False
        call = self._calls.popleft()
        # By the process's own clock: ours has the time that both waited for a processor.
        self._pool.took(float(message["took"]))
        if self._calls:
            self._calls[0].begins(now)
        if call.is_asking:  # a thread of it, and nobody takes the answer any more
            over = {"type": "answer", "key": call.asking, "refused": "The call is over."}
            self._shim.tell(over)
        if (
            call.is_asking
            or message.get("dirty")
            or (self._count >= CALLS_AT_MOST and not self._calls)
        ):
            self.end()
        self._finish(call, _outcome(message["done"], now - call.started))

    # ---- what its shim says

    def _shim_said(self, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "progress":
                self._report(message)
            case "asks" | "withdrawn":
                self._asked(message)
            case "finished":
                self._gone(Outcome.from_json(message["outcome"]))
            case "refused":
                self._give_back()
                calls, self._calls = self._calls, deque()
                self.hang_up()
                remove(self._directory)
                reason = str(message.get("reason"))
                for call in calls:
                    self._pool.news.refused(call.task.id, call.task.attempt, reason)
            case _:
                pass

    def _report(self, message: dict[str, Any]) -> None:
        call = self._call_of(message)
        if call is not None:
            self._pool.news.reported(
                Report(
                    task_id=call.task.id,
                    attempt=call.task.attempt,
                    progress=message.get("fraction"),
                    message=str(message.get("message") or ""),
                    sandbox_got=SandboxLevel.NONE,
                )
            )

    def _asked(self, message: dict[str, Any]) -> None:
        call, key = self._call_of(message), str(message["key"])
        if call is None:  # a thread that outlived its call
            self._shim.tell({"type": "answer", "key": key, "refused": "The call is over."})
        elif message["type"] == "asks":
            call.asks(key, time.monotonic())
            self._pool.news.asked(call.task.id, call.task.attempt, key, message["question"])
        else:
            call.goes_on(time.monotonic())
            self._pool.news.withdrawn(call.task.id, call.task.attempt, key)

    def answer(self, task_id: str, attempt: int, message: dict[str, Any]) -> None:
        """Pass on an answer, if the call that asked is one of its own."""
        for call in self._calls:
            if (call.task.id, call.task.attempt) == (task_id, attempt):
                call.goes_on(time.monotonic())
                self._shim.tell({"type": "answer", **message})

    def _call_of(self, message: dict[str, Any]) -> Call | None:
        return next((c for c in self._calls if str(c.number) == message.get("call")), None)

    def _shim_died(self) -> None:
        sweep(str(self._directory), self._id)
        self._wire.drain()
        self._give_back()
        if self._calls and not self._calls[0].reason:
            call = self._calls.popleft()
            self._pool.news.lost(call.task.id, call.task.attempt, "Its process was killed.")
        self._gone(Outcome(status="cancelled"))

    def _gone(self, own: Outcome) -> None:
        """The process and all below it are gone: settle the call that it ran."""
        self._wire.drain()  # what it said last may still be in the socket
        self._give_back()
        calls, self._calls = self._calls, deque()
        self.hang_up()
        for call in calls:  # at most one: the process takes no call before the last is done
            self._finish(call, self._outcome_of_death(call, own))
        remove(self._directory)

    def _outcome_of_death(self, call: Call, own: Outcome) -> Outcome:
        duration = time.monotonic() - call.started
        if call.reason == "cancel":
            return Outcome(status="cancelled", duration=duration)
        if call.reason == "timeout":
            words = f"It was ended after {call.task.timeout:g} s, its time-out."
            error = failure("timeout", words, "Give it more time, or make it quicker.")
            return Outcome(status="failed", error=error, duration=duration)
        if own.error and (_never_started(own) or own.error["code"] == "disk"):
            return Outcome(status="failed", error=own.error, duration=duration)
        how = (own.error or {}).get("message") or "ended"
        detail = read_log(str(self._directory), TAIL_BYTES).decode("utf-8", "replace")
        error = failure("error", f"The process that called it {how}.", "", detail)
        return Outcome(status="failed", error=error, duration=duration)

    def _finish(self, call: Call, outcome: Outcome) -> None:
        if call.log is not None:
            call.log.close()
        self._pool.news.ended(call.task.id, call.task.attempt, outcome, SandboxLevel.NONE)

    def _keep_log(self, call: Call, text: str) -> None:
        if call.log is None:
            home = self._pool.settings.home
            directory = attempt_directory(home, call.task.id, call.task.attempt)
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            call.log = LogFile(str(directory), self._pool.settings.max_log_bytes)
        call.log.keep(memoryview(text.encode("utf-8", "replace")))


def _never_started(own: Outcome) -> bool:
    return own.exit_code is None and own.signal is None


def _outcome(done: dict[str, Any], duration: float) -> Outcome:
    if "error" in done:
        return Outcome(status="failed", error=done["error"], duration=duration)
    return Outcome(status="completed", result=done["result"], duration=duration)


def remove(directory: Path) -> None:
    """Delete the directory of a pool process."""
    with suppress(OSError):
        ahead.forget(directory)
    shutil.rmtree(directory, ignore_errors=True)
