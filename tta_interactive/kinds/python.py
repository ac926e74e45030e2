"""Python text in a fresh interpreter: what the cell magic submits."""

import ast
from collections.abc import Iterable, Mapping
from typing import Annotated, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from tta_interactive.kinds.base import Kind, Params, Plan
from tta_interactive.task import Task

MAX_SOURCE_CHARACTERS = 1_000_000  # a notebook cell has hundreds; the row must stay small
MAX_VALUES = 100
MAX_INLINE = 128 * 1024  # characters; a larger value is a file beside the store

Variable = Annotated[str, StringConstraints(pattern=r"^[^\W\d]\w{0,99}$")]


class Carried(Params):
    """A value that is sent along. Exactly one of `text`, `pickle` and `file`."""

    text: Annotated[str, StringConstraints(max_length=MAX_INLINE)] | None = None
    """The value as JSON."""
    pickle: Annotated[str, StringConstraints(max_length=MAX_INLINE)] | None = None
    """Base64 of a pickle; opened only in the task's process."""
    file: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")] | None = None
    """A pickle in a file beside the store, named by its digest."""

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if sum(way is not None for way in (self.text, self.pickle, self.file)) != 1:
            raise ValueError("give exactly one of text, pickle and file")
        return self


class PythonParams(Params):
    """One program."""

    code: Annotated[str, StringConstraints(max_length=MAX_SOURCE_CHARACTERS)]
    """Python source. The value of a last line that is an expression is the result."""
    inputs: Annotated[Mapping[Variable, Carried], Field(max_length=MAX_VALUES)] = {}
    """Variables that the program finds set."""
    outputs: Annotated[tuple[Variable, ...], Field(max_length=MAX_VALUES)] = ()
    """Variables of the program that are kept for whoever submitted it."""

    @field_validator("code")
    @classmethod
    def _parses(cls, code: str) -> str:
        try:
            ast.parse(code)
        except SyntaxError as error:
            raise ValueError(f"line {error.lineno}: {error.msg}") from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise ValueError(f"no Python source: {error}") from None
        return code


def carried_files(tasks: Iterable[Task]) -> frozenset[str]:
    """The files that tasks of this kind need."""
    found: set[str] = set()
    for task in tasks:
        params = PythonParams.model_validate(task.params)
        found |= {one.file for one in params.inputs.values() if one.file}
    return frozenset(found)


class PythonKind(Kind):
    """Runs Python text; completed when it ends without an exception."""

    name = "python"
    Params = PythonParams
    summary = "Python text in a fresh interpreter; its last expression is the result"
    target = "code"
    takes_secrets = True

    def label(self, params: PythonParams) -> str:
        first = next((line.strip() for line in params.code.splitlines() if line.strip()), "")
        return first[:60]

    def plan(self, params: PythonParams) -> Plan:
        return Plan(child="python", payload=params.model_dump(mode="json", exclude_none=True))
