"""Re-used processes for plain functions of trusted doors: fast, without isolation.

A process serves one interpreter and one workspace. It stands below a shim of its own, so
that cancel, time-out and the death of the worker end it with everything it started. Where
one call disturbs the next (it left processes, its module has changed) it is replaced.
"""

import selectors
import shutil
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tta_interactive.kinds import Plan
from tta_interactive.request import new_task_id
from tta_interactive.runners import pooled
from tta_interactive.settings import Settings
from tta_interactive.store import Report
from tta_interactive.task import SandboxLevel, Task
from tta_interactive.worker.attempt import AttemptSpec, Outcome, failure
from tta_interactive.worker.channel import Channel
from tta_interactive.worker.logs import attempt_directory
from tta_interactive.worker.placement import News
from tta_interactive.worker.pump import LogFile, read_log
from tta_interactive.worker.sweep import held, sweep
from tta_interactive.worker.zygote import ZygoteGoneError

IDLE_SECONDS: Final = 60.0  # then an unused process is let go
CALLS_AT_MOST: Final = 10_000  # then a process is replaced: what leaked goes with it
FOLDER: Final = "pool"
TAIL_BYTES: Final = 4096  # of a dead process's own output, for the error

Spawn = Callable[[AttemptSpec, tuple[int, ...]], socket.socket]
Key = tuple[str, str, tuple[tuple[str, str], ...]]  # interpreter, workspace, variables


@dataclass
class _Call:
    task: Task
    plan: Plan
    started: float
    deadline: float | None
    log: LogFile | None = None
    reason: str = ""  # why it is being ended: `cancel` or `timeout`


class Pool:
    """As many processes as there are slots, made when needed."""

    def __init__(
        self, settings: Settings, selector: selectors.BaseSelector, news: News, spawn: Spawn
    ) -> None:
        self.settings, self.selector, self.news, self.spawn = settings, selector, news, spawn
        self._members: list[_Member] = []

    @property
    def next_deadline(self) -> float | None:
        """The next moment, on the monotonic clock, at which something is due."""
        return min((d for m in self._members if (d := m.deadline) is not None), default=None)

    def check_deadlines(self) -> None:
        """End calls that are over time, and processes that were idle for long."""
        now = time.monotonic()
        for member in list(self._members):
            if member.deadline is not None and member.deadline <= now:
                member.expire()

    def place(self, task: Task, plan: Plan) -> None:
        """Call a function in a process that is free."""
        key = (task.python, task.workspace, tuple(sorted(task.environment.items())))
        free = [member for member in self._members if member.is_free]
        fitting = [member for member in free if member.key == key]
        if fitting:
            fitting[-1].call(task, plan)
            return
        if free and len(self._members) >= self.settings.slots:
            free[0].end()
        member = _Member(self, key)
        self._members.append(member)
        member.call(task, plan)

    def place_again(self, task: Task, plan: Plan) -> None:
        """Call a function whose process turned out to be stale."""
        try:
            self.place(task, plan)
        except (OSError, ZygoteGoneError) as error:
            reason = f"No process can be started: {error}"
            self.news.refused(task.id, task.attempt, reason)

    def stop(self, task_id: str, attempt: int) -> None:
        """End a call, with its process."""
        for member in self._members:
            if member.runs(task_id, attempt):
                member.end("cancel")

    def clean(self) -> None:
        """Make sure that no process of a dead worker's pool lives."""
        folder = self.settings.home / FOLDER
        for directory in folder.iterdir() if folder.is_dir() else ():
            deadline = time.monotonic() + 1.0  # they end by themselves when their worker dies
            while held(str(directory / "lock")) and time.monotonic() < deadline:
                time.sleep(0.01)
            if held(str(directory / "lock")):  # a copy's processes are the original's
                sweep(str(directory), directory.name)
            remove(directory)

    def close(self) -> None:
        """End all processes."""
        for member in list(self._members):
            member.end()
            member.hang_up()

    def forget(self, member: "_Member") -> None:
        """A process is gone."""
        if member in self._members:
            self._members.remove(member)


