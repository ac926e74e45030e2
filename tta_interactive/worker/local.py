"""Attempts on this machine: a shim each, or one of the pool's processes.

worker ---> zygote ---> shim ---> task            isolated; the shim may serve again
   \\------------------> shim ---> pool process    plain functions of trusted doors
"""

import fcntl
import os
import selectors
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from tta_interactive.kinds import Plan
from tta_interactive.settings import Settings
from tta_interactive.store import Report
from tta_interactive.task import SandboxLevel, Task
from tta_interactive.worker import adoption
from tta_interactive.worker.attempt import AttemptSpec, Outcome, failure, read_outcome
from tta_interactive.worker.channel import Channel
from tta_interactive.worker.logs import attempt_directory
from tta_interactive.worker.member import Key
from tta_interactive.worker.placement import News
from tta_interactive.worker.plans import is_pooled, plan_of, starts_nothing
from tta_interactive.worker.pool import Pool
from tta_interactive.worker.shims import WaitingShims
from tta_interactive.worker.start import worker_command
from tta_interactive.worker.sweep import held, sweep
from tta_interactive.worker.zygote import Zygote, ZygoteGoneError

LOCK_FLAGS: Final = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
MOST_WAITING: Final = 32  # tasks that wait for an answer and so fill no slot
# What is of no use once an attempt is over; its log stays.
LEFTOVERS: Final = ("lock", "ctl.sock", "outcome.json")
_INSTALLATION_GONE: Final = failure(
    "interpreter",
    f"The interpreter {sys.executable!r}, which the worker was started with, is gone.",
    "Stop the worker with `tta worker stop` of an installation that exists, then submit again.",
)


