"""What may become a test: an object made, perhaps changed, and one thing called."""

import ast
import re
from dataclasses import dataclass

from .operators import OPERATORS
from .shapes import Shape
from .targets import Target

MAX_STATEMENT = 400  # characters
PRIVATE = re.compile(r"(?<!\w)_[A-Za-z]")
IN_A_LOOP = "asyncio.run(steps())"


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

    def on(self, owner: str, *, in_loop: bool = False) -> str:
        """The call as source.

        Args:
            owner: The expression of the object.
            in_loop: Whether an event loop runs already.
        """
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
        if not target.is_async:
            return call
        return f"await {call}" if in_loop else f"asyncio.run({call})"


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
    in_loop: bool = False
    """Whether all of it happens in one event loop, as the steps of one coroutine."""

    @property
    def target(self) -> str:
        return self.last.target.key if self.last else self.label

    @property
    def is_private(self) -> bool:
        if any(PRIVATE.match(use.target.name) for use in self.before):
            return True
        if self.last is None or not self.last.target.is_private:
            return False
        # What a public function makes of a private class is asked in public.
        is_named = PRIVATE.match(self.last.target.name) is not None
        return is_named or not self.made or PRIVATE.search(self.made) is not None

    @property
    def calls_on(self) -> bool:
        """Whether the function that comes back is called."""
        return self.wrap.startswith("{}(")

    @property
    def is_inherited(self) -> bool:
        return self.last is not None and self.last.target.is_inherited

    def statements(self) -> list[str]:
        if self.last is None:
            return list(self.raw)
        lines = [f"{self.variable} = {self.made}"] if self.made else []
        lines += [use.on(self.variable, in_loop=self.in_loop) for use in self.before]
        last = self.last.on(self.variable, in_loop=self.in_loop)
        wrap = self.wrap
        if self.in_loop and wrap.startswith("asyncio.run("):
            wrap = f"await {wrap.removeprefix('asyncio.run(').removesuffix(')')}"
        last = wrap.format(last) if wrap else last
        if not self.in_loop:
            return [*self.given, *lines, last]
        body = "".join(f"    {line}\n" for line in (*lines, f"return {last}"))
        return [*self.given, f"async def steps():\n{body}".rstrip(), IN_A_LOOP]

    def uses(self) -> list[Use]:
        return [*self.before, *([self.last] if self.last else [])]


def receiver(statement: str) -> str:
    """`box` of `box.add(3)`."""
    match ast.parse(statement).body[0]:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name)))):
            return name
        case _:
            return ""
