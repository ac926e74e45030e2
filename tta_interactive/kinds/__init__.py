"""The kinds of task that are installed, found by entry point."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import BaseModel, ValidationError

from tta_interactive.errors import InvalidRequestError, UnknownKindError
from tta_interactive.kinds.base import Kind, Params, Plan, RunContext, TaskFailure
from tta_interactive.kinds.steps import Step

__all__ = [
    "Kind",
    "Params",
    "Plan",
    "RunContext",
    "Step",
    "TaskFailure",
    "checked_params",
    "get_kind",
    "is_kind",
    "kind_names",
]

GROUP = "tta_interactive.kinds"
# Our own are named here too: they work from a source tree that is not installed, and no
# package can replace them.
BUILT_IN = {
    "shell": "tta_interactive.kinds.shell:ShellKind",
    "python": "tta_interactive.kinds.python:PythonKind",
    "call": "tta_interactive.kinds.call:CallKind",
    "workflow": "tta_interactive.kinds.workflow:WorkflowKind",
    "tests": "tta_interactive.kinds.tests:TestsKind",
}


@cache
def _installed() -> dict[str, EntryPoint]:
    found = {point.name: point for point in entry_points(group=GROUP)}
    own = {name: EntryPoint(name, value, GROUP) for name, value in BUILT_IN.items()}
    return {**found, **own}


def kind_names() -> list[str]:
    """The names of all installed kinds, sorted."""
    return sorted(_installed())


def is_kind(name: str) -> bool:
    """Whether a kind of that name is installed."""
    return name in BUILT_IN or name in _installed()


@cache
def get_kind(name: str) -> Kind:
    """The kind of that name.

    Raises:
        UnknownKindError: None is installed, or what is installed cannot be loaded.
        InvalidRequestError: The entry point exists but does not load.
    """
    # Looking through what is installed takes 10 ms, which our own do not need.
    own = BUILT_IN.get(name)
    point = EntryPoint(name, own, GROUP) if own else _installed().get(name)
    if point is None:
        raise UnknownKindError(name, kind_names())
    try:
        loaded: Any = point.load()
    except Exception as error:  # boundary: the import runs another package's code
        raise InvalidRequestError(
            f"Kind {name!r} is installed as {point.value!r} but cannot be loaded: "
            f"{type(error).__name__}: {error}. "
            "Reinstall the package that brings it."
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Kind)):
        raise InvalidRequestError(
            f"Kind {name!r} is installed as {point.value!r}, which is no subclass of "
            "tta_interactive.kinds.Kind. Mend its entry point."
        )
    return loaded()


def checked_params(kind: Kind, params: Any) -> BaseModel:
    """The params as the kind's model.

    Raises:
        InvalidRequestError: With one sentence that names every wrong value.
    """
    try:
        return kind.Params.model_validate(params)
    except ValidationError as error:
        known = ", ".join(kind.Params.model_fields) or "none"
        found = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'params'}: {e['msg']} (got {e['input']!r:.80})"
            for e in error.errors(include_url=False)
        )
        raise InvalidRequestError(
            f"Kind {kind.name!r} cannot take these params: {found}. It knows: {known}."
        ) from None
