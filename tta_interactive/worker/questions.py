"""The questions of what runs, in the worker: into the store, and the answers out of it.

    a shim says that its task asks    -> the store keeps it: `input_required`
    somebody answers, at any door     -> the store has it: it goes to the shim, and to the task
    its time is over                  -> the store is given the default, unless it has an answer
    the task does not wait any more   -> the store is told so

The store decides who was first. Here is only what shims wait for: a worker that takes over is
told that by them, and finds in the store what was answered meanwhile. Each shim passes the
answer on once; a second one finds no question.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tta_interactive.errors import InvalidRequestError
from tta_interactive.question import Answer, Question
from tta_interactive.store import TaskStore

log = logging.getLogger(__name__)
Tell = Callable[[str, int, dict[str, Any]], None]


@dataclass
class _Open:
    attempt: int
    question: Question
    is_stored: bool = False


class Questions:
    """What tasks that run wait to know.

    Args:
        store: Where questions and answers are kept.
        tell: Tells an attempt: its task, its number, and the message.
    """

    def __init__(self, store: TaskStore, tell: Tell) -> None:
        self._store, self._tell = store, tell
        self._open: dict[str, _Open] = {}
        self._withdrawn: list[tuple[str, int, str]] = []

    @property
    def next_deadline(self) -> float | None:
        """When the next one waits no longer, in seconds since 1970."""
        times = (one.question.expires_at for one in self._open.values())
        return min((at.timestamp() for at in times if at is not None), default=None)

    def asked(self, task_id: str, attempt: int, key: str, said: object, at: datetime) -> bool:
        """Hear a question; whether there is something to settle."""
        try:
            question = Question.asked(said, key, at)
        except InvalidRequestError as error:
            self._tell(task_id, attempt, {"key": key, "refused": str(error)})
            return False
        # Boundary: these are a task's words, and no worker may end over them.
        except Exception:
            log.exception("the question %s of task %s", key, task_id)
            self._tell(task_id, attempt, {"key": key, "refused": "The question cannot be read."})
            return False
        self._open[task_id] = _Open(attempt, question)
        return True

    def withdrawn(self, task_id: str, attempt: int, key: str) -> None:
        """Hear that nobody waits for the answer."""
        self._withdrawn.append((task_id, attempt, key))  # another question may follow at once
        known = self._open.get(task_id)
        if known is not None and (known.attempt, known.question.key) == (attempt, key):
            self.forget(task_id)

    def forget(self, task_id: str) -> None:
        """The attempt is over."""
        self._open.pop(task_id, None)

    def settle(self, at: datetime) -> dict[str, bool]:
        """Store what was asked and what is over, and pass on what was answered.

        Returns:
            The tasks that were moved here, and whether each waits for an answer now.

        Raises:
            StoreError: It could not be stored; the next call tries again.
        """
        moved: dict[str, bool] = {}
        while self._withdrawn:
            task_id, attempt, key = self._withdrawn[0]
            if self._store.answer(task_id, attempt, key, Answer(how="withdrawn", at=at), at):
                moved[task_id] = False
            del self._withdrawn[0]
        for task_id, one in self._open.items():
            if not one.is_stored:
                if self._is_kept(task_id, one, at):
                    moved[task_id] = True
                one.is_stored = True
        for task in self._store.get_many(self._open) if self._open else ():
            one, known = self._open[task.id], task.question
            if known is None or (task.attempt, known.key) != (one.attempt, one.question.key):
                # An attempt that is not current any more, or one that has asked something else.
                self.forget(task.id)
                said = {"key": one.question.key, "refused": "Nobody can be asked that now."}
                self._tell(task.id, one.attempt, said)
                continue
            one.question = known  # it may be an earlier worker's, with the time that it began
            is_late = known.expires_at is not None and known.expires_at <= at
            if is_late and known.answer is None:
                if self._store.answer(task.id, one.attempt, known.key, known.expired(at), at):
                    moved[task.id] = False
                known = self._store.get(task.id).question or known  # somebody may be quicker
            if known.answer is not None:
                self.forget(task.id)
                answer = {"key": known.key, "value": known.answer.value}
                self._tell(task.id, one.attempt, answer)
        return moved

    def _is_kept(self, task_id: str, one: _Open, at: datetime) -> bool:
        """Store the question; whether the task waits for its answer now.

        Only one is open at a time. So an earlier one that is open in the store was given up, and
        the worker that was told so did not live to write it down.
        """
        if self._store.ask(task_id, one.attempt, one.question, at):
            return True
        for task in self._store.get_many([task_id]):
            before, over = task.open_question, Answer(how="withdrawn", at=at)
            if before is not None and before.key != one.question.key:
                self._store.answer(task_id, one.attempt, before.key, over, at)
                return self._store.ask(task_id, one.attempt, one.question, at)
        return False
