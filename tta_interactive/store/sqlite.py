"""The promise of `TaskStore`, kept in one SQLite file and a few files beside it."""

import json
import re
import sqlite3
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pydantic import JsonValue

from tta_interactive.errors import (
    AmbiguousTaskError,
    InvalidRequestError,
    StoreDamagedError,
    TaskNotFoundError,
)
from tta_interactive.event import Event
from tta_interactive.question import Answer, Question
from tta_interactive.settings import AGENT_SLOTS
from tta_interactive.store import blobs
from tta_interactive.store import statements as sql
from tta_interactive.store.adding import add_all
from tta_interactive.store.claim import is_startable, startable
from tta_interactive.store.connection import Connections
from tta_interactive.store.consequences import (
    cancel,
    cancel_steps,
    not_completed,
)
from tta_interactive.store.failures import unusable
from tta_interactive.store.look import choices, counts, find, look
from tta_interactive.store.protocol import Choices, Ending, Filter, Look, Report
from tta_interactive.store.rows import (
    as_json,
    body_of,
    ending_values,
    event_of,
    microseconds,
    moment,
    request_hash,
    task_of,
)
from tta_interactive.task import Task, TaskStatus

# The metadata of a task whose request cannot be read any more: one lost file must not stop
# the worker, nor hide the other tasks.
DAMAGED: Final = "tta:damaged"
_ID: Final = re.compile(r"t_[A-Za-z0-9_-]{22}")