class _Member:
    """One process of the pool and the call that it runs."""

    def __init__(self, pool: Pool, key: Key) -> None:
        self._pool, self.key = pool, key
        self._current: _Call | None = None
        self._calls = 0
        self._ending = False
        self._idle_since = time.monotonic()
        self._id = new_task_id()
        self._directory = pool.settings.home / FOLDER / self._id
        python, workspace, environment = key
        ours, theirs = socket.socketpair()
        with theirs:
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
                inherit=1,
            )
            try:
                shim = pool.spawn(spec, (theirs.fileno(),))
            except BaseException:
                ours.close()
                raise
        self._shim = Channel(shim, pool.selector, self._shim_said, self._shim_died)
        self._wire = Channel(ours, pool.selector, self._heard, lambda: None)

    @property
    def is_free(self) -> bool:
        """Whether it can take a call."""
        return self._current is None and not self._ending

    @property
    def deadline(self) -> float | None:
        """When `expire` is due, on the monotonic clock."""
        if self._ending:
            return None
        if self._current is not None:
            return self._current.deadline
        return self._idle_since + IDLE_SECONDS

    def runs(self, task_id: str, attempt: int) -> bool:
        """Whether it runs that attempt."""
        call = self._current
        return call is not None and (call.task.id, call.task.attempt) == (task_id, attempt)

    def call(self, task: Task, plan: Plan) -> None:
        """Send it a call; it must be free."""
        now = time.monotonic()
        deadline = now + task.timeout if task.timeout else None
        self._calls += 1
        order = {"call": str(self._calls), "task_id": task.id, "payload": dict(plan.payload)}
        try:
            self._wire.tell(order)
        except (TypeError, ValueError):  # a third party's payload that is no JSON
            self.end()
            raise
        self._current = _Call(task, plan, now, deadline)

    def expire(self) -> None:
        """Its call is over time, or it was idle for long."""
        self.end("timeout" if self._current is not None else "")

    def end(self, reason: str = "") -> None:
        """End the process and everything below it; the news follows when that is done."""
        if self._current is not None and not self._current.reason:
            self._current.reason = reason
        if not self._ending:
            self._ending = True
            self._shim.tell({"type": "cancel"})

    def hang_up(self) -> None:
        """Drop both connections; the shim then ends the rest by itself."""
        self._shim.close()
        self._wire.close()
        self._pool.forget(self)

    def _heard(self, message: dict[str, Any]) -> None:
        call = self._current
        if call is None:
            return
        if "log" in message:
            self._keep_log(call, str(message["log"]))
        elif message.get("stale"):
            self._current = None
            self.end()
            self._pool.forget(self)
            if call.reason:
                self._finish(call, self._outcome_of_death(call, Outcome(status="cancelled")))
            else:
                self._pool.place_again(call.task, call.plan)
        elif "done" in message and not call.reason:
            self._current = None
            self._idle_since = time.monotonic()
            if message.get("dirty") or self._calls >= CALLS_AT_MOST:
                self.end()
            self._finish(call, _outcome(message["done"], self._idle_since - call.started))

    def _shim_said(self, message: dict[str, Any]) -> None:
        call = self._current
        match message.get("type"):
            case "progress" if call is not None and message.get("call") == str(self._calls):
                self._pool.news.reported(
                    Report(
                        task_id=call.task.id,
                        attempt=call.task.attempt,
                        progress=message.get("fraction"),
                        message=str(message.get("message") or ""),
                        sandbox_got=SandboxLevel.NONE,
                    )
                )
            case "finished":
                self._gone(Outcome.from_json(message["outcome"]))
            case "refused":
                self.hang_up()
                if call is not None:
                    reason = str(message.get("reason"))
                    self._pool.news.refused(call.task.id, call.task.attempt, reason)
            case _:
                pass

    def _shim_died(self) -> None:
        sweep(str(self._directory), self._id)
        call = self._current
        if call is not None and not call.reason:
            self._current = None
            self._pool.news.lost(call.task.id, call.task.attempt, "Its process was killed.")
        self._gone(Outcome(status="cancelled"))

    def _gone(self, own: Outcome) -> None:
        """The process and all below it are gone: settle the call that it ran."""
        self.hang_up()
        call, self._current = self._current, None
        if call is not None:
            self._finish(call, self._outcome_of_death(call, own))
        remove(self._directory)

    def _outcome_of_death(self, call: _Call, own: Outcome) -> Outcome:
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

    def _finish(self, call: _Call, outcome: Outcome) -> None:
        if call.log is not None:
            call.log.close()
        self._pool.news.ended(call.task.id, call.task.attempt, outcome, SandboxLevel.NONE)

    def _keep_log(self, call: _Call, text: str) -> None:
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
    shutil.rmtree(directory, ignore_errors=True)
