"""Python text in a fresh interpreter: what the cell magic submits."""

import ast
from typing import Annotated

from pydantic import StringConstraints, field_validator

from tta_interactive.kinds.base import Kind, Params, Plan

MAX_SOURCE_CHARACTERS = 1_000_000  # a notebook cell has hundreds; the row must stay small


class PythonParams(Params):
    """One program."""

    code: Annotated[str, StringConstraints(max_length=MAX_SOURCE_CHARACTERS)]
    """Python source. The value of a last line that is an expression is the result."""

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
        return Plan(child="python", payload={"code": params.code})
