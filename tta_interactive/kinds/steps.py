"""The steps of a task: what one is, what makes a list of them a graph, what came of them.

Pure: the doors check a graph with this before anything is stored, and the worker sums it up
when the last step is over.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from pydantic import Field, JsonValue, StringConstraints

from tta_interactive.described import Described
from tta_interactive.errors import InvalidRequestError
from tta_interactive.task import Task, TaskStatus

MAX_STEPS: Final = 1000  # of one task, those of its steps included
MAX_DEPTH: Final = 5  # workflows in workflows
NAMES_TOLD: Final = 5  # in one sentence; the record has all

# Not `{0,79}` in the pattern: a Unicode class counted so often compiles to megabytes.
StepName = Annotated[str, StringConstraints(max_length=80, pattern=r"^\w[\w .:-]*$")]


class Step(Described):
    """One step: a task to be, with a name of its own."""

    name: StepName
    """What other steps, and the result, call it: letters, digits and `_ . : -` and spaces."""
    kind: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    params: Mapping[str, JsonValue] = {}
    after: Annotated[tuple[StepName, ...], Field(max_length=MAX_STEPS)] = ()
    """Names of the steps that must complete first."""
    label: str = ""
    """What people call it; default: its name."""
    priority: str | None = None
    """`critical`, `high`, `normal` or `low`; default: as the whole."""
    timeout: float | None = None
    """Seconds that one attempt may take; default: the kind's."""
    max_attempts: int | None = None
    """How often it may be tried; default: as the whole."""
    idempotent: bool | None = None
    """Whether it may be repeated when its process was lost; default: the kind's."""
    sandbox: str | None = None
    """The least level; never less than the whole asks for."""
    workspace: str = ""
    """Directory in which it works; relative: below that of the whole, which is the default."""
    python: str = ""
    environment: Mapping[str, str] = {}
    """More variables than the whole has."""
    secrets: tuple[str, ...] = ()
    """Names of secret variables of whoever submits the whole."""


def in_order(steps: Sequence[Step]) -> list[Step]:
    """The steps, each behind those that it comes after; else as they were given.

    Raises:
        InvalidRequestError: A name is given twice, is missing, or the steps wait in a circle.
    """
    known: dict[str, Step] = {}
    for step in steps:
        if step.name in known:
            raise InvalidRequestError(
                f"Two steps are called {step.name!r}. Give each its own name."
            )
        known[step.name] = step
    for step in steps:
        for name in step.after:
            if name not in known:
                raise InvalidRequestError(
                    f"Step {step.name!r} comes after {name!r}, which is no step. "
                    f"Steps: {_listed(list(known))}."
                )
    done: dict[str, None] = {}
    for step in steps:
        _visit(step.name, known, done)
    return [known[name] for name in done]


def _visit(first: str, known: Mapping[str, Step], done: dict[str, None]) -> None:
    """Put `first` behind all that it needs. Without recursion: a chain may have 1,000 steps."""
    path = [first]
    while path:
        needs = [name for name in known[path[-1]].after if name not in done]
        if not needs:
            done[path.pop()] = None
        elif needs[0] in path:
            circle = [*path[path.index(needs[0]) :], needs[0]]
            raise InvalidRequestError(
                f"These steps wait for each other: {' after '.join(map(repr, circle))}. "
                "Take one 'after' away."
            )
        else:
            path.append(needs[0])


def seconds(task: Task) -> float:
    """How long the last attempt took; 0 for a task that never ran."""
    if task.started_at is None or task.finished_at is None:
        return 0.0
    return max(0.0, (task.finished_at - task.started_at).total_seconds())


def critical_path(steps: Sequence[Task]) -> tuple[float, list[str]]:
    """The longest chain of steps that had to wait for each other: its seconds, its names.

    No number of slots makes the whole shorter than this.
    """
    names = {step.id: step.step for step in steps}
    length: dict[str, float] = {}
    previous: dict[str, str] = {}
    for step in sorted(steps, key=lambda step: step.seq):  # each stands behind what it needs
        needs = [need for need in step.after if need in length]
        if needs:
            previous[step.id] = max(needs, key=length.__getitem__)
        length[step.id] = seconds(step) + length.get(previous.get(step.id, ""), 0.0)
    if not length:
        return 0.0, []
    path = [max(length, key=length.__getitem__)]
    while path[-1] in previous:
        path.append(previous[path[-1]])
    return length[path[0]], [names[task_id] for task_id in reversed(path)]


def told_failure(steps: Sequence[Task]) -> tuple[str, str]:
    """What went wrong in the steps, as a sentence, and as a list of all of them."""
    bad = [step for step in steps if step.status is not TaskStatus.COMPLETED]
    causes = [step for step in bad if step.error is None or step.error.code != "dependency"]
    ran = [step for step in causes if step.attempt]
    others = len(bad) - len(ran)
    words = [_told(step) for step in ran[:NAMES_TOLD]]
    if len(ran) > NAMES_TOLD:
        words.append(f"{len(ran) - NAMES_TOLD} more did not complete.")
    if others:
        words.append(f"{others} that had not begun {'was' if others == 1 else 'were'} left out.")
    lines = [f"{step.step}: {step.status}{_reason(step)}  {step.id}" for step in steps]
    return " ".join(words), "\n".join(lines)


def _told(step: Task) -> str:
    if step.error is None:
        return f"Step {step.step!r} was cancelled."
    words = step.error.message[:300].rstrip(".")
    return f"Step {step.step!r} failed ({step.error.code}): {words}."


def _reason(step: Task) -> str:
    return "" if step.error is None else f" ({step.error.code}: {step.error.message[:200]})"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:20]))
    return shown if len(names) <= 20 else f"{shown} and {len(names) - 20} more"
