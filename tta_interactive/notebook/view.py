"""A task as the words, the colour and the bars that a person sees: pure.

Labels, messages, results and paths are written by strangers. Everything that leaves this
module as text has passed `one_line` or `visible` and has a cap; `markup.py` escapes it once
more for HTML. Nothing here trusts the shape of a result.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from pydantic import JsonValue

from tta_interactive.duration import span
from tta_interactive.form import field_words, fields_of
from tta_interactive.listing import Line, timeline
from tta_interactive.owner import owner_words
from tta_interactive.task import Task, TaskStatus
from tta_interactive.text import one_line, visible

Tone = Literal["waiting", "busy", "asking", "good", "bad", "off"]

SHORT_ID: Final = 10  # `t_` and 48 random bits: no two tasks of one store share them
LABEL: Final = 120
MESSAGE: Final = 240
ERROR: Final = 600
PATH: Final = 400
MISSED: Final = 60
TAIL_LINES: Final = 4
TAIL_BYTES: Final = 4096  # of the output, read for these lines
TAIL_WIDTH: Final = 160
_PLAIN_ID: Final = re.compile(r"t_[A-Za-z0-9_-]+")
# Before that a guess of the end jumps; and whoever has days left needs no figure.
GUESS_AFTER: Final = 2.0
GUESS_FROM: Final = 0.01
GUESS_MOST: Final = 7 * 86400.0

TONES: Final[Mapping[TaskStatus, Tone]] = {
    TaskStatus.QUEUED: "waiting",
    TaskStatus.RUNNING: "busy",
    TaskStatus.INPUT_REQUIRED: "asking",
    TaskStatus.COMPLETED: "good",
    TaskStatus.FAILED: "bad",
    TaskStatus.CANCELLED: "off",
}


@dataclass(frozen=True, kw_only=True)
class Share:
    """A coverage figure with its bar; all in percent."""

    name: str
    percent: float
    start: float
    """Reached by importing the module alone."""
    wanted: float | None
    """The threshold; None: there is none for this figure."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a `tests` task reached."""

    counts: str
    """`14 tests kept of 17`."""
    shares: tuple[Share, ...]
    path: str
    timeline: tuple[tuple[float, float], ...]
    """(seconds, percent of lines)."""
    module: str
    listing: tuple[Line, ...]
    """The module line by line; empty until somebody reads it."""
    missed: str
    """The lines that are missed, as `3, 7-9`."""
    remark: str
    """`below the threshold of 90 %`, `from the cache`; empty if there is nothing to remark."""


@dataclass(frozen=True, kw_only=True)
class View:
    """All that a card, a row and a line of text show of one task. Text only, no HTML."""

    id: str
    short: str
    word: str
    """The status in capitals."""
    tone: Tone
    kind: str
    label: str
    owner: str
    is_final: bool
    is_cancelling: bool
    fraction: float | None
    """Done, 0 to 1; None: not known."""
    message: str
    elapsed: str
    """`12 s`; empty: not started."""
    remaining: str
    """`about 40 s left`, if it goes on as it went; empty: not known."""
    tail: tuple[str, ...]
    """The last lines of the output; empty: none, or nobody read them."""
    question: str
    """What it waits to be told; empty: nothing."""
    answers: tuple[str, ...]
    """What can be answered, and how where there are no buttons."""
    error: str
    remedy: str
    facts: tuple[str, ...]
    """Small print: attempts, sandbox."""
    again: str
    """The line that submits it once more; empty: it went well, or is not over."""
    report: Report | None
    outcome: str
    """A short result that fits on a line; empty: none, or a report says it better."""


