"""The magics: read the line, ask the engine, show. No state of a task is kept here.

Wrong usage is a UsageError: one red line. A failed task, or a store that cannot serve, is an
exception of two lines, so that *Run All* and every notebook runner stops.
"""

import argparse
import json
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from IPython.core.error import UsageError

from tta_interactive.errors import RequestError, TTAError
from tta_interactive.kinds import get_kind, is_kind
from tta_interactive.notebook.card import display_bundle, display_mode
from tta_interactive.notebook.carry import carried
from tta_interactive.notebook.completer import offers
from tta_interactive.notebook.config import defaults_of
from tta_interactive.notebook.handle import TaskHandle, collected
from tta_interactive.notebook.line import Line, LineError, Spot, read_line
from tta_interactive.notebook.markup import table_html
from tta_interactive.notebook.names import Names
from tta_interactive.notebook.options import FOLLOWED_LINES, OptionError, plain, read_options
from tta_interactive.notebook.session import Session, say
from tta_interactive.notebook.view import SHORT_ID, as_text, counts_text, table_text, view_of
from tta_interactive.notebook.waiting import wait_for
from tta_interactive.question import answer_of_words
from tta_interactive.settings import read_settings
from tta_interactive.targets import NAMED, Named, request_from_words
from tta_interactive.task import Task, TaskStatus
from tta_interactive.text import one_line, visible

BODY: Final = {"python": "code", "shell": "script"}
"""The param that a cell's body sets; of other kinds it is the target."""
UNFINISHED: Final = [status for status in TaskStatus if not status.is_final]
MANY: Final = 1000
LOG_BYTES: Final = 256 * 1024  # printed at once; more would stall the page
_IPYTHON_ONLY: Final = re.compile(r"^\s*[%!]", re.MULTILINE)


