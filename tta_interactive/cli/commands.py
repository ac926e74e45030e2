"""What each command does: ask the engine, print, and say how it went."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from tta_interactive.blocking import BlockingEngine
from tta_interactive.cli.answering import answer
from tta_interactive.cli.board import board
from tta_interactive.cli.coverage import coverage
from tta_interactive.cli.doctor import doctor
from tta_interactive.cli.exits import Exit, exit_for
from tta_interactive.cli.logs import logs
from tta_interactive.cli.mcp import mcp
from tta_interactive.cli.screen import Screen
from tta_interactive.cli.show import show_ends, show_json, show_result, show_steps
from tta_interactive.cli.view import card, detail_lines, state_words, table, wrapped
from tta_interactive.cli.waiting import wait_for
from tta_interactive.cli.worker import worker
from tta_interactive.cli.workflow import with_steps
from tta_interactive.errors import InvalidRequestError
from tta_interactive.settings import read_settings
from tta_interactive.targets import request_from_words
from tta_interactive.task import Task, TaskStatus
from tta_interactive.text import one_line

Command = Callable[[argparse.Namespace, Screen], Exit]

UNFINISHED: Final = [status for status in TaskStatus if not status.is_final]
PAGE: Final = 1000  # what the engine gives at once


def engine() -> BlockingEngine:
    """This door's engine: it sees every task of the store and submits as `cli`."""
    return BlockingEngine(owner="cli")


def submit(arguments: argparse.Namespace, screen: Screen) -> Exit:
    """`tta submit TARGET [k=v ...]`"""
    words: list[str] = arguments.words
    if words[:1] == ["--"]:
        words = ["shell", *words]  # a bare command
    if arguments.retries is not None and arguments.retries < 0:
        raise InvalidRequestError(f"--retries is {arguments.retries}. Give 0 or more.")
    with engine() as tasks:
        request = request_from_words(
            with_steps(words),
            label=arguments.name,
            priority=arguments.priority,
            timeout=arguments.timeout,
            max_attempts=None if arguments.retries is None else arguments.retries + 1,
            request_key=arguments.key,
            after=tuple(tasks.status(one).id for one in _parts(arguments.after)) or None,
            sandbox=arguments.sandbox,
            secrets=tuple(arguments.secret) or None,
        )
        task_id = tasks.submit(request)
        return _submitted(tasks, task_id, arguments.wait, screen)


def retry(arguments: argparse.Namespace, screen: Screen) -> Exit:
    """`tta retry ID`"""
    with engine() as tasks:
        return _submitted(tasks, tasks.retry(arguments.id), arguments.wait, screen)


def _submitted(tasks: BlockingEngine, task_id: str, is_awaited: bool, screen: Screen) -> Exit:
    if is_awaited:
        if not screen.is_json:
            screen.line(task_id)
        return _wait(tasks, [task_id], screen, is_one=True)
    if screen.is_json:
        show_json(screen, [tasks.status(task_id)], is_one=True)
    else:
        screen.line(task_id)
    _warn_without_worker(tasks, screen)
    return Exit.OK


def wait(arguments: argparse.Namespace, screen: Screen) -> Exit:
    """`tta wait ID ...`"""
    with engine() as tasks:
        wanted = list(dict.fromkeys(tasks.status(one).id for one in arguments.ids))
        is_one = len(arguments.ids) == 1
        return _wait(tasks, wanted, screen, arguments.timeout, arguments.any, is_one=is_one)


def _wait(
    tasks: BlockingEngine,
    task_ids: Sequence[str],
    screen: Screen,
    timeout: float | None = None,
    any_of: bool = False,
    *,
    is_one: bool,
) -> Exit:
    try:
        found = wait_for(tasks, task_ids, screen, timeout=timeout, any_of=any_of)
    except KeyboardInterrupt:
        names = " ".join(task_ids[:3]) + (" ..." if len(task_ids) > 3 else "")
        goes = "The task goes" if len(task_ids) == 1 else "The tasks go"
        screen.note(f"Stopped waiting. {goes} on. Wait again: tta wait {names}")
        screen.note(f"Cancel: tta cancel {names}")
        return Exit.INTERRUPTED
    _warn_without_worker(tasks, screen)
    if any_of and (over := [task for task in found if task.is_final]):
        found = over
    if screen.is_json:
        show_json(screen, found, is_one=is_one)
    else:
        show_ends(tasks, found, screen)
    return exit_for(found)


def _warn_without_worker(tasks: BlockingEngine, screen: Screen) -> None:
    if tasks.worker_problem:
        screen.note(f"tta: {one_line(tasks.worker_problem, 2000)}")