def view_of(task: Task, now: datetime) -> View:
    """What a person sees of the task at a moment."""
    report = report_of(task.result) if task.status is TaskStatus.COMPLETED else None
    message = "" if task.is_final else one_line(task.message, MESSAGE)
    return View(
        id=one_line(task.id, 64),
        short=one_line(task.id[:SHORT_ID]),
        word=task.status.value.upper(),
        tone=TONES[task.status],
        kind=one_line(task.kind, 40),
        # The kind stands beside it: `tests src/auth.py` is not `tests: tests src/auth.py`.
        label=one_line(task.label, LABEL).removeprefix(f"{one_line(task.kind, 40)} "),
        owner=owner_words(task.owner),
        is_final=task.is_final,
        is_cancelling=task.cancel_requested_at is not None and not task.is_final,
        fraction=_fraction(task),
        message=message,
        elapsed=_elapsed(task, now),
        remaining=_remaining(task, now),
        tail=(),
        question=one_line(task.open_question.text, ERROR) if task.open_question else "",
        answers=tuple(_answers(task)),
        error=_error(task),
        remedy=_remedy(task),
        facts=tuple(_facts(task)),
        again=_again(task),
        report=report,
        outcome=_outcome(task) if report is None else "",
    )


def with_tail(view: View, log: str) -> View:
    """The view with the end of the task's output, where nothing else says how it ended."""
    says_more = view.report is not None or view.outcome or view.tone in ("bad", "off")
    return view if view.is_final and says_more else replace(view, tail=tail_of(log))


def tail_of(log: str) -> tuple[str, ...]:
    """The last lines of an output; of a line that is written over, what stands there last."""
    whole = [line.rstrip("\r").rpartition("\r")[2] for line in log.split("\n")]
    lines = [visible(line, TAIL_WIDTH).rstrip() for line in whole if line.strip()]
    return tuple(lines[-TAIL_LINES:])


def report_of(result: JsonValue) -> Report | None:
    """The report of a `tests` task, or None if the result is none."""
    if not isinstance(result, dict) or "kept" not in result or "line" not in result:
        return None
    start = result.get("baseline")
    start = start if isinstance(start, dict) else {}
    wanted = _number(result.get("threshold"))
    shares = [
        Share(
            name=name,
            percent=_percent(value),
            start=min(_percent(_number(start.get(name)) or 0.0), _percent(value)),
            wanted=_percent(wanted) if wanted and name == "line" else None,
        )
        for name in ("line", "branch")
        if (value := _number(result.get(name))) is not None
    ]
    return Report(
        counts=_counts(result),
        shares=tuple(shares),
        path=_path(result),
        timeline=tuple(timeline(result)),
        module=one_line(str(result.get("module", "")), 200),
        listing=(),
        missed=one_line(str(result.get("uncovered", "")), MISSED),
        remark=_remark(result, wanted),
    )


def as_text(view: View) -> str:
    """One task on one line."""
    word = f"{view.word}, CANCELLING" if view.is_cancelling else view.word
    parts = [f"{word} {view.short}", f"{view.kind}: {view.label}" if view.label else view.kind]
    if view.fraction is not None and not view.is_final:
        parts.append(percent_words(view.fraction * 100))
    parts += [view.elapsed, view.remaining, view.message, view.question, *view.answers]
    parts += [view.error, view.remedy, view.outcome]
    if view.report is not None:
        parts.append(view.report.counts)
        parts += [f"{s.name} {percent_words(s.percent)}" for s in view.report.shares]
        parts += [view.report.remark, view.report.path]
    return "  ".join(part for part in parts if part)