class Magics:
    """All magics of one IPython shell."""

    def __init__(self, shell: Any) -> None:
        self.session = Session(shell)

    def close(self) -> None:
        self.session.close()

    def run(
        self, name: str, line: str, cell: str | None, local_ns: Mapping[str, object] | None
    ) -> object:
        """Run the magic of that name."""
        with _told_in_few_lines():
            names = Names(self.session.shell, local_ns)
            read = read_line(line, names.evaluate)
            options = read_options(name, read.words)
            if name == "tta_submit":
                return self._submit(options, read, cell, names)
            if read.verbatim:
                raise UsageError(f"%{name} takes nothing after --. %{name}? shows examples.")
            return _RUN[name](self, options, names)

    def offers(self, text: str) -> list[str] | None:
        """What Tab offers on a line; None: it is not ours."""
        return offers(text, self._known_tasks, self._variables)

    def _variables(self) -> list[str]:
        shell = self.session.shell
        hidden = shell.user_ns_hidden
        return sorted(name for name in shell.user_ns if name[0] != "_" and name not in hidden)

    def _known_tasks(self) -> list[str]:
        try:
            tasks = self.session.engine.list(limit=50)
        except TTAError:
            return []
        names = {task.label: None for task in tasks if re.fullmatch(r"[\w.-]+", task.label)}
        return [*[task.id[:SHORT_ID] for task in tasks], *names]

    # ---- submit

    def _submit(
        self, options: argparse.Namespace, line: Line, cell: str | None, names: Names
    ) -> object:
        if not (options.quiet or options.json):
            display_mode(self.session.shell)  # if it is wrong, nothing may be submitted
        defaults = defaults_of(self.session.shell)
        words: list[object] = [_as_word(word) for word in options.words]
        if cell is not None:
            words = _with_body(words, cell, str(defaults.kind))
        words += self._carried(options, words, names)
        if line.verbatim is not None:
            words += ["--", *line.verbatim]
        engine = self.session.engine
        after = [text for word in options.after or () for text in names.ids([word])]
        request = request_from_words(
            words,
            pickler=_pickled_call,
            label=options.name,
            priority=options.priority or defaults.priority,
            timeout=options.timeout or defaults.timeout,
            max_attempts=None if options.retries is None else options.retries + 1,
            request_key=options.key,
            after=tuple(engine.status(one).id for one in after) or None,
            sandbox=options.sandbox,
            secrets=tuple(options.secret or ()) or None,
        )
        task = engine.status(engine.submit(request))
        self.session.last_id = task.id
        self.session.own.add(task.id)
        if engine.worker_problem:
            say(f"The task is stored, but no worker runs: {engine.worker_problem}")
        if options.json:
            say_json(task)
        elif not options.quiet:
            self.session.show(task)
        return TaskHandle(self.session, task.id, self.session.execution_count)

    def _carried(
        self, options: argparse.Namespace, words: Sequence[object], names: Names
    ) -> list[object]:
        """The params for `--in` and `--out`."""
        if not (options.inputs or options.outputs):
            return []
        if not words or words[0] != "python":
            raise UsageError(
                "--in and --out carry variables to Python text. Use them with %%tta_submit and no "
                "kind, or with the kind python."
            )
        values = {name: names.variable(name) for name in options.inputs or ()}
        home = self.session.engine.home
        inputs = carried(values, home, read_settings(home).max_value_bytes)
        return [Named("inputs", inputs), Named("outputs", options.outputs or [])]

    # ---- look

    def _status(self, options: argparse.Namespace, names: Names) -> object:
        engine = self.session.engine
        ids = names.ids(options.ids)
        if options.last:
            ids += [task.id for task in engine.list(limit=1, with_steps=False)]
        if not options.ids and not options.last:
            return self._overview(as_json=options.json)
        tasks = [engine.status(one) for one in ids]
        if not tasks:
            say("No tasks.")
        for task in tasks:
            if options.json:
                say_json(task)
            else:
                self.session.show(task)
                self._tell_problem()
            if options.detail and task.error is not None and task.error.detail:
                say(task.error.detail[-LOG_BYTES:])
        shown_at = self.session.execution_count
        handles = [TaskHandle(self.session, task.id, shown_at) for task in tasks]
        return handles[0] if len(handles) == 1 else None

    def _overview(self, *, as_json: bool) -> None:
        counts = self.session.engine.counts()
        tasks = self.session.engine.list(statuses=UNFINISHED, with_steps=False)
        if as_json:
            say_json({"counts": counts, "unfinished": [_facts(task) for task in tasks]})
            return
        say(counts_text(counts))
        if tasks:
            self._table(tasks)
            self._tell_problem()

    def _tell_problem(self) -> None:
        if problem := self.session.engine.worker_problem:
            say(f"No worker runs: {problem}")

    def _list(self, options: argparse.Namespace, _: Names) -> None:
        tasks = self.session.engine.list(
            statuses=[TaskStatus(word) for word in options.state] if options.state else None,
            kind=options.kind,
            limit=options.limit,
            with_steps=False,
        )
        if options.json:
            say_json([_facts(task) for task in tasks])
        else:
            self._table(tasks)

    def _board(self, options: argparse.Namespace, names: Names) -> None:
        mode = display_mode(self.session.shell)
        is_filtered = options.state or options.kind
        if mode != "widget" or options.json or is_filtered:
            self._list(options, names)
            return
        tasks = self.session.engine.list(limit=options.limit, with_steps=False)
        views = [view_of(task, datetime.now(UTC)) for task in tasks]
        self.session.show_board({"text/plain": table_text(views), "text/html": table_html(views)})

    def _table(self, tasks: Sequence[Task]) -> None:
        at = datetime.now(UTC)
        views = [view_of(task, at) for task in tasks]
        if display_mode(self.session.shell) == "text":
            say(table_text(views))
        else:
            display_bundle({"text/plain": table_text(views), "text/html": table_html(views)})

    def _logs(self, options: argparse.Namespace, names: Names) -> None:
        ids = self._meant(options, names)
        for number, one in enumerate(ids):
            task = self.session.engine.status(one)
            if len(ids) > 1:
                say(("" if number == 0 else "\n") + _line(task))
            lines = options.n or (FOLLOWED_LINES if options.f else None)
            if options.f and not task.is_final:
                self._follow(task, lines)
                continue
            text = self.session.engine.logs(task.id, tail_lines=lines, max_bytes=LOG_BYTES)
            say(text.rstrip("\n") or f"{task.id[:10]} has written nothing.")

    def _follow(self, task: Task, lines: int | None) -> None:
        try:
            for chunk in self.session.engine.follow_logs(task.id, lines):
                print(visible(chunk[-LOG_BYTES:]), end="", flush=True)  # noqa: T201
        except KeyboardInterrupt:
            say(f"\nStopped following; {task.id[:10]} goes on.")

    # ---- wait and cancel

    def _wait(self, options: argparse.Namespace, names: Names) -> object:
        ids = self._meant(options, names)
        if not ids:
            say("No unfinished tasks.")
            return None
        tasks = wait_for(
            self.session,
            ids,
            timeout=options.timeout,
            until_any=options.any,
            cancels=options.cancel_on_interrupt,
            is_quiet=options.quiet,
        )
        if tasks is None:
            return None
        self.session.settle(tasks)
        if options.any:
            tasks = [task for task in tasks if task.is_final][:1]
        if not options.quiet:
            for task in tasks:
                say(_line(task))
                self.session.show_again(task)
        results = [
            None
            if options.no_raise and task.status is not TaskStatus.COMPLETED
            else collected(self.session, task)
            for task in tasks
        ]
        is_one = options.any or (len(ids) == 1 and not options.all)
        return results[0] if is_one else results

    def _cancel(self, options: argparse.Namespace, names: Names) -> None:
        if not options.ids and not options.all:
            raise UsageError("Which task? Give an id, a name or a handle, or --all.")
        ids = self._meant(options, names)
        if not ids:
            say("No unfinished tasks.")
        for one in ids:
            say(_line(self.session.engine.cancel(one)))

    def _retry(self, options: argparse.Namespace, names: Names) -> object:
        ids = [self.session.retry(one) for one in self._meant(options, names)]
        tasks = [self.session.engine.status(one) for one in ids]
        for task in tasks:
            self.session.last_id = task.id
            self.session.show(task)
        shown_at = self.session.execution_count
        handles = [TaskHandle(self.session, task.id, shown_at) for task in tasks]
        return handles[0] if len(handles) == 1 else None

    def _answer(self, options: argparse.Namespace, names: Names) -> None:
        ids = names.ids([options.id])
        if len(ids) != 1 or (options.decline and options.words):
            raise UsageError("Give one task, and either an answer or --decline.")
        engine = self.session.engine
        task = engine.status(ids[0])
        question = task.open_question
        if options.decline or question is None:
            say(_line(engine.answer(task.id, None)))
            return
        if not options.words:
            raise UsageError(
                f"What is the answer? {' '.join(view_of(task, datetime.now(UTC)).answers)}"
            )
        value = answer_of_words(question, [_typed(word) for word in options.words])
        say(_line(engine.answer(task.id, value, key=question.key)))

    def _meant(self, options: argparse.Namespace, names: Names) -> list[str]:
        """The tasks that are named; else with --all the notebooks', else the last one."""
        if getattr(options, "all", False):
            if options.ids:
                raise UsageError("Give ids or --all, not both.")
            found = self.session.engine.list(
                statuses=UNFINISHED, owner="notebook", limit=MANY, with_steps=False
            )
            return [task.id for task in reversed(found)]
        ids = names.ids(options.ids)
        if not ids and self.session.last_id is None:
            raise UsageError("Which task? Nothing was submitted here yet: give an id or a name.")
        return ids or [self.session.last_id or ""]