class LocalPlacement:
    """A `Placement` on this machine, driven by the worker's selector loop."""

    def __init__(self, settings: Settings, selector: selectors.BaseSelector, news: News) -> None:
        self._settings, self._selector, self._news = settings, selector, news
        self._home = settings.home
        self._attempts: dict[str, _Attempt] = {}
        self._kept: dict[str, Path] = {}  # outcomes that the store may not have yet
        self._zygote: Zygote | None = None
        self.waiting_shims = WaitingShims()
        self._pool = Pool(settings, selector, news, self._spawn)

    @property
    def next_deadline(self) -> float | None:
        """When `check_deadlines` wants to be called, on the monotonic clock."""
        times = (self._pool.next_deadline, self.waiting_shims.next_deadline)
        return min((moment for moment in times if moment is not None), default=None)

    def check_deadlines(self) -> None:
        """End what has run for too long, or was idle for too long."""
        self._pool.check_deadlines()
        self.waiting_shims.let_go(time.monotonic())

    def warm_up(self) -> None:
        """Start what every attempt needs."""
        if self._zygote is None:
            self._zygote = Zygote.start()

    def place(self, task: Task) -> None:
        try:
            plan = plan_of(task)
            if plan.argv is None and plan.child is None:
                self._news.ended(task.id, task.attempt, Outcome(status="completed"), None)
            elif is_pooled(task, plan):
                self._pool.place(task, plan, takes_slot=self.slots_used < self._settings.slots)
            else:
                self._start(task, plan)
        except (Exception, SystemExit) as error:  # boundary: a kind is anybody's code
            if not os.path.exists(sys.executable):
                self._fail(task, _INSTALLATION_GONE)
            elif isinstance(error, (OSError, ZygoteGoneError)):
                self._news.refused(task.id, task.attempt, f"No process can be started: {error}")
            else:
                words = f"It cannot be run: {type(error).__name__}: {error}"
                self._fail(task, failure("invalid", words[:2000]))

    def _fail(self, task: Task, error: dict[str, str]) -> None:
        self._news.ended(task.id, task.attempt, Outcome(status="failed", error=error), None)

    @property
    def slots_used(self) -> int:
        """How many slots are filled; calls that wait behind others, or for people, fill none."""
        waiting = sum(one.is_waiting for one in self._attempts.values()) + self._pool.asking
        return len(self._attempts) + self._pool.busy - min(waiting, MOST_WAITING)

    def rooms(self, free: int) -> dict[Key, int]:
        """How many more calls than slots may be claimed, and for which processes."""
        return self._pool.rooms(free)

    @property
    def is_supplied(self) -> bool:
        """Whether nothing here waits for the next exchange."""
        return not self._attempts and self._pool.is_supplied

    def stop(self, task_id: str, attempt: int) -> None:
        running = self._attempts.get(task_id)
        if running is not None and running.number == attempt:
            running.stop()
        else:
            self._pool.stop(task_id, attempt)

    def answer(self, task_id: str, attempt: int, message: dict[str, Any]) -> None:
        running = self._attempts.get(task_id)
        if running is not None and running.number == attempt:
            running.answer(message)
        else:
            self._pool.answer(task_id, attempt, message)

    def forget(self, task_id: str) -> None:
        """The store has the outcome: remove what the attempt leaves beside its log."""
        directory = self._kept.pop(task_id, None)
        if directory is not None:
            clean_up(directory)

    def adopt(self, task: Task) -> None:
        """Take over, or clean up after, an attempt that a dead worker left."""
        if starts_nothing(task):
            self._news.ended(task.id, task.attempt, Outcome(status="completed"), None)
            return
        if self._pool.was_never_begun(task.id, task.attempt):
            self._news.returned(task.id, task.attempt)
            return
        directory = attempt_directory(self._home, task.id, task.attempt)
        if held(str(directory / "lock")):
            connection = adoption.adopt(str(directory))
            if connection is not None:
                self._attempts[task.id] = _Attempt(self, task.id, task.attempt, directory)
                self._attempts[task.id].listen(connection)
                return
        self.settle(task.id, task.attempt, directory, None)

    def clean_pool(self) -> None:
        """End the pool processes of a dead worker: they end by themselves, unless killed too."""
        self._pool.clean()

    @property
    def is_calling(self) -> bool:
        """Whether something runs that would end with this worker."""
        return self._pool.busy > 0

    def hand_over(self) -> None:
        """Another worker follows: no attempt need start one when this one goes."""
        for attempt in self._attempts.values():
            attempt.hand_over()

    def close(self, *, leave_running: bool) -> None:
        """Let go of everything; what runs in isolation goes on if `leave_running`."""
        for attempt in list(self._attempts.values()):
            if not leave_running:
                attempt.stop()
            attempt.hang_up()
        self._pool.close()
        self.waiting_shims.close()
        if self._zygote is not None:
            self._zygote.close()

    # ---- inside

    def _start(self, task: Task, plan: Plan) -> None:
        directory = attempt_directory(self._home, task.id, task.attempt)
        if directory.exists():  # of another life: the database came from a backup
            shutil.rmtree(directory)
        spec = AttemptSpec(
            task_id=task.id,
            attempt=task.attempt,
            kind=task.kind,
            argv=plan.argv,
            child=plan.child,
            payload=plan.payload,
            params=task.params if plan.child == "kind" else {},
            python=task.python,
            workspace=task.workspace,
            environment=task.environment,
            has_secrets=bool(task.secrets),
            timeout=task.timeout or None,
            sandbox=int(task.sandbox or 0),
            contains_itself=plan.contains_itself,
            network=plan.network,
            directory=str(directory),
            state=str(self._home),
            max_log_bytes=self._settings.max_log_bytes,
            min_free=self._settings.min_free_bytes,
            max_result_bytes=self._settings.max_result_bytes,
            max_value_bytes=self._settings.max_value_bytes,
            successor=tuple(worker_command(self._home)),
        )
        attempt = _Attempt(self, task.id, task.attempt, directory)
        attempt.listen(self._spawn(spec))
        self._attempts[task.id] = attempt

    def _spawn(self, spec: AttemptSpec, extra_fds: tuple[int, ...] = ()) -> Any:
        """Start a shim; our end of its channel. The lock is taken before anything lives."""
        os.makedirs(spec.directory, mode=0o700, exist_ok=True)
        lock = os.open(os.path.join(spec.directory, "lock"), LOCK_FLAGS, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not extra_fds and (channel := self.waiting_shims.give(spec, lock)) is not None:
                return channel
            self.warm_up()
            assert self._zygote is not None
            try:
                return self._zygote.spawn(spec, lock, extra_fds)
            except ZygoteGoneError:
                self._zygote.close()
                self._zygote = Zygote.start()
                return self._zygote.spawn(spec, lock, extra_fds)
        finally:
            os.close(lock)

    def settle(
        self, task_id: str, attempt: int, directory: Path, level: SandboxLevel | None
    ) -> None:
        """Say how an attempt ended whose shim is gone: after making sure that nothing lives."""
        self._attempts.pop(task_id, None)
        survivors = sweep(str(directory), task_id) if held(str(directory / "lock")) else []
        outcome = read_outcome(str(directory))
        if outcome is not None and not survivors:
            self.finish(task_id, attempt, directory, outcome, level)
            return
        remains = f" Still alive: {survivors}." if survivors else ""
        clean_up(directory)
        self._news.lost(task_id, attempt, f"Its processes were killed from outside.{remains}")

    def finish(
        self,
        task_id: str,
        attempt: int,
        directory: Path,
        outcome: Outcome,
        level: SandboxLevel | None,
    ) -> None:
        """Pass an outcome on; what it lay in is removed when the store has it."""
        self._attempts.pop(task_id, None)
        self._kept[task_id] = directory
        self._news.ended(task_id, attempt, outcome, level)

    def report(self, report: Report) -> None:
        self._news.reported(report)

    def ask(self, task_id: str, attempt: int, key: str, question: object) -> None:
        self._news.asked(task_id, attempt, key, question)

    def withdraw(self, task_id: str, attempt: int, key: str) -> None:
        self._news.withdrawn(task_id, attempt, key)

    def refuse(self, task_id: str, attempt: int, reason: str) -> None:
        self._attempts.pop(task_id, None)
        self._kept[task_id] = attempt_directory(self._home, task_id, attempt)
        self._news.refused(task_id, attempt, reason)

    def channel(self, connection: Any, heard: Any, ended: Any) -> Channel:
        return Channel(connection, self._selector, heard, ended)


class _Attempt:
    """One isolated attempt that runs: what its shim says."""

    def __init__(
        self, placement: LocalPlacement, task_id: str, number: int, directory: Path
    ) -> None:
        self._placement = placement
        self._task_id, self.number, self._directory = task_id, number, directory
        self._level: SandboxLevel | None = None
        self._channel: Channel | None = None
        self._stopped = self._is_handed_over = self._is_answered = False
        self.is_waiting = False

    def listen(self, connection: Any) -> None:
        self._channel = self._placement.channel(connection, self._heard, self._shim_died)

    def stop(self) -> None:
        if self._channel is not None and not self._stopped:
            self._stopped = True
            self._channel.tell({"type": "cancel"})

    def answer(self, message: dict[str, Any]) -> None:
        if self._channel is not None:
            self.is_waiting, self._is_answered = False, True
            self._channel.tell({"type": "answer", **message})

    def hand_over(self) -> None:
        if self._channel is not None:
            self._is_handed_over = True
            self._channel.tell({"type": "handover"})

    def hang_up(self) -> None:
        if self._channel is not None:
            self._channel.close()

    def _part(self, *, serves_again: bool) -> None:
        """The shim has told all that it had to."""
        # What it was told and has not read would be taken for the next attempt.
        was_told = self._stopped or self._is_handed_over or self._is_answered
        if serves_again and self._channel and not was_told:
            self._placement.waiting_shims.keep(self._channel.release())
        else:
            self.hang_up()

    def _heard(self, message: dict[str, Any]) -> None:
        match message.get("type"):
            case "started":
                self._level = SandboxLevel(int(message.get("sandbox", 0)))
                self._report(None, "")
            case "progress":
                self._report(message.get("fraction"), str(message.get("message") or ""))
            case "asks":
                self.is_waiting = True
                self._placement.ask(
                    self._task_id, self.number, str(message["key"]), message["question"]
                )
            case "withdrawn":
                self.is_waiting = False
                self._placement.withdraw(self._task_id, self.number, str(message["key"]))
            case "finished":
                self._part(serves_again=message.get("again") is True)
                outcome = Outcome.from_json(message["outcome"])
                self._placement.finish(
                    self._task_id, self.number, self._directory, outcome, self._level
                )
            case "refused":
                self.hang_up()
                self._placement.refuse(self._task_id, self.number, str(message.get("reason")))
            case _:
                pass  # a newer shim's word

    def _report(self, fraction: float | None, message: str) -> None:
        self._placement.report(
            Report(
                task_id=self._task_id,
                attempt=self.number,
                progress=fraction,
                message=message,
                sandbox_got=self._level,
            )
        )

    def _shim_died(self) -> None:
        self._placement.settle(self._task_id, self.number, self._directory, self._level)


def clean_up(directory: Path) -> None:
    """Remove what an attempt leaves beside its log; an empty directory too."""
    place = str(directory)
    for name in LEFTOVERS:
        # The task could write here below level namespaces: expect anything under these names.
        with suppress(OSError):
            os.unlink(f"{place}/{name}")
    for folder in (f"{place}/io", f"{place}/scratch"):
        try:
            os.rmdir(folder)  # mostly it is empty, or was never made
        except FileNotFoundError:
            pass
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # the log stays, or it never was
        os.rmdir(place)
