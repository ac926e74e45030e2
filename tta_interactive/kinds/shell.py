"""A command: an argument list, or a script for `sh`."""

import shlex
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from tta_interactive.kinds.base import Kind, Params, Plan

Argument = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=131_071)]
# One argument may have 128 KiB: MAX_ARG_STRLEN, execve(2).


class ShellParams(Params):
    """Exactly one of the two."""

    argv: Annotated[tuple[Argument, ...], Field(min_length=1, max_length=4096)] | None = None
    """The command and its arguments, as the program will see them: no shell reads them."""
    script: Argument | None = None
    """Text for `sh -c`: pipes, variables and globs work."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.argv is None) == (self.script is None):
            raise ValueError("give either argv (a list) or script (a text)")
        if self.argv is not None and not self.argv[0]:
            raise ValueError("the command's name is empty")
        return self


class ShellKind(Kind):
    """Runs a command; exit code 0 is success."""

    name = "shell"
    Params = ShellParams
    summary = "a command; completed when it exits with 0"
    target = "argv"
    takes_secrets = True

    def label(self, params: ShellParams) -> str:
        return shlex.join(params.argv) if params.argv else (params.script or "")

    def plan(self, params: ShellParams) -> Plan:
        return Plan(argv=params.argv or ("/bin/sh", "-c", params.script or ""))
