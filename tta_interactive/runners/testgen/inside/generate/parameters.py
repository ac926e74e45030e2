"""What the targets take, and how likely each shape is for each parameter."""

import inspect
import keyword
from dataclasses import dataclass
from typing import Any, cast

from .evidence import weights
from .hints import hints_of
from .shapes import Shape
from .targets import Target
from .usage import Usage


@dataclass(frozen=True)
class Parameter:
    """One parameter, or a key of keywords."""

    slot: tuple[str, str]
    keyword: str
    is_optional: bool
    is_star: bool
    can_be_named: bool
    peers: frozenset[str] = frozenset()
    """The parameters that it is compared with."""


class Parameters:
    """Reads signatures, with the names that annotations may use."""

    def __init__(
        self,
        known: dict[type, str],
        uses: dict[tuple[int, str], Usage],
        hint_names: dict[str, Any],
    ) -> None:
        self._known, self._uses, self._hint_names = known, uses, hint_names
        self.weights: dict[tuple[str, str], dict[Shape, float]] = {}
        """(target's key, parameter) -> shape -> weight."""

    def read(self, target: Target) -> list[Parameter] | None:
        """Those of the target; None: its signature cannot be read."""
        if target.function is None:
            return []
        try:
            signature = inspect.signature(target.function)
        except (ValueError, TypeError):
            return None
        parameters = list(signature.parameters.values())[1 if target.takes_self else 0 :]
        hints = hints_of(target.function, self._hint_names)
        first = first_line(target)
        found: list[Parameter] = []
        for parameter in parameters:
            slot = (target.key, parameter.name)
            if parameter.kind is parameter.VAR_KEYWORD:
                found += self._keywords(target, hints.get(parameter.name))
                asked = self._uses.get((first, parameter.name), Usage()).keys
                found += self._asked_keywords(target, asked, {one.slot[1] for one in found})
                continue
            usage = self._uses.get((first, parameter.name))
            self.weights[slot] = weights(
                parameter,
                hints.get(parameter.name, parameter.empty),
                self._known,
                usage,
                self._resolve,
            )
            is_star = parameter.kind is parameter.VAR_POSITIONAL
            only_keyword = parameter.kind is parameter.KEYWORD_ONLY
            optional = is_star or parameter.default is not parameter.empty
            can_be_named = parameter.kind is not parameter.POSITIONAL_ONLY
            keyword = parameter.name if only_keyword else ""
            peers = frozenset(usage.peers if usage and parameter.name not in hints else ())
            found.append(Parameter(slot, keyword, optional, is_star, can_be_named, peers))
        return found

    def _keywords(self, target: Target, annotation: Any) -> list[Parameter]:
        """The keys of `**options: Unpack[SomeTypedDict]`, each as an optional keyword."""
        inner = getattr(annotation, "__args__", (annotation,))[0]
        keys: dict[str, Any] = getattr(inner, "__annotations__", {})
        holder = inspect.Parameter("value", inspect.Parameter.KEYWORD_ONLY)
        found: list[Parameter] = []
        for key, value in keys.items():
            slot = (target.key, key)
            said = getattr(value, "__forward_arg__", value)
            hint = hints_of(_Annotated(said), self._hint_names)["value"]
            self.weights[slot] = weights(holder, hint, self._known, None, self._resolve)
            found.append(Parameter(slot, key, True, is_star=False, can_be_named=True))
        return found

    def _asked_keywords(
        self, target: Target, asked: dict[str, Usage], there: set[str]
    ) -> list[Parameter]:
        """The keys that the body takes out of its `**options`."""
        found: list[Parameter] = []
        for key, usage in asked.items():
            name = key.strip("'")
            if name.isidentifier() and name not in there and not keyword.iskeyword(name):
                holder = inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY)
                slot = (target.key, name)
                self.weights[slot] = weights(
                    holder, holder.empty, self._known, usage, self._resolve
                )
                found.append(Parameter(slot, name, True, is_star=False, can_be_named=True))
        return found

    def _resolve(self, source: str) -> Any:
        """The value of a name, a dotted name or a tuple of names of the module."""
        try:
            return eval(source, self._hint_names)  # noqa: S307  (the module's own text)
        except Exception:  # boundary: it may name anything, local variables included
            return None


def first_line(target: Target) -> int:
    """Where the definition of what the target calls begins."""
    function = target.function
    if isinstance(function, type):
        own = vars(function)
        function = own.get("__init__") or own.get("__new__")
        if function is None:
            function = getattr(target.function, "__init__", None)
    try:
        code = getattr(inspect.unwrap(cast("Any", function)), "__code__", None)
    except ValueError:  # a wrapper that wraps itself
        return 0
    return code.co_firstlineno if code else 0


class _Annotated:
    """Carries one annotation for `hints_of`."""

    def __init__(self, annotation: Any) -> None:
        self.__annotations__ = {"value": annotation}