def table_text(views: Sequence[View]) -> str:
    """Tasks in columns."""
    if not views:
        return "No tasks."
    head = ("STATUS", "ID", "KIND", "TIME", "OWNER", "LABEL")
    rows = [head, *[(v.word, v.short, v.kind, v.elapsed, v.owner, _last(v)) for v in views]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(
        "  ".join(text.ljust(wide) for text, wide in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def counts_text(counts: Mapping[str, int]) -> str:
    """`2 RUNNING, 1 QUEUED, 14 COMPLETED`."""
    known = [f"{counts[status]} {status.upper()}" for status in TaskStatus if counts.get(status)]
    return ", ".join(known) or "No tasks."


def percent_words(percent: float) -> str:
    """`93 %`, `92.6 %`: never rounded up to 100."""
    text = f"{math.floor(percent * 10) / 10:.1f}".removesuffix(".0")
    return f"{text} %"


def _last(view: View) -> str:
    share = percent_words(view.fraction * 100) if view.fraction is not None else ""
    live = " ".join(part for part in (share, view.message) if part and not view.is_final)
    return f"{view.label}  [{live}]" if live else view.label


def _fraction(task: Task) -> float | None:
    if task.progress is None or not math.isfinite(task.progress):
        return None
    return min(1.0, max(0.0, task.progress))


def _elapsed(task: Task, now: datetime) -> str:
    if task.started_at is None:
        return ""
    return span(((task.finished_at or now) - task.started_at).total_seconds())


def _remaining(task: Task, now: datetime) -> str:
    done = _fraction(task)
    if task.status is not TaskStatus.RUNNING or task.started_at is None or done is None:
        return ""
    gone = (now - task.started_at).total_seconds()
    if gone < GUESS_AFTER or not GUESS_FROM <= done < 1:
        return ""
    left = gone * (1 - done) / done
    return f"about {span(max(1.0, round(left)))} left" if left < GUESS_MOST else ""


def _answers(task: Task) -> list[str]:
    question = task.open_question
    if question is None:
        return []
    how = f"%tta_answer {one_line(task.id[:SHORT_ID])}"
    if question.form is not None:
        fields = [field_words(question.form, name) for name in fields_of(question.form)]
        return [*fields, f"{how} NAME=VALUE ..."]
    return [f"{how} {one_line(' | '.join(question.choices) or 'TEXT', MESSAGE)}"]


def _error(task: Task) -> str:
    if task.error is None:
        return ""
    message = one_line(task.error.message, ERROR)
    # `error` is the code for all that has no better one.
    return message if task.error.code == "error" else f"{one_line(task.error.code, 40)}: {message}"


def _remedy(task: Task) -> str:
    if task.error is None:
        return ""
    logs = f"%tta_logs {task.id[:SHORT_ID]} shows what it wrote."
    return one_line(task.error.remedy or logs, ERROR)


def _facts(task: Task) -> list[str]:
    facts: list[str] = []
    if task.max_attempts > 1 or task.attempt > 1:
        facts.append(f"attempt {task.attempt} of {task.max_attempts}")
    if task.after and task.status is TaskStatus.QUEUED:
        facts.append(f"after {len(task.after)} other task{'s' if len(task.after) > 1 else ''}")
    if task.sandbox_got:
        facts.append(f"sandbox {task.sandbox_got.word}")
    return facts


def _again(task: Task) -> str:
    is_over = task.status in (TaskStatus.FAILED, TaskStatus.CANCELLED)
    # A button puts it into a cell and runs it: it is nothing but this, whatever an id may hold.
    is_plain = _PLAIN_ID.fullmatch(task.id) is not None
    return f"%tta_retry {task.id[:SHORT_ID]}" if is_over and is_plain else ""


def _outcome(task: Task) -> str:
    """A plain result that is quickly said."""
    result = task.result
    if task.status is not TaskStatus.COMPLETED or result is None:
        return ""
    if isinstance(result, bool | int | float):
        return str(result)
    return one_line(result, MESSAGE) if isinstance(result, str) else ""


def _counts(result: Mapping[str, JsonValue]) -> str:
    kept, generated = _count(result.get("kept")), _count(result.get("generated"))
    if kept is None:
        return "tests"
    words = f"{kept} test{'' if kept == 1 else 's'} kept"
    return f"{words} of {generated}" if generated is not None else words


def _remark(result: Mapping[str, JsonValue], wanted: float | None) -> str:
    remarks: list[str] = []
    if result.get("threshold_met") is False and wanted is not None:
        remarks.append(f"below the threshold of {percent_words(_percent(wanted))}")
    if result.get("cached") is True:
        remarks.append("from the cache")
    return ", ".join(remarks)


def _path(result: Mapping[str, JsonValue]) -> str:
    path = result.get("output_path")
    return one_line(path, PATH) if isinstance(path, str) else ""


def _count(value: JsonValue) -> int | None:
    """A count, whether it is given as a number or as a list of what was counted."""
    if isinstance(value, list):
        return len(value)
    number = _number(value)
    return None if number is None else int(number)


def _number(value: JsonValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _percent(value: float) -> float:
    return min(100.0, max(0.0, value))