def status(arguments: argparse.Namespace, screen: Screen) -> Exit:
    """`tta status [ID ...]`"""
    with engine() as tasks:
        if not arguments.ids:
            return _overview(tasks, screen)
        found = [tasks.status(one) for one in arguments.ids]
        _warn_without_worker(tasks, screen)
        if screen.is_json:
            show_json(screen, found, is_one=len(found) == 1)
            return Exit.OK
        for number, task in enumerate(found):
            if number:
                screen.line()
            screen.lines(card(task, screen.width, datetime.now(UTC)))
            show_steps(tasks, task, screen)
            if arguments.traceback:
                screen.lines(detail_lines(task))
            if task.status is TaskStatus.COMPLETED:
                show_result(task, screen)
    return Exit.OK


def _overview(tasks: BlockingEngine, screen: Screen) -> Exit:
    found = tasks.list(statuses=UNFINISHED, limit=PAGE, with_steps=screen.is_json)
    _warn_without_worker(tasks, screen)
    if screen.is_json:
        show_json(screen, found)
        return Exit.OK
    counts = [f"{number} {word}" for word, number in tasks.counts().items() if number]
    screen.lines(wrapped(", ".join(counts) or "No tasks yet.", screen.width))
    if found:
        screen.lines(table(found, screen.width, datetime.now(UTC)))
    return Exit.OK


def list_tasks(arguments: argparse.Namespace, screen: Screen) -> Exit:
    """`tta list`"""
    with engine() as tasks:
        found = tasks.list(
            statuses=[TaskStatus(word) for word in arguments.state] or None,
            kind=arguments.kind,
            owner=arguments.owner,
            limit=arguments.limit,
            with_steps=arguments.steps,
        )
    if screen.is_json:
        show_json(screen, found)
    elif found:
        screen.lines(table(found, screen.width, datetime.now(UTC)))
    else:
        screen.note("No tasks.")
    return Exit.OK


def cancel(arguments: argparse.Namespace, screen: Screen) -> Exit:
    """`tta cancel ID ...`"""
    if bool(arguments.ids) == arguments.all:
        raise InvalidRequestError("Give the ids of the tasks to cancel, or --all.")
    with engine() as tasks:
        # All are looked up before the first is cancelled: a typing error cancels nothing.
        before = _unfinished(tasks) if arguments.all else [tasks.status(i) for i in arguments.ids]
        after = [tasks.cancel(task.id) for task in before]
    if screen.is_json:
        show_json(screen, after, is_one=len(arguments.ids) == 1)
        return Exit.OK
    for old, new in zip(before, after, strict=True):
        screen.line(f"{new.id} {_cancelled_words(old, new)}")
    if not after:
        screen.note("Nothing to cancel.")
    return Exit.OK


def _unfinished(tasks: BlockingEngine) -> list[Task]:
    found: list[Task] = []
    last: int | None = None
    while some := tasks.list(statuses=UNFINISHED, limit=PAGE, before_seq=last, with_steps=False):
        found += some
        last = some[-1].seq
    return found


def _cancelled_words(old: Task, new: Task) -> str:
    if old.is_final:
        return f"was over already: {state_words(old)}"
    if new.is_final:
        return state_words(new)
    return "is being cancelled; that is done when all its processes are gone"


def gc(arguments: argparse.Namespace, screen: Screen) -> Exit:
    """`tta gc`"""
    seconds: float | None = arguments.older_than
    days = read_settings().keep_days
    keep = timedelta(days=days) if seconds is None else timedelta(seconds=seconds)
    with BlockingEngine(owner="cli") as engine:
        gone = engine.collect_garbage(keep, dry_run=arguments.dry_run)
    if screen.is_json:
        ids = [task.id for task in gone]
        screen.json({"dry_run": arguments.dry_run, "count": len(ids), "ids": ids})
        return Exit.OK
    verb = "would go" if arguments.dry_run else "removed"
    screen.line(f"{len(gone)} finished {'task' if len(gone) == 1 else 'tasks'} {verb}.")
    return Exit.OK


def _parts(texts: Sequence[str]) -> list[str]:
    return [part for text in texts for part in text.split(",") if part]


COMMANDS: Final[Mapping[str, Command]] = {
    "submit": submit,
    "status": status,
    "wait": wait,
    "list": list_tasks,
    "cancel": cancel,
    "answer": answer,
    "retry": retry,
    "logs": logs,
    "coverage": coverage,
    "worker": worker,
    "board": board,
    "doctor": doctor,
    "gc": gc,
    "mcp": mcp,
}
