"""Candidates: an object made, perhaps changed, and one thing called. New ones, and altered ones."""

import inspect
import random
from dataclasses import dataclass, replace
from typing import Any

from .shapes import NONE, Shape, hints_of, weights
from .targets import OPERATORS, Names, Target
from .values import Values

MAX_STATEMENT = 400


@dataclass(frozen=True)
class Argument:
    """One argument as it is written, and where it came from."""

    slot: tuple[str, str]
    """(target's key, parameter)."""
    shape: Shape
    text: str
    keyword: str = ""

    @property
    def written(self) -> str:
        return f"{self.keyword}={self.text}" if self.keyword else self.text


@dataclass(frozen=True)
class Use:
    """One target with its arguments."""

    target: Target
    arguments: tuple[Argument, ...] = ()

    def on(self, owner: str) -> str:
        """The call as source; `owner` is the expression of the object."""
        target = self.target
        written = ", ".join(argument.written for argument in self.arguments)
        if target.sort == "operator":
            operands = [argument.text for argument in self.arguments] + ["None", "None"]
            return OPERATORS[target.name].format(o=owner, a=operands[0], b=operands[1])
        if target.sort == "property":
            return f"{owner}.{target.name}"
        if target.sort == "method":
            call = f"{owner}.{target.name}({written})"
        else:
            call = f"{target.ref}({written})"
        return f"asyncio.run({call})" if target.is_async else call


@dataclass(frozen=True)
class Candidate:
    """What may become a test."""

    last: Use | None
    made: str = ""
    """The expression of the object; empty if none is needed."""
    variable: str = ""
    before: tuple[Use, ...] = ()
    raw: tuple[str, ...] = ()
    """Statements taken as they are, from a doctest or an earlier run: then `last` is None."""
    label: str = "example"
    """What they call."""

    @property
    def target(self) -> str:
        return self.last.target.key if self.last else self.label

    def statements(self) -> list[str]:
        if self.last is None:
            return list(self.raw)
        lines = [f"{self.variable} = {self.made}"] if self.made else []
        lines += [use.on(self.variable) for use in self.before]
        return [*lines, self.last.on(self.variable)]

    def uses(self) -> list[Use]:
        return [*self.before, *([self.last] if self.last else [])]


@dataclass(frozen=True)
class _Parameter:
    slot: tuple[str, str]
    keyword: str
    is_optional: bool
    is_star: bool
    can_be_named: bool


