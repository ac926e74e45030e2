"""What may become a test: an object made, perhaps changed, and one thing called."""

from dataclasses import dataclass

from .operators import OPERATORS
from .shapes import Shape
from .targets import Target

MAX_STATEMENT = 400  # characters


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
        if target.sort == "setter":
            value = self.arguments[0].text if self.arguments else "None"
            return f"{owner}.{target.name} = {value}"
        written = ", ".join(argument.written for argument in self.arguments)
        if target.sort in ("operator", "changer") and target.name in OPERATORS:
            operands = [argument.text for argument in self.arguments] + ["None", "None"]
            return OPERATORS[target.name].format(o=owner, a=operands[0], b=operands[1])
        if target.sort == "property":
            return f"{owner}.{target.name}"
        if target.name == "__call__":
            call = f"{owner}({written})"
        elif target.sort in ("method", "changer") and target.name not in OPERATORS:
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
    given: tuple[str, ...] = ()
    """Statements that come first: what the environment holds."""
    wrap: str = ""
    """What is done with the value: `list({})`, `asyncio.run(collected({}))`."""

    @property
    def target(self) -> str:
        return self.last.target.key if self.last else self.label

    @property
    def is_private(self) -> bool:
        return self.last is not None and self.last.target.is_private

    def statements(self) -> list[str]:
        if self.last is None:
            return list(self.raw)
        lines = list(self.given)
        lines += [f"{self.variable} = {self.made}"] if self.made else []
        lines += [use.on(self.variable) for use in self.before]
        last = self.last.on(self.variable)
        return [*lines, self.wrap.format(last) if self.wrap else last]

    def uses(self) -> list[Use]:
        return [*self.before, *([self.last] if self.last else [])]