_RUN: Final[dict[str, Callable[[Magics, argparse.Namespace, Names], object]]] = {
    "tta_status": Magics._status,  # pyright: ignore[reportPrivateUsage]  (the table of our own)
    "tta_wait": Magics._wait,  # pyright: ignore[reportPrivateUsage]
    "tta_cancel": Magics._cancel,  # pyright: ignore[reportPrivateUsage]
    "tta_retry": Magics._retry,  # pyright: ignore[reportPrivateUsage]
    "tta_answer": Magics._answer,  # pyright: ignore[reportPrivateUsage]
    "tta_logs": Magics._logs,  # pyright: ignore[reportPrivateUsage]
    "tta_list": Magics._list,  # pyright: ignore[reportPrivateUsage]
    "tta_board": Magics._board,  # pyright: ignore[reportPrivateUsage]
}


def _pickled_call(function: object, args: Sequence[object], kwargs: Mapping[str, object]) -> str:
    # Here: most tasks need no pickle, and the model of its kind takes 10 ms to build.
    from tta_interactive.notebook.payload import pickled_call  # noqa: PLC0415

    return pickled_call(function, args, kwargs)


def _typed(word: str) -> str:
    """The word with the object of an expression in its place."""
    name = f"{word.name}=" if isinstance(word, Spot) and word.name else ""
    return name + str(plain(word))


def _as_word(word: str) -> object:
    return Named(word.name or "", plain(word)) if isinstance(word, Spot) else word


def _with_body(words: list[object], body: str, usual: str) -> list[object]:
    """The words of a cell magic: the usual kind unless one is named, and the body as its param."""
    if not words or not isinstance(words[0], str) or NAMED.fullmatch(words[0]):
        words = [usual, *words]
    kind = words[0]
    param = BODY.get(str(kind))
    if param is None and is_kind(str(kind)):
        param = get_kind(str(kind)).target
    if param is None or kind == "call":
        raise UsageError(
            f"A cell's body cannot go to {one_line(str(kind), 80)!r}. Name a kind that takes "
            "text, such as shell, or none: then the body is Python."
        )
    if kind == "python" and (match := _IPYTHON_ONLY.search(body)):
        _check_python(body, match)
    return [*words, Named(param, body)]


def _check_python(body: str, match: re.Match[str]) -> None:
    try:
        compile(body, "<cell>", "exec")
    except (SyntaxError, ValueError):
        line = body[: match.end()].count("\n") + 1
        raise UsageError(
            f"Line {line} of the cell starts with {match[0].strip()!r}: lines for IPython do not "
            "run in a task. Use Python, or %%tta_submit shell."
        ) from None


@contextmanager
def _told_in_few_lines() -> Generator[None]:
    try:
        yield
    except (RequestError, LineError, OptionError) as error:
        raise UsageError(one_line(str(error), 2000)) from None
    except TTAError as error:
        if not hasattr(error, "_render_traceback_"):
            lines = [f"{type(error).__name__}: {one_line(str(error), 2000)}"]
            error._render_traceback_ = lambda: lines  # pyright: ignore[reportAttributeAccessIssue]
        raise


def _line(task: Task) -> str:
    return as_text(view_of(task, datetime.now(UTC)))


def _facts(task: Task) -> object:
    return task.model_dump(mode="json")


def say_json(value: object) -> None:
    """Print JSON that is plain ASCII."""
    facts = _facts(value) if isinstance(value, Task) else value
    print(json.dumps(facts, indent=2), flush=True)  # noqa: T201  (a magic answers by printing)