class SqliteStore:
    """A `TaskStore` in the directory `home`. Nothing is opened before the first call."""

    def __init__(
        self,
        home: Path,
        *,
        of_worker: bool = False,
        agent_slots: int = AGENT_SLOTS,
        on_damage: Callable[[], None] | None = None,
    ) -> None:
        self.home = home
        self._agent_slots = agent_slots
        self._blobs = home / "blobs"
        self._db = Connections(home, of_worker=of_worker, on_damage=on_damage)

    # ---- what the doors call

    def add(self, tasks: Sequence[Task]) -> list[Task]:
        rows: list[dict[str, Any]] = []
        added: set[str] = set()
        try:
            rows += [self._row_of(task) for task in tasks]
            stored = self._db.write(
                lambda db: add_all(db, list(zip(tasks, rows, strict=True)), self._task)
            )
            added = {task.id for task in stored}
        finally:
            for row in rows:  # what was not added leaves no file
                if row["id"] not in added and blobs.is_reference(row["body"]):
                    (self._blobs / row["body"][1:]).unlink(missing_ok=True)
        return stored

    def get(self, task_id: str) -> Task:
        row = self._db.read(lambda db: db.execute(sql.BY_ID, {"id": task_id}).fetchone())
        if row is None:
            raise TaskNotFoundError(task_id)
        return self._task(row)

    def get_many(self, task_ids: Collection[str]) -> list[Task]:
        ids = json.dumps(list(task_ids))
        rows = self._db.read(lambda db: db.execute(sql.BY_IDS, {"ids": ids}).fetchall())
        return [self._task(row) for row in rows]

    def resolve(self, wanted: str, owner: str | None = None) -> str:
        try:
            wanted.encode()
        except UnicodeEncodeError:
            raise TaskNotFoundError(wanted) from None
        if not wanted:
            raise TaskNotFoundError(wanted)
        return self._db.read(lambda db: _resolve(db, wanted, owner))

    def find(self, only: Filter) -> list[Task]:
        rows = self._db.read(lambda db: find(db, only))
        return [self._task(row, whole=False) for row in rows]

    def look(self, wish: Look, at: datetime) -> tuple[list[Task], int]:
        rows, total = self._db.read(lambda db: look(db, wish, at))
        return [self._task(row, whole=False) for row in rows], total

    def choices(self, owner: str | None = None) -> Choices:
        return self._db.read(lambda db: choices(db, owner))

    def counts(self, owner: str | None = None) -> dict[TaskStatus, int]:
        return self._db.read(lambda db: counts(db, owner))

    def request_cancel(self, task_id: str, at: datetime) -> Task:
        values: dict[str, Any] = {"id": task_id, "at": microseconds(at)}

        def work(db: sqlite3.Connection) -> sqlite3.Row | None:
            cancel(db, task_id, values["at"])
            return db.execute(sql.BY_ID, values).fetchone()

        row = self._db.write(work)
        if row is None:
            raise TaskNotFoundError(task_id)
        return self._task(row)

    # ---- what the worker calls

    def cancels_wanted(self) -> list[tuple[str, int]]:
        rows = self._db.read(lambda db: db.execute(sql.CANCELS_WANTED).fetchall())
        return [(task_id, attempt) for task_id, attempt in rows]

    def cancel_steps(self, task_id: str, at: datetime) -> None:
        self._db.write(lambda db: cancel_steps(db, task_id, microseconds(at)))

    def step_progress(self, task_id: str, names: int) -> tuple[dict[TaskStatus, int], list[str]]:
        values = {"parent": task_id, "names": names}
        counts = self._db.read(lambda db: db.execute(sql.STEP_COUNTS, values).fetchall())
        running = self._db.read(lambda db: db.execute(sql.RUNNING_STEPS, values).fetchall())
        return {TaskStatus(status): n for status, n in counts}, [row[0] for row in running]

    def with_open_steps(self, task_ids: Collection[str]) -> set[str]:
        ids = json.dumps(list(task_ids))
        rows = self._db.read(lambda db: db.execute(sql.WITH_OPEN_STEPS, {"ids": ids}).fetchall())
        return {row[0] for row in rows}

    def active(self) -> list[Task]:
        rows = self._db.read(lambda db: db.execute(sql.ACTIVE).fetchall())
        return [self._task(row) for row in rows]

    def next_ready(self, limit: int, at: datetime) -> list[Task]:
        values = {"at": microseconds(at), "limit": limit}
        rows = self._db.read(lambda db: db.execute(sql.NEXT_READY, values).fetchall())
        return [self._task(row) for row in rows]

    def exchange(
        self, endings: Sequence[Ending], free: int, at: datetime, ahead: Sequence[Task] = ()
    ) -> list[Task]:
        results = [self._result_text(ending) for ending in endings]
        now = microseconds(at)

        def work(db: sqlite3.Connection) -> list[sqlite3.Row]:
            for ending, result in zip(endings, results, strict=True):
                _end(db, ending, result, at)
            seqs = startable(db, now, free, self._agent_slots) if free > 0 else []
            if ahead:
                named = {"at": now, "ids": json.dumps([task.id for task in ahead])}
                seqs += [row[0] for row in db.execute(sql.STILL_READY, named) if row[0] not in seqs]
            start = {"at": now, "seqs": json.dumps(seqs)}
            rows = db.execute(sql.START, start).fetchall() if seqs else []
            for row in rows:
                if row["steps"] and row["attempt"] == 1:
                    db.execute(sql.RELEASE_STEPS, {"id": row["id"]})
            return rows

        rows = self._db.write(work)
        read = {task.id: task for task in ahead}
        return [
            self._task(row) if (task := read.get(row["id"])) is None else _started(task, row)
            for row in sorted(rows, key=_start_order)
        ]

    def report(self, reports: Sequence[Report], at: datetime) -> None:
        values = [
            {
                "id": report.task_id,
                "attempt": report.attempt,
                "progress": report.progress,
                "message": report.message,
                "sandbox_got": report.sandbox_got,
                "at": microseconds(at),
            }
            for report in reports
        ]
        self._db.write(lambda db: db.executemany(sql.REPORT, values).close())

    def ask(self, task_id: str, attempt: int, question: Question, at: datetime) -> bool:
        values = {
            "id": task_id,
            "attempt": attempt,
            "key": question.key,
            "question": question.model_dump_json(exclude={"answer"}, exclude_defaults=True),
            "at": microseconds(at),
        }
        return self._db.write(lambda db: db.execute(sql.ASK, values).rowcount > 0)

    def answer(self, task_id: str, attempt: int, key: str, answer: Answer, at: datetime) -> bool:
        values = {
            "id": task_id,
            "attempt": attempt,
            "key": key,
            "answer": answer.model_dump_json(exclude_defaults=True),
            "at": microseconds(at),
        }
        return self._db.write(lambda db: db.execute(sql.ANSWER, values).rowcount > 0)

    def is_ready_work(self, at: datetime) -> bool:
        now = microseconds(at)
        return self._db.read(lambda db: is_startable(db, now, self._agent_slots))

    def next_start(self) -> datetime | None:
        return moment(self._db.read(lambda db: db.execute(sql.NEXT_START).fetchone()[0]))

    # ---- what everyone watches

    def events_after(self, seq: int, limit: int = 1000) -> list[Event]:
        values = {"seq": seq, "limit": limit}
        rows = self._db.read(lambda db: db.execute(sql.EVENTS_AFTER, values).fetchall())
        return [event_of(row) for row in rows]

    def moved_after(self, seq: int) -> tuple[int, dict[str, bool]]:
        rows = self._db.read(lambda db: db.execute(sql.MOVED_AFTER, {"seq": seq}).fetchall())
        return rows[-1][0] if rows else seq, {task: bool(stops) for _, task, stops in rows}

    def last_event(self) -> int:
        return self._db.read(lambda db: db.execute(sql.LAST_EVENT).fetchone()[0])

    def change_counter(self) -> int:
        return self._db.read(lambda db: db.execute("PRAGMA data_version").fetchone()[0])

    # ---- upkeep

    def remove_finished(self, before: datetime, limit: int = 1000) -> list[Task]:
        values = {"before": microseconds(before), "limit": limit}

        def work(db: sqlite3.Connection) -> list[sqlite3.Row]:
            rows = db.execute(sql.FINISHED_BEFORE, values).fetchall()
            db.executemany(sql.REMOVE, [{"seq": row["seq"]} for row in rows])
            if rows:
                db.execute(sql.REMOVE_EVENTS)
            return rows

        rows = self._db.write(work)
        gone = [self._task(row, whole=False) for row in rows]
        for row in rows:
            for text in (row["body"], row["result"]):
                if text and blobs.is_reference(text):
                    (self._blobs / text[1:]).unlink(missing_ok=True)
        return gone

    def are_over(self, task_ids: Collection[str]) -> dict[str, bool]:
        values = {"ids": json.dumps(list(task_ids))}
        rows = self._db.read(lambda db: db.execute(sql.ARE_OVER, values).fetchall())
        return {task_id: bool(is_over) for task_id, is_over in rows}

    def existing(self, task_ids: Collection[str]) -> set[str]:
        values = {"ids": json.dumps(list(task_ids))}
        return {
            row[0] for row in self._db.read(lambda db: db.execute(sql.EXISTING, values).fetchall())
        }

    def remove_unnamed(self, before: datetime) -> list[str]:
        # Looked at first, and the rows second: what is named by then was old before.
        old = blobs.older_than(self._blobs, before.timestamp())
        values = {"ids": json.dumps(sorted({name.partition(".")[0] for name in old}))}
        rows = self._db.read(lambda db: db.execute(sql.FILES_OF, values).fetchall())
        named = {text[1:] for row in rows for text in row if text and blobs.is_reference(text)}
        unnamed = [name for name in old if name not in named]
        for name in unnamed:
            (self._blobs / name).unlink(missing_ok=True)
        return unnamed

    def checkpoint(self, *, keep_file: bool = False) -> bool:
        """Empty the write-ahead log; as `Connections.checkpoint`. Only for the worker."""
        return self._db.checkpoint(keep_file=keep_file)

    def close(self) -> None:
        self._db.close()

    # ---- rows

    def _row_of(self, task: Task) -> dict[str, Any]:
        try:
            body = body_of(task)
        except ValueError as error:
            raise InvalidRequestError(f"The task cannot be stored: {error}.") from None
        return {
            "id": task.id,
            "kind": task.kind,
            "label": task.label,
            "owner": task.owner,
            "priority": task.priority,
            "blocked": 0,
            "not_before": microseconds(task.not_before),
            "request_key": task.request_key,
            "request_hash": request_hash(task) if task.request_key is not None else None,
            "body": self._put(f"{task.id}.body", body),
            "parent": task.parent,
            "steps": task.steps,
            "on_failure": task.on_failure,
            "submitted_at": microseconds(task.submitted_at),
        }

    def _task(self, row: sqlite3.Row, *, whole: bool = True) -> Task:
        try:
            text = row["result"]
            result: JsonValue = None
            if text is not None and (whole or not blobs.is_reference(text)):
                result = json.loads(blobs.get(self._blobs, text))
            return task_of(row, blobs.get(self._blobs, row["body"]), result)
        except (StoreDamagedError, ValueError, TypeError, RecursionError) as error:
            words = f"A part of this task is lost: {str(error)[:500]}"
            return task_of(row, as_json({"metadata": {DAMAGED: words}}), None)

    def _result_text(self, ending: Ending) -> str | None:
        if ending.status is not TaskStatus.COMPLETED:
            return None
        return self._put(f"{ending.task_id}.result.{ending.attempt}", as_json(ending.result))

    def _put(self, name: str, text: str) -> str:
        try:
            return blobs.put(self._blobs, name, text)
        except OSError as error:
            raise unusable(self.home, error) from error


