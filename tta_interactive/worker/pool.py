"""Re-used processes for plain functions of trusted doors: fast, without isolation.

A process serves one interpreter and one workspace. It stands below a shim of its own, so
that cancel, time-out and the death of the worker end it with everything it started. Where
one call disturbs the next (it left processes, its module has changed) it is replaced.

While many short calls are queued, a process is given several at once: one commit then starts
and ends many. How many follows from how long calls take: what waits in a process should
begin within `AHEAD_SECONDS`. Where it does not, it goes back to the queue and counts no try.
"""

import selectors
import time
from typing import Any, Final

from tta_interactive.kinds import Plan
from tta_interactive.settings import Settings
from tta_interactive.task import Task
from tta_interactive.worker import ahead
from tta_interactive.worker.member import FOLDER, Key, Member, Spawn, key_of, remove
from tta_interactive.worker.placement import News
from tta_interactive.worker.sweep import held, sweep
from tta_interactive.worker.zygote import ZygoteGoneError

AHEAD_SECONDS: Final = 0.004
DEEPEST: Final = 16  # calls in one process, the one that runs included
WEIGHT: Final = 0.2  # of the last call in the mean


class Pool:
    """As many processes as there are slots, made when needed."""

    def __init__(
        self, settings: Settings, selector: selectors.BaseSelector, news: News, spawn: Spawn
    ) -> None:
        self.settings, self.selector, self.news, self.spawn = settings, selector, news, spawn
        self._members: list[Member] = []
        self._mean = AHEAD_SECONDS  # of a call, in seconds; nothing is known of the first
        self._never_begun: set[ahead.Attempt] = set()

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

    # ---- several calls at once

    @property
    def waiting(self) -> int:
        """How many calls wait in a process behind another."""
        return sum(member.load - 1 for member in self._members if member.load > 1)

    @property
    def busy(self) -> int:
        """How many slots its processes fill."""
        return sum(member.load > 0 for member in self._members)

    @property
    def asking(self) -> int:
        """How many of those wait for an answer."""
        return sum(member.is_asking for member in self._members)

    def rooms(self, free: int) -> dict[Key, int]:
        """How many calls may be claimed beyond those that take one of the `free` slots."""
        depth = self._depth
        rooms: dict[Key, int] = {}
        for member in self._members:
            room = member.room(depth)
            if member.load == 0:
                room = room - 1 if free > 0 else 0  # its first call takes a slot
                free -= 1
            if room > 0:
                rooms[member.key] = rooms.get(member.key, 0) + room
        return rooms

    @property
    def is_supplied(self) -> bool:
        """Whether each process has something to go on with."""
        return bool(self._members) and all(member.load > 1 for member in self._members)

    def took(self, seconds: float) -> None:
        """A call took so long."""
        self._mean += WEIGHT * (min(seconds, 1.0) - self._mean)

    @property
    def _depth(self) -> int:
        return max(1, min(DEEPEST, int(AHEAD_SECONDS / max(self._mean, 1e-6))))

    # ---- calls

    def place(self, task: Task, plan: Plan, *, takes_slot: bool) -> None:
        """Call a function in a process that is free; without a slot, behind another call."""
        key = key_of(task)
        if not takes_slot:
            roomy = [m for m in self._members if m.load and m.key == key and m.room(DEEPEST)]
            if not roomy or not min(roomy, key=lambda m: m.load).give(task, plan):
                self.news.returned(task.id, task.attempt)
            return
        idle = [m for m in self._members if m.load == 0 and not m.is_ending]
        fitting = [m for m in idle if m.key == key]
        if fitting:
            fitting[-1].give(task, plan)
            return
        if idle and len(self._members) >= self.settings.slots:
            idle[0].end()
        member = Member(self, key)
        self._members.append(member)
        member.give(task, plan)

    def place_again(self, task: Task, plan: Plan) -> None:
        """Call a function whose process turned out to be stale."""
        try:
            self.place(task, plan, takes_slot=True)
        except (OSError, ZygoteGoneError) as error:
            reason = f"No process can be started: {error}"
            self.news.refused(task.id, task.attempt, reason)

    def stop(self, task_id: str, attempt: int) -> None:
        """End a call: with its process, if it has begun."""
        for member in list(self._members):
            member.stop(task_id, attempt)

    def answer(self, task_id: str, attempt: int, message: dict[str, Any]) -> None:
        """Pass on an answer to the call that asked."""
        for member in self._members:
            member.answer(task_id, attempt, message)

    def clean(self) -> None:
        """Make sure that no process of a dead worker's pool lives."""
        folder = self.settings.home / FOLDER
        for directory in folder.iterdir() if folder.is_dir() else ():
            deadline = time.monotonic() + 1.0  # they end by themselves when their worker dies
            while held(str(directory / "lock")) and time.monotonic() < deadline:
                time.sleep(0.01)
            is_held = held(str(directory / "lock"))  # a copy's processes are the original's
            if not (is_held and sweep(str(directory), directory.name)):
                self._never_begun |= ahead.never_begun(directory)
            remove(directory)

    def was_never_begun(self, task_id: str, attempt: int) -> bool:
        """Whether a dead worker's process had that call waiting, and surely did not begin it."""
        return (task_id, attempt) in self._never_begun

    def close(self) -> None:
        """End all processes."""
        for member in list(self._members):
            member.end()
            member.hang_up()

    def forget(self, member: Member) -> None:
        """A process is gone."""
        if member in self._members:
            self._members.remove(member)
