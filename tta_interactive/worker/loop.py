"""The worker: claims tasks, has them run, records what came of them, until idle.

One thread, one selector loop, no asyncio: it owns the only processes that start others, and
a commit of 0.2 ms is the longest that anything waits. The order of each turn:

    sleep until something is readable or due
      -> what the attempts said becomes endings and reports, in memory
      -> one transaction stores every ending and claims as much as there are free slots
      -> what was claimed is placed; what somebody wants cancelled is stopped
      -> who watches one of the tasks that moved gets a bell

Nothing acknowledged lives only here: kill it at any point and the next one finds the same.
"""

import logging
import os
import selectors
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from tta_interactive.doorbell import LOOK_SECONDS
from tta_interactive.errors import StoreBusyError, StoreDamagedError, StoreFullError
from tta_interactive.settings import Settings
from tta_interactive.store import Ending, Report, SqliteStore, quarantine
from tta_interactive.task import SandboxLevel, Task, TaskStatus
from tta_interactive.version import __version__
from tta_interactive.worker import secret_values
from tta_interactive.worker.attempt import Outcome
from tta_interactive.worker.ballast import Ballast
from tta_interactive.worker.bell import BellServer
from tta_interactive.worker.endings import ending_of, ending_of_lost, ending_of_refused
from tta_interactive.worker.handover import Follower
from tta_interactive.worker.hearing import hear, hear_signals
from tta_interactive.worker.lease import Lease
from tta_interactive.worker.local import LocalPlacement
from tta_interactive.worker.parents import Parents
from tta_interactive.worker.plans import call_ahead
from tta_interactive.worker.questions import Questions
from tta_interactive.worker.starts import forget_all
from tta_interactive.worker.store_log import StoreLog

IDLE_LOOK_SECONDS: Final = 0.5  # nobody waits, and who comes rings
REPORT_SECONDS: Final = 0.1  # progress of all tasks is stored together, this often
REFUSED_SECONDS: Final = 1.0  # before a task that could not be started is tried again
FULL_SECONDS: Final = 1.0  # before a full disk is tried again
UPKEEP_SECONDS: Final = 5.0
COLLECT_SECONDS: Final = 0.001
STOP_SECONDS: Final = 8.0  # for what runs to end, when the worker is told to

log = logging.getLogger(__name__)