class Caller:
    """Makes candidates and learns which shapes of arguments lead somewhere."""

    def __init__(
        self,
        targets: list[Target],
        known: dict[type, str],
        names: Names,
        values: Values,
        attributes: dict[tuple[int, str], set[str]],
        draw: random.Random,
    ) -> None:
        self._names, self._values, self._draw, self._known = names, values, draw, known
        self._attributes = attributes
        self._weights: dict[tuple[str, str], dict[Shape, float]] = {}
        self._parameters: dict[str, list[_Parameter] | None] = {}
        self._makers = {
            target.ref: target for target in targets if target.sort in ("class", "helper")
        }
        self._methods: dict[str, list[Target]] = {}
        for target in targets:
            self._parameters[target.key] = self._read(target)
            if target.sort == "method":
                self._methods.setdefault(target.owner, []).append(target)

    def new(self, target: Target) -> Candidate | None:
        """A fresh candidate for the target, or None if its signature cannot be read."""
        use = self._use(target)
        if use is None:
            return None
        if target.sort in ("function", "class", "static", "helper"):
            return Candidate(last=use)
        made = self._object(target.owner)
        if made is None:
            return None
        variable = self._names.variable(target.owner)
        return Candidate(use, made, variable, self._before(target.owner))

    def changed(self, candidate: Candidate) -> Candidate:
        """The candidate with one thing changed."""
        last = candidate.last
        if last is None:
            return candidate
        draw = self._draw
        if candidate.made and draw.random() < 0.3:
            if draw.random() < 0.5:
                return replace(candidate, before=self._before(last.target.owner))
            made = self._object(last.target.owner) or candidate.made
            return replace(candidate, made=made)
        if not last.arguments:
            return self.new(last.target) or candidate
        at = draw.randrange(len(last.arguments))
        old = last.arguments[at]
        if draw.random() < 0.7:
            new = replace(old, text=self._values.changed(old.text, old.shape))
        else:
            new = self._argument(old.slot, old.keyword)
        arguments = (*last.arguments[:at], new, *last.arguments[at + 1 :])
        return replace(candidate, last=Use(last.target, arguments))

    def learn(self, candidate: Candidate, *, found: bool, wrong_type: bool) -> None:
        """Make the shapes of a candidate more likely, or less."""
        factor = 0.9 if wrong_type else 1.3 if found else 1.0
        for use in candidate.uses():
            for argument in use.arguments:
                slot = self._weights.get(argument.slot)
                if slot and argument.shape in slot:
                    slot[argument.shape] = min(30.0, max(0.1, slot[argument.shape] * factor))

    def _read(self, target: Target) -> list[_Parameter] | None:
        if target.function is None:
            return []
        try:
            signature = inspect.signature(target.function)
        except (ValueError, TypeError):
            return None
        parameters = list(signature.parameters.values())[1 if target.takes_self else 0 :]
        hints = hints_of(target.function, vars(self._names.module))
        code = getattr(inspect.unwrap(target.function), "__code__", None)
        first = code.co_firstlineno if code else 0
        found: list[_Parameter] = []
        for parameter in parameters:
            slot = (target.key, parameter.name)
            if parameter.kind is parameter.VAR_KEYWORD:
                found += self._keywords(target, hints.get(parameter.name))
                continue
            self._weights[slot] = weights(
                parameter,
                hints.get(parameter.name, parameter.empty),
                self._known,
                self._attributes.get((first, parameter.name), set()),
            )
            is_star = parameter.kind is parameter.VAR_POSITIONAL
            only_keyword = parameter.kind is parameter.KEYWORD_ONLY
            optional = is_star or parameter.default is not parameter.empty
            can_be_named = parameter.kind is not parameter.POSITIONAL_ONLY
            keyword = parameter.name if only_keyword else ""
            found.append(_Parameter(slot, keyword, optional, is_star, can_be_named))
        return found

    def _keywords(self, target: Target, annotation: Any) -> list[_Parameter]:
        """The keys of `**options: Unpack[SomeTypedDict]`, each as an optional keyword."""
        inner = getattr(annotation, "__args__", (annotation,))[0]
        keys: dict[str, Any] = getattr(inner, "__annotations__", {})
        holder = inspect.Parameter("value", inspect.Parameter.KEYWORD_ONLY)
        found: list[_Parameter] = []
        for key, value in keys.items():
            slot = (target.key, key)
            said = getattr(value, "__forward_arg__", value)
            hint = hints_of(_Annotated(said), vars(self._names.module))["value"]
            self._weights[slot] = weights(holder, hint, self._known, set())
            found.append(_Parameter(slot, key, True, is_star=False, can_be_named=True))
        return found

    def _use(self, target: Target) -> Use | None:
        parameters = self._parameters.get(target.key)
        if parameters is None:
            return None
        draw = self._draw
        arguments: list[Argument] = []
        by_name = False
        for parameter in parameters:
            if parameter.is_star:
                count = 0 if by_name else draw.choice((0, 0, 1, 2, 3))
                arguments.extend(self._argument(parameter.slot, "") for _ in range(count))
                continue
            unreachable = by_name and not parameter.can_be_named
            if parameter.is_optional and (unreachable or draw.random() < 0.5):
                by_name = True  # what follows must be named
                continue
            keyword = parameter.keyword or (parameter.slot[1] if by_name else "")
            by_name = by_name or bool(keyword)
            arguments.append(self._argument(parameter.slot, keyword))
        return Use(target, tuple(arguments))

    def _argument(self, slot: tuple[str, str], keyword: str) -> Argument:
        choices = self._weights.get(slot) or {NONE: 1.0}
        shape = self._draw.choices(list(choices), list(choices.values()))[0]
        return Argument(slot, shape, self._values.make(shape), keyword)

    def _object(self, owner: str) -> str | None:
        known = self._values.objects.get(owner)
        if known and self._draw.random() < 0.9:
            return self._draw.choice(known)
        maker = self._makers.get(owner)
        use = self._use(maker) if maker else None
        return use.on("") if use else None

    def _before(self, owner: str) -> tuple[Use, ...]:
        methods = self._methods.get(owner)
        if not methods or self._draw.random() < 0.65:
            return ()
        count = 1 if self._draw.random() < 0.8 else 2
        uses = [self._use(self._draw.choice(methods)) for _ in range(count)]
        return tuple(use for use in uses if use is not None)


class _Annotated:
    """Carries one annotation for `hints_of`."""

    def __init__(self, annotation: Any) -> None:
        self.__annotations__ = {"value": annotation}
