"""A Python function: named by import path, or carried as a pickle from a trusted door."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, StringConstraints, model_validator

from tta_interactive.kinds.base import Kind, Params, Plan
from tta_interactive.task import SandboxLevel

MAX_PICKLE_CHARACTERS = 8 * 1024 * 1024  # base64: 6 MiB; larger data belongs in files


class CallParams(Params):
    """A function and what it is called with. Exactly one of `function` and `pickle`."""

    function: (
        Annotated[
            str, StringConstraints(pattern=r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*$")
        ]
        | None
    ) = None
    """`package.module:name`, imported in the task's process."""
    pickle: Annotated[str, StringConstraints(max_length=MAX_PICKLE_CHARACTERS)] | None = None
    """Base64 of a pickled `(callable, args, kwargs)`; unpickled only in the task's process."""
    name: str = ""
    """What to call a pickled function."""
    args: tuple[JsonValue, ...] = ()
    kwargs: Mapping[str, JsonValue] = Field(default_factory=dict)
    isolation: Literal["pool", "process"] = "pool"
    """`pool`: a re-used process, fast. `process`: one of its own, with its own log and limits."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.function is None) == (self.pickle is None):
            raise ValueError("give either function ('module:name') or pickle")
        return self


class CallKind(Kind):
    """Calls a Python function; its return value, as JSON, is the result."""

    name = "call"
    Params = CallParams
    summary = "a Python function, module:name; its return value is the result"
    target = "function"
    takes_secrets = True
    trusted_only = True
    sandbox = SandboxLevel.NONE

    def label(self, params: CallParams) -> str:
        return params.function or params.name or "function"

    def plan(self, params: CallParams) -> Plan:
        return Plan(
            child="call",
            payload=params.model_dump(mode="json", exclude={"isolation", "name"}),
            pooled=params.isolation == "pool",
        )
