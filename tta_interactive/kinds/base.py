"""What a kind of task is: a params model, a plan to run it, and a verdict on what came out.

A kind lives in two places. In the door's process its params are checked and its label is
made; in a process of the task's own `run` does the work and `verify` says whether what was
done is what was asked for. In between, the worker knows only the `Plan`.

A third party adds a kind with an entry point in the group `tta_interactive.kinds` that names
a subclass of `Kind`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, JsonValue

from tta_interactive.described import Described
from tta_interactive.kinds.steps import Step
from tta_interactive.task import OnFailure, SandboxLevel, Task

Child = Literal["python", "call", "kind"]


class Params(Described):
    """The base of every kind's params: what it does not know is an error."""


class NoParams(Params):
    """For kinds that need nothing."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How one attempt is run. At most one of `argv` and `child` is set.

    With neither, no process is started: the steps are all that there is to do.
    """

    argv: tuple[str, ...] | None = None
    """A command to execute as it is, without a shell."""
    child: Child | None = None
    """What `tta_interactive.runners.child` should do in a Python of its own."""
    payload: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    """What the child needs; travels in a 0600 file, never on a command line."""
    pooled: bool = False
    """Whether a re-used process may run it: fast, and without isolation."""
    contains_itself: bool = False
    """The runner is trusted code that puts each of its steps into the sandbox."""
    network: bool = False
    """Whether a sandboxed attempt may use the network."""


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """What `Kind.run` is given beside its params."""

    task_id: str
    attempt: int
    workspace: Path
    """The directory that the task works in; the current directory at the start."""
    scratch: Path
    """A private directory of this attempt, deleted afterwards."""
    state: Path
    """The directory of the store, for caches that outlive the task."""
    sandbox: SandboxLevel
    """The level wanted for the steps of a kind that contains itself."""
    progress: Callable[[float | None, str], None]
    """Report the fraction done (None: not known) and what is being done."""


class TaskFailure(Exception):  # noqa: N818  (a verdict to return by raising, not a defect)
    """Raise it in `run` or `verify` to end the task as failed, with these words.

    Args:
        code: One word, such as `not_verified`.
        message: What is wrong, with the value.
        remedy: What to do next.
        detail: More text, shown only on request.
    """

    def __init__(self, code: str, message: str, remedy: str = "", detail: str = "") -> None:
        super().__init__(code, message, remedy, detail)
        self.code, self.message, self.remedy, self.detail = code, message, remedy, detail

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class Kind:
    """One kind of task. Subclass it, set `name` and `Params`, write `run`."""

    name: ClassVar[str]
    Params: ClassVar[type[BaseModel]] = NoParams
    summary: ClassVar[str] = ""
    """One line for lists and help."""
    target: ClassVar[str | None] = None
    """The param that a bare word after the kind's name sets: `tests src/auth.py`."""
    trusted_only: ClassVar[bool] = False
    """Whether agents may never submit it, whatever they were allowed."""
    idempotent: ClassVar[bool] = False
    """Whether the work may be repeated when its process was lost, unless the task says."""
    sandbox: ClassVar[SandboxLevel] = SandboxLevel.LIMITS
    """The least level that it runs at, unless the task says."""
    takes_secrets: ClassVar[bool] = False
    """Whether its process may get secrets of the submitter's environment."""
    timeout: ClassVar[float | None] = None
    """Seconds an attempt may take, unless the task says."""
    step_kinds: ClassVar[frozenset[str]] = frozenset()
    """The kinds of steps that `steps_after` may ask for."""

    def label(self, params: Any) -> str:
        """A short name for people, made from the params."""
        return self.name

    def plan(self, params: Any) -> Plan:
        """How the worker runs an attempt. Must be quick and free of side effects."""
        return Plan(child="kind")

    def steps(self, params: Any) -> Sequence[Step]:
        """The steps that are known when it is submitted, each behind those it comes after.

        They are stored together with the task and begin when it has started.
        """
        return ()

    def steps_after(self, params: Any, result: JsonValue) -> Sequence[Step]:
        """The steps that what `run` returned asks for. As quick and free of effects as `plan`."""
        return ()

    def on_failure(self, params: Any) -> OnFailure:
        """What a step that does not complete means for the others."""
        return "continue"

    def conclude(self, params: Any, result: JsonValue, steps: Sequence[Task]) -> JsonValue:
        """The task's result, when its steps are over. As quick and free of effects as `plan`.

        Args:
            params: The task's.
            result: What `run` returned; None if nothing ran.
            steps: As they ended, each behind those it came after; `step` is the name.

        Raises:
            TaskFailure: The task ends as failed.
        """
        return result

    def run(self, params: Any, context: RunContext) -> JsonValue:
        """Do the work, in a process of the task's own.

        Raises:
            TaskFailure: The task ends as failed, with the failure's code and words.
        """
        raise NotImplementedError(f"Kind {self.name!r} has neither a plan nor a run method.")

    def verify(self, params: Any, result: JsonValue, context: RunContext) -> JsonValue:
        """Check what `run` returned against the world, and return the task's result.

        Raises:
            TaskFailure: What was claimed does not hold.
        """
        return result