class Worker:
    """The one worker of a store. Make it only with the lease in hand."""

    def __init__(self, settings: Settings, lease: Lease) -> None:
        self._settings, self._lease = settings, lease
        self._home = settings.home
        self._store = SqliteStore(self._home, of_worker=True, agent_slots=settings.agent_slots)
        self._ballast = Ballast(self._home)
        self._store_log = StoreLog(self._store, self._home, self._ballast)
        self._selector = selectors.DefaultSelector()
        self._placement = LocalPlacement(settings, self._selector, self)
        greeting = f"v {__version__} {os.getpid()}\n".encode()
        self._follower = Follower()
        self._bell = BellServer(
            self._home, self._selector, greeting, self._rung, self._watched, self._follower.came
        )
        self._running: dict[str, Task] = {}
        self._parents = Parents(self._store, self._rung)
        self._questions = Questions(self._store, self._placement.answer)
        self._confided: set[str] = set()  # those that have secrets
        self._endings: list[Ending] = []
        self._reports: dict[str, Report] = {}
        self._reported_at = 0.0
        self._is_due = True
        self._counter = -1
        self._looked_at = 0.0
        self._seen: int | None = None
        self._not_before: float | None = None
        self._retry_at = 0.0
        self._upkeep_at = 0.0
        self._idle_since = time.monotonic()
        self._stop_by: float | None = None

    def run(self) -> None:
        """Serve until idle or told to stop."""
        self._wake = hear_signals(self._selector, self._stop)
        self._placement.warm_up()
        self._recover()
        self._bell.open()
        forget_all(self._home)
        self._ballast.restore()
        try:
            while not self._is_over():
                self._turn()
        finally:
            self._bell.close()
            self._placement.close(leave_running=self._stop_by is None)
            self._store.close()

    # ---- news of the placement

    def reported(self, report: Report) -> None:
        self._reports[report.task_id] = report

    def asked(self, task_id: str, attempt: int, key: str, question: object) -> None:
        if task_id in self._running:
            self._is_due |= self._questions.asked(task_id, attempt, key, question, _now())

    def withdrawn(self, task_id: str, attempt: int, key: str) -> None:
        self._questions.withdrawn(task_id, attempt, key)
        self._is_due = True

    def ended(
        self, task_id: str, attempt: int, outcome: Outcome, level: SandboxLevel | None
    ) -> None:
        task = self._running.pop(task_id, None)
        if task is None:
            return
        if outcome.survivors:
            log.error("task %s: processes %s could not be killed", task_id, outcome.survivors)
        if self._stop_by is not None and outcome.status == "cancelled":
            task = self._store.get(task_id)
            ending = ending_of_lost(task, _now(), "The worker was stopped.", is_its_fault=False)
        else:
            ending = ending_of(task, outcome, _now(), level)
        self._end(task, ending)

    def lost(self, task_id: str, attempt: int, reason: str) -> None:
        if self._running.pop(task_id, None) is not None:
            task = self._store.get(task_id)  # a cancel may have come meanwhile
            self._end(task, ending_of_lost(task, _now(), reason))

    def _end(self, task: Task, ending: Ending) -> None:
        self._questions.forget(task.id)
        self._parents.moved(task)
        if not self._parents.takes(task, ending, _now()):
            self._endings.append(ending)

    def returned(self, task_id: str, attempt: int) -> None:
        if self._running.pop(task_id, None) is not None:
            self._endings.append(ending_of_refused(task_id, attempt))

    def refused(self, task_id: str, attempt: int, reason: str) -> None:
        if self._running.pop(task_id, None) is not None:
            log.warning("task %s: %s", task_id, reason)
            later = _now() + timedelta(seconds=REFUSED_SECONDS)
            self._endings.append(ending_of_refused(task_id, attempt, later))

    # ---- one turn

    def _turn(self) -> None:
        if not self._rested():
            hear(self._selector, self._pause())
        now = time.monotonic()
        if self._endings and self._placement.is_supplied:
            # One commit for all that end in the next moment, as long as nothing stands still.
            until = now + COLLECT_SECONDS
            while now < until and self._placement.is_supplied:
                hear(self._selector, until - now)
                now = time.monotonic()
        if now - self._looked_at >= LOOK_SECONDS:
            self._look(now)
        if self._stop_by is not None:
            for task in self._running.values():  # also what was placed meanwhile
                self._placement.stop(task.id, task.attempt)
        if any(time.time() >= moment for moment in self._deadlines()):
            self._is_due, self._not_before = True, None  # set again by the look
        self._placement.check_deadlines()
        self._bell.listen_again()
        if (self._endings or self._is_due) and now >= self._retry_at:
            self._exchange()
        if self._has_news and now - self._reported_at >= REPORT_SECONDS:
            self._store_reports(now)
        if now >= self._upkeep_at:
            self._upkeep(now)

    def _rested(self) -> bool:
        """Look twice a second and do nothing else, while nothing else can be due.

        A worker mostly has nothing to do, and what it does then is all that it costs.

        Returns:
            Whether it rested: something was heard, or is due now.
        """
        if self._running or self._endings or self._is_due or self._has_news:
            return False
        if not (self._stop_by is self._not_before is self._parents.next_deadline is None):
            return False
        between = IDLE_LOOK_SECONDS if self._bell.is_heard else LOOK_SECONDS
        leaving = self._idle_since + self._settings.idle_exit
        times = (self._upkeep_at, leaving, self._placement.next_deadline, self._bell.next_deadline)
        until = min(moment for moment in times if moment is not None) - between
        rested = False
        while not self._is_due and (now := time.monotonic()) < until:
            rested = True
            if hear(self._selector, self._looked_at + between - now):
                break
            self._look(time.monotonic())
        return rested

    def _look(self, now: float) -> None:
        """Whether somebody committed: the bell may have been lost."""
        self._looked_at = now
        counter = self._store.change_counter()
        if counter != self._counter:
            self._counter = counter
            self._is_due = True

    @property
    def _has_news(self) -> bool:
        return bool(self._reports) or self._parents.is_touched

    def _pause(self) -> float:
        """Seconds to sleep at most."""
        now = time.monotonic()
        times = [self._looked_at + LOOK_SECONDS]
        if self._has_news:
            times.append(self._reported_at + REPORT_SECONDS)
        if self._endings or self._is_due:
            times.append(self._retry_at)
        if (deadline := self._placement.next_deadline) is not None:
            times.append(deadline)
        pause = min(times) - now
        for moment in self._deadlines():
            # While the disk is full, what is due has to wait: no turn could do it.
            pause = min(pause, max(moment - time.time(), self._retry_at - now))
        return max(pause, 0.0)

    def _deadlines(self) -> list[float]:
        """When something is due by the time of day, in seconds since 1970."""
        times = (self._not_before, self._parents.next_deadline, self._questions.next_deadline)
        return [moment for moment in times if moment is not None]

    def _exchange(self) -> None:
        was_due, self._is_due = self._is_due, False
        try:
            self._exchange_all(was_due)
        except (StoreFullError, StoreBusyError) as error:
            # What ended stays in memory and in its outcome file until it can be stored.
            log.warning("%s", error)
            self._ballast.drop()
            self._is_due, self._retry_at = True, time.monotonic() + FULL_SECONDS

    def _exchange_all(self, was_due: bool) -> None:
        if was_due:
            self._bell.ring(self._questions.settle(_now()))
        free, now, endings = self._free_slots(), _now(), self._endings
        if endings or (free > 0 and self._store.is_ready_work(now)):
            started = self._store.exchange(endings, free, now, self._calls_ahead(free, now))
            self._endings = []
            for ending in endings:
                self._reports.pop(ending.task_id, None)
                self._placement.forget(ending.task_id)
                if ending.task_id in self._confided and ending.status is not TaskStatus.QUEUED:
                    self._confided.discard(ending.task_id)
                    secret_values.forget(self._home, ending.task_id)
            for task in started:
                self._parents.moved(task)
                self._is_due |= task.cancel_requested_at is not None
                self._running[task.id] = task
                if task.secrets:
                    self._confided.add(task.id)
                self._placement.place(task)
            ended = {e.task_id: e.status is not TaskStatus.QUEUED for e in endings}
            self._bell.ring({**ended, **{task.id: False for task in started}})
            # What fails or is tried again may move others, which only the store knows; and
            # where a slot became free, one that waits for its time may have it.
            was_due = was_due or len(started) < free
            was_due = was_due or any(e.status is not TaskStatus.COMPLETED for e in endings)
        self._endings += self._parents.look(_now(), every=was_due)
        if was_due:
            for task_id, attempt in self._store.cancels_wanted():
                self._placement.stop(task_id, attempt)
            # What waits for a slot is started when one is free, not by the clock.
            start = self._store.next_start() if self._free_slots() > 0 else None
            self._not_before = None if start is None else start.timestamp()
            self._announce()

    def _calls_ahead(self, free: int, now: datetime) -> list[Task]:
        rooms = {} if self._is_leaving else self._placement.rooms(free)
        if not rooms:
            return []
        return call_ahead(self._store.next_ready(free + sum(rooms.values()), now), free, rooms)

    def _free_slots(self) -> int:
        return 0 if self._is_leaving else max(self._settings.slots - self._placement.slots_used, 0)

    @property
    def _is_leaving(self) -> bool:
        return self._stop_by is not None or self._follower.is_due

    def _store_reports(self, now: float) -> None:
        reports = [r for r in self._reports.values() if r.task_id in self._running]
        reports += self._parents.reports()
        self._reports = {}
        self._reported_at = now
        try:
            if reports:
                self._store.report(reports, _now())
            self._bell.ring({report.task_id: False for report in reports})
        except (StoreFullError, StoreBusyError) as error:
            log.warning("progress was not stored: %s", error)

    def _announce(self) -> None:
        """Ring for those who watch what others moved since the last time."""
        if not self._bell.is_watched:
            self._seen = None
            return
        assert self._seen is not None  # set when the first one began to watch
        self._seen, moved = self._store.moved_after(self._seen)
        self._bell.ring(moved)

    def _rung(self) -> None:
        self._is_due = True

    def _watched(self) -> None:
        if self._seen is None:
            self._seen = self._store.last_event()

    # ---- beginning and end

    def _recover(self) -> None:
        """Take over or clean up what a dead worker left, before anything is started."""
        self._placement.clean_pool()
        for task in self._store.active():
            log.info("task %s was left running by an earlier worker", task.id)
            self._running[task.id] = task
            if task.secrets:
                self._confided.add(task.id)
            self._placement.adopt(task)

    def _is_over(self) -> bool:
        now = time.monotonic()
        if self._follower.is_due and self._stop_by is None:
            return self._is_handed_over(now)
        if self._running or self._endings:
            self._idle_since = now
            return self._stop_by is not None and now > self._stop_by
        if self._stop_by is not None:
            return True
        if self._bell.is_watched or self._parents:
            self._idle_since = now
        return now - self._idle_since >= self._settings.idle_exit and self._may_leave()

    def _is_handed_over(self, now: float) -> bool:
        """Whether all is told and what runs can go on without this worker."""
        if self._follower.gives_up(now):
            self._is_due = True
            return False
        if self._endings or self._placement.is_calling:
            return False
        self._placement.hand_over()
        return True

    def _may_leave(self) -> bool:
        """Give everything up, then look once more.

        Who submitted before this look is served. Who submits after it finds no socket and
        no lease, and starts a worker.
        """
        self._bell.close()
        self._lease.release()
        if not self._store.is_ready_work(_now()) and self._store.next_start() is None:
            return True
        lease = Lease.take(self._home)
        if lease is None:
            return True  # another worker was quicker
        self._lease = lease
        self._bell.open()
        self._is_due = True
        self._idle_since = time.monotonic()
        return False

    def _stop(self, *_: object) -> None:
        if self._stop_by is None:
            self._stop_by = time.monotonic() + STOP_SECONDS  # the next turn does the rest

    def _upkeep(self, now: float) -> None:
        self._upkeep_at = now + UPKEEP_SECONDS
        if quarantine.is_marked(self._home):
            raise StoreDamagedError("Somebody met damage in the store: the worker looks at it.")
        if not self._lease.still_stands():
            log.error("the state directory was moved or removed: the worker ends")
            self._stop()
            return
        secret_values.forget_final(
            self._home, lambda ids: {t.id: not t.is_final for t in self._store.get_many(ids)}
        )
        counter = self._store_log.keep_short(self._counter, is_idle=not self._running)
        if counter is not None:
            # Looked at afterwards: nothing happens until somebody commits again.
            self._counter, self._is_due = counter, True
        self._ballast.restore()


def _now() -> datetime:
    return datetime.now(UTC)