def _started(task: Task, row: sqlite3.Row) -> Task:
    """A task that was read while it was queued, after its start: it is not read again."""
    facts = {"status": TaskStatus.RUNNING, "attempt": row["attempt"], "sandbox_got": None,
             "started_at": moment(row["started_at"]), "progress": None, "message": "",
             "question": None}  # fmt: skip
    return task.model_copy(update=facts)


def _start_order(row: sqlite3.Row) -> tuple[int, int]:
    return row["priority"], row["seq"]  # RETURNING gives no order


def _resolve(db: sqlite3.Connection, wanted: str, owner: str | None) -> str:
    values = {"prefix": wanted, "label": wanted, "owner": owner}
    found = [row[0] for row in db.execute(sql.BY_PREFIX, values).fetchall()]
    if wanted in found or len(found) == 1:
        return wanted if wanted in found else found[0]
    # Newest first and without an index: a label that exists is mostly found at once, and
    # what looks like an id is none.
    labelled = None if _ID.fullmatch(wanted) else db.execute(sql.BY_LABEL, values).fetchone()
    if labelled is not None:
        return labelled[0]
    if found:
        raise AmbiguousTaskError(wanted, found)
    raise TaskNotFoundError(wanted)


def _end(db: sqlite3.Connection, ending: Ending, result: str | None, at: datetime) -> None:
    values: dict[str, Any] = {**ending_values(ending, at), "result": result}
    if ending.status is TaskStatus.QUEUED:
        for seq, status, parent in db.execute(sql.TRY_AGAIN, values).fetchall():
            if status != TaskStatus.QUEUED:
                not_completed(db, seq, parent, ending.task_id, TaskStatus(status), values["at"])
        return
    ended = db.execute(sql.END, values).fetchall()
    is_well = ending.status is TaskStatus.COMPLETED
    if is_well and not ended and db.execute(sql.RUN_AGAIN, values).rowcount:
        ended = db.execute(sql.END, values).fetchall()
    for seq, parent in ended:
        if ending.status is TaskStatus.COMPLETED:
            db.execute(sql.UNBLOCK, {"seq": seq})
        else:
            not_completed(db, seq, parent, ending.task_id, ending.status, values["at"])
