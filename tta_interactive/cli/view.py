"""A task as the lines that a person reads: pure, given the width and the time.

All text of a task is a stranger's: everything that is put on a line passes `one_line` or
`visible` here, so that no caller can forget it.
"""

import json
import textwrap
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from tta_interactive.duration import span
from tta_interactive.form import field_words, fields_of
from tta_interactive.task import Priority, Task, TaskStatus
from tta_interactive.text import one_line, visible

SHORT_ID: Final = 10  # `t_` and 48 random bits: two tasks of one store do not share them
NARROW: Final = 60
MAX_RESULT_CHARACTERS: Final = 4000
MAX_DETAIL_CHARACTERS: Final = 8000
STATUS_WIDTH: Final = 14  # input_required


def cells(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(
        0
        if unicodedata.combining(character)
        else 2
        if unicodedata.east_asian_width(character) in "WF"
        else 1
        for character in text
    )


def fit(text: str, width: int) -> str:
    """The text cut to a number of columns; what is cut ends in `...` or, if narrow, bare."""
    if cells(text) <= width:
        return text
    mark = "..." if width > 2 * len("...") else ""
    room, kept = width - len(mark), ""
    for character in text:
        room -= cells(character)
        if room < 0:
            break
        kept += character
    return kept + mark


def short_id(task: Task, width: int) -> str:
    """The id, shortened on narrow screens; any unique prefix names the task."""
    return task.id if width >= NARROW * 2 else task.id[:SHORT_ID]


def took(task: Task, now: datetime) -> float | None:
    """Seconds since the last start, up to the end or to `now`; None: never started."""
    if task.started_at is None:
        return None
    return ((task.finished_at or now) - task.started_at).total_seconds()


def state_words(task: Task) -> str:
    """The status, with what a bare word would hide."""
    if task.cancel_requested_at is not None and not task.is_final:
        return f"{task.status}, cancelling"
    if task.status is TaskStatus.FAILED and task.error is not None:
        return f"failed: {one_line(task.error.code, 20)}"
    return str(task.status)


def progress_words(task: Task, now: datetime) -> str:
    """`40 %, 12 s, mining literals`: what is known, nothing else."""
    parts: list[str] = []
    if task.progress is not None and not task.is_final:
        parts.append(f"{task.progress:.0%}".replace("%", " %"))
    if (seconds := took(task, now)) is not None:
        parts.append(span(seconds))
    if task.open_question is not None:
        parts.append(f"asks: {one_line(task.open_question.text, 200)}")
    elif task.message and not task.is_final:
        parts.append(one_line(task.message, 200))
    return ", ".join(parts)


def summary(task: Task, width: int, now: datetime) -> str:
    """One task on one line."""
    parts = [short_id(task, width), state_words(task), progress_words(task, now)]
    head = "  ".join(part for part in parts if part)
    return fit(f"{head}  {named(task)}", width)


def named(task: Task) -> str:
    """What to call the task: its label, with the kind where that does not say it already."""
    label, kind = one_line(task.label, 200), one_line(task.kind, 80)
    return label if label.startswith(kind) else f"{kind}: {label}".removesuffix(": ")


def table(tasks: Sequence[Task], width: int, now: datetime) -> list[str]:
    """Tasks in columns; on a narrow screen two short lines each."""
    if width < NARROW:
        return [line for task in tasks for line in _narrow(task, width, now)]
    rows = [
        (
            short_id(task, width),
            fit(state_words(task), 24),
            fit(one_line(task.kind, 20), 10),
            fit(_when(task, now), 10),
            fit(one_line(task.owner, 40), 14),
            _label_and_message(task),
        )
        for task in tasks
    ]
    head = ("ID", "STATUS", "KIND", "TIME", "OWNER", "LABEL")
    widths = [max(cells(row[column]) for row in [head, *rows]) for column in range(len(head) - 1)]
    return [fit(_columns(row, widths), width).rstrip() for row in [head, *rows]]


def _columns(row: Sequence[str], widths: Sequence[int]) -> str:
    *front, last = row
    padded = [text + " " * (wide - cells(text)) for text, wide in zip(front, widths, strict=True)]
    return "  ".join([*padded, last])


def _narrow(task: Task, width: int, now: datetime) -> list[str]:
    return [
        fit(f"{task.id[:SHORT_ID]} {state_words(task)}", width),
        fit(f"  {_when(task, now)} {one_line(task.label, 200) or task.kind}", width),
    ]


def _when(task: Task, now: datetime) -> str:
    seconds = took(task, now)
    return "-" if seconds is None else span(seconds)


def _label_and_message(task: Task) -> str:
    label = one_line(task.label, 200)
    words = one_line(task.message, 200) if task.message and not task.is_final else ""
    if task.open_question is not None:
        words = f"asks: {one_line(task.open_question.text, 200)}"
    share = f"{task.progress:.0%} " if task.progress is not None and not task.is_final else ""
    return f"{label}  [{share}{words}]" if share or words else label


def card(task: Task, width: int, now: datetime) -> list[str]:
    """Everything about one task that a person asks first, a fact a line."""
    facts: list[tuple[str, str]] = [
        ("task", one_line(task.id)),
        ("status", state_words(task)),
        ("kind", one_line(task.kind, 80)),
        ("label", one_line(task.label, 400)),
        ("owner", one_line(task.owner, 80)),
        ("workspace", one_line(task.workspace, 400)),
        ("submitted", _clock(task.submitted_at, now)),
    ]
    if task.started_at is not None:
        facts.append(("started", _clock(task.started_at, now)))
    if task.finished_at is not None:
        facts.append(("finished", _clock(task.finished_at, now)))
    if words := progress_words(task, now):
        facts.append(("progress" if not task.is_final else "took", words))
    if task.priority is not Priority.NORMAL:
        facts.append(("priority", task.priority.word))
    if task.parent is not None:
        step = one_line(f"{task.step} of {task.parent}", 400)
        facts.append(("step", step))
    if task.after:
        facts.append(("after", one_line(", ".join(task.after), 400)))
    if task.max_attempts > 1 or task.attempt > 1:
        facts.append(("attempt", f"{task.attempt} of {task.max_attempts}"))
    if task.sandbox_got is not None or not task.steps:  # a workflow itself runs nothing
        facts.append(("sandbox", _sandbox(task)))
    return [*facts_lines(facts, width), *question_lines(task, width), *error_lines(task, width)]


def question_lines(task: Task, width: int) -> list[str]:
    """What a task waits to be told, and how to tell it."""
    question = task.open_question
    if question is None:
        return []
    facts = [("question", one_line(question.text, 2000))]
    example = "TEXT"
    if question.choices:
        facts += [("choice", one_line(choice, 200)) for choice in question.choices]
        example = "CHOICE"
    if question.form is not None:
        facts += [("field", field_words(question.form, name))
                  for name in fields_of(question.form)]  # fmt: skip
        example = "NAME=VALUE ..."
    if question.expires_at is not None:
        at = question.expires_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        default = json.dumps(question.default, ensure_ascii=False)
        facts.append(("until", f"{at}, then: {one_line(default, 200)}"))
    facts.append(("answer", f"tta answer {one_line(task.id)[:SHORT_ID]} {example}"))
    return facts_lines(facts, width)


def error_lines(task: Task, width: int) -> list[str]:
    """Why a task failed, and what to do."""
    if task.error is None:
        return []
    facts = [("error", one_line(task.error.message, 2000))]
    if task.error.remedy:
        facts.append(("remedy", one_line(task.error.remedy, 2000)))
    if task.error.detail:
        facts.append(("detail", f"tta status {one_line(task.id)[:SHORT_ID]} --traceback"))
    return facts_lines(facts, width)


def detail_lines(task: Task) -> list[str]:
    """The traceback, or whatever else the task left; shown on request."""
    if task.error is None or not task.error.detail:
        return []
    return visible(task.error.detail, MAX_DETAIL_CHARACTERS).splitlines()


def result_lines(result: JsonValue) -> list[str]:
    """A result of any kind as indented JSON."""
    if result is None:
        return []
    if isinstance(result, str):
        return visible(result, MAX_RESULT_CHARACTERS).splitlines()
    text = json.dumps(result, ensure_ascii=False, indent=2)
    return visible(text, MAX_RESULT_CHARACTERS).splitlines()


def _sandbox(task: Task) -> str:
    wanted = task.sandbox.word if task.sandbox is not None else "the kind's own"
    if task.sandbox_got is None:
        return f"{wanted} wanted"
    return f"{task.sandbox_got.word} (wanted: {wanted})"


def _clock(at: datetime, now: datetime) -> str:
    ago = (now - at).total_seconds()
    local = at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return f"{local} ({span(ago)} ago)" if ago >= 0 else local


def wrapped(text: str, width: int) -> list[str]:
    """A sentence on as many lines as it needs."""
    return textwrap.wrap(text, width=width, break_on_hyphens=False)


def facts_lines(facts: Sequence[tuple[str, str]], width: int) -> list[str]:
    """Names and values, a pair a line; long values go on below, indented."""
    indent = " " * (12 if width >= NARROW else 2)
    lines: list[str] = []
    for name, value in facts:
        if not value:
            continue
        first = f"{name:<{len(indent)}}" if len(name) < len(indent) else f"{name}: "
        lines += textwrap.wrap(
            value,
            width=max(width, len(indent) + 8),
            initial_indent=first,
            subsequent_indent=indent,
            break_on_hyphens=False,
        )
    return lines
