"""One candidate: run in the form that suits it, cut down to what it needs, and written as a test."""

import ast
import collections.abc
import inspect
import random
import types
from dataclasses import dataclass, replace
from typing import Any, cast

from .asynchronous import is_about_loops, steps_left
from .candidate import MAX_STATEMENT, Candidate, receiver
from .clocks import Clocks, later
from .effects import READ, of_files, of_module, of_output
from .emit import Written, body_of
from .expect import Expectations
from .names import Names, fixtures_in
from .trace import Arc, Outcome, Runner, lines_of
from .values import Values
from .work import AGAIN

MAX_LEFT = 4  # assertions about the module's state
MAX_LAZY = 20  # items of something that may be endless
ALWAYS = ("asyncio.run(awaited({}))", "asyncio.run(collected({}))")
GIVING = ("function", "static", "method")
LOOPING = ("function", "class", "static", "method", "property")
CAREFUL = f"list(itertools.islice({{}}, {MAX_LAZY}))"


@dataclass(frozen=True)
class Seen:
    """What a candidate did."""

    candidate: Candidate
    statements: list[str]
    """As a test would hold them."""
    outcome: Outcome


class Attempts:
    """Runs candidates."""

    def __init__(
        self,
        runner: Runner,
        expectations: Expectations,
        names: Names,
        values: Values,
        draw: random.Random,
        clocks: Clocks | None = None,
    ) -> None:
        self._clocks = clocks
        self._runner, self._expectations, self._names = runner, expectations, names
        self._values, self._draw = values, draw
        self._wraps: dict[str, str] = {}
        self._in_loops: set[str] = set()
        """Classes and functions that ask for a running event loop."""

    def rerun(self, seen: Seen) -> Seen | None:
        """Other statements of the same sort; None: they cannot be a test."""
        outcome = self._runner.run(seen.statements)
        if outcome is None or isinstance(outcome.value, collections.abc.Iterator):
            return None
        return replace(seen, outcome=outcome)

    def again(self, seen: Seen) -> Seen | None:
        """The same once more, not traced."""
        outcome = self._runner.run(seen.statements, traced=False)
        return replace(seen, outcome=outcome) if outcome else None

    def reached(self, test: Written) -> frozenset[Arc]:
        """What the whole test runs of the module, its assertions too; empty: it cannot be run."""
        statements = list(test.statements)
        if not test.raises:
            # `pytest` is not here: a number that is about right runs nothing of the module.
            asserts = (line for line in test.asserts if "pytest." not in line)
            result = f"result = {statements.pop()}" if test.needs_result else statements.pop()
            statements += [result, *asserts]
        outcome = self._runner.run(statements)
        return outcome.arcs if outcome else frozenset()

    def passes(self, test: Written, most: int | None = None, *, fresh: bool = True) -> bool | None:
        """Whether the test, its assertions too, would pass now; None: not in so many lines."""
        # Lines are counted where a bound is given: a loop that never ends need not call anything.
        is_bounded = most is not None
        body = "\n".join(body_of(test))
        outcome = self._runner.run([body], traced=is_bounded, most=most, cost=AGAIN, fresh=fresh)
        return outcome.error is None if outcome is not None else None

    def seen(self, candidate: Candidate) -> Seen | None:
        """Run it, in the form that its value calls for; None: it cannot be a test."""
        if not candidate.in_loop and self._is_for_a_loop(candidate):
            candidate = replace(candidate, in_loop=True)
        if candidate.last is not None and not candidate.wrap:
            # As its results were before; a target whose results differ takes the longer way.
            wrap = self._wraps.get(candidate.last.target.key, "")
            if wrap and self._draw.random() < 0.9:
                candidate = replace(candidate, wrap=wrap)
        statements = self._values.setup.before(candidate.statements())
        if any(len(text) > MAX_STATEMENT for text in statements):
            return None
        made, statements = statements, self._values.setup.without_numbers(statements)
        outcome = self._runner.run(statements)
        if outcome is None:
            return None
        last = len(statements) - 1
        if is_about_loops(outcome.error) and not outcome.raised_by_module:
            return self._in_loop(candidate)
        if outcome.error is not None and candidate.in_loop and outcome.done == last:
            from_end = steps_left(outcome.error)
            if from_end > 0:
                return self._without_failed(candidate, from_end)
        if outcome.error is not None and outcome.done < last:
            if self._values.setup.drop(made[outcome.done]):
                return self.seen(candidate)
            return self._without_failed(candidate, last - outcome.done)
        if candidate.wrap and not (candidate.calls_on and self._goes_on(candidate, outcome.value)):
            return Seen(candidate, statements, outcome)
        wrap = self._wrap(candidate, outcome.value)
        if wrap in (CAREFUL, *ALWAYS) and candidate.last is not None:
            self._wraps[candidate.last.target.key] = wrap
        return (
            self.seen(replace(candidate, wrap=wrap))
            if wrap
            else Seen(candidate, statements, outcome)
        )

    def _is_for_a_loop(self, candidate: Candidate) -> bool:
        """Whether its steps are to be those of one coroutine."""
        use = candidate.last
        if use is None or use.target.sort not in LOOPING or "with " in candidate.wrap:
            return False
        is_known = (use.target.owner or use.target.key) in self._in_loops
        several = sum(one.target.is_async for one in candidate.uses()) > 1
        return (is_known or several) and self._draw.random() < (0.9 if is_known else 0.5)

    def _in_loop(self, candidate: Candidate) -> Seen | None:
        """The same where an event loop runs; None: it does already, or cannot."""
        use = candidate.last
        if use is None or candidate.in_loop or use.target.sort not in LOOPING:
            return None
        self._in_loops.add(use.target.owner or use.target.key)
        wrap = "" if "with " in candidate.wrap else candidate.wrap
        return self.seen(replace(candidate, in_loop=True, wrap=wrap))

    def _without_failed(self, candidate: Candidate, from_end: int) -> Seen | None:
        """What is left where a step on the way failed."""
        at = len(candidate.before) - from_end
        if 0 <= at < len(candidate.before):
            return self.seen(
                replace(candidate, before=candidate.before[:at] + candidate.before[at + 1 :])
            )
        if at != -1 or not candidate.made or candidate.in_loop:
            return None
        made = self._values.setup.before([candidate.made])
        outcome = self._runner.run(made)
        return Seen(candidate, made, outcome) if outcome else None

    def _wrap(self, candidate: Candidate, value: Any) -> str:
        """How to see more of a value: list it, await it, collect it, enter it."""
        inner = candidate.wrap or "{}"
        if self._is_to_be_called(candidate, value):
            arguments = self._values.call_of(value) or ""
            return f"{inner}{arguments.replace('{', '{{').replace('}', '}}')}" if arguments else ""
        if isinstance(value, collections.abc.Iterator):
            return CAREFUL.replace("{}", inner)  # it may never end
        if inspect.iscoroutine(value):
            value.close()
            return f"asyncio.run({inner})"
        use = candidate.last
        if use is None or use.target.sort in ("operator", "setter", "property", "helper"):
            return ""
        cls = _type(value)
        made = use.target.sort == "class"
        if not made and hasattr(cls, "__await__"):
            return ALWAYS[0]
        if hasattr(cls, "__aiter__") and not (made and self._draw.random() < 0.5):
            return ALWAYS[1]
        if hasattr(cls, "__aenter__") and self._draw.random() < 0.5:
            return "asyncio.run(entered({}))"
        if hasattr(cls, "__enter__") and self._draw.random() < 0.5:
            return "with {} as result:\n    pass"
        return ""

    def _goes_on(self, candidate: Candidate, value: Any) -> bool:
        """Whether a call of what came back gave what has to be called, awaited or listed."""
        is_lazy = isinstance(value, collections.abc.Iterator) or inspect.iscoroutine(value)
        return is_lazy or self._is_to_be_called(candidate, value)

    def _is_to_be_called(self, candidate: Candidate, value: Any) -> bool:
        """Whether it is a function within a function of the module: a decorator, a closure."""
        use = candidate.last
        return (
            isinstance(value, types.FunctionType)
            and value.__code__.co_filename == self._runner.file
            and "<locals>" in value.__code__.co_qualname
            and use is not None
            and use.target.sort in GIVING
            and ")(" not in candidate.wrap
        )

    def direct(self, seen: Seen, new: frozenset[Arc]) -> Seen:
        """The step that reached the new things as the subject, not as a step on the way."""
        candidate = seen.candidate
        for at, use in enumerate(candidate.before):
            shorter = replace(candidate, last=use, before=candidate.before[:at], wrap="")
            one = self.seen(shorter)
            if one is not None and one.outcome.error is None and new <= one.outcome.arcs:
                return one
        return seen

    def shortened(self, seen: Seen, new: frozenset[Arc]) -> Seen:
        """Without the steps that the new things do not need."""
        seen = self._with_fewer_steps(seen, new) if seen.candidate.in_loop else seen
        statements, outcome = seen.statements, seen.outcome
        for at in range(len(statements) - 2, -1, -1):
            may_go = self._may_go(statements[at], outcome)
            if may_go is False:
                continue
            fewer = statements[:at] + statements[at + 1 :]
            tried = self._runner.run(fewer)
            if (
                tried is not None
                and new <= tried.arcs
                and type(tried.error) is type(outcome.error)
                and tried.raised_by_module == outcome.raised_by_module
                and not isinstance(tried.value, collections.abc.Iterator)
                and (
                    may_go
                    or (
                        self._says_the_same(seen.candidate, (fewer, tried), (statements, outcome))
                        and self._says_it_later(seen.candidate, (statements, outcome), at)
                    )
                )
            ):
                statements, outcome = fewer, tried
        seen = replace(seen, statements=statements, outcome=outcome)
        return self.whole(seen)

    def _with_fewer_steps(self, seen: Seen, new: frozenset[Arc]) -> Seen:
        """Without the steps of its coroutine that the new things do not need."""
        for at in range(len(seen.candidate.before) - 1, -1, -1):
            before = seen.candidate.before
            fewer = replace(seen.candidate, before=(*before[:at], *before[at + 1 :]))
            one = self.seen(fewer)
            same = one is not None and type(one.outcome.error) is type(seen.outcome.error)
            if one is not None and same and new <= one.outcome.arcs:
                seen = one
        return self._out_of_loop(seen, new)

    def _out_of_loop(self, seen: Seen, new: frozenset[Arc]) -> Seen:
        """Without a coroutine, if nothing in it is waited for or asks for its loop."""
        candidate = replace(seen.candidate, in_loop=False)
        awaits = sum(use.target.is_async for use in candidate.uses())
        if awaits > 1 or (awaits and candidate.before):
            return seen
        given = len(seen.statements) - 2  # what stands before the coroutine
        statements = [*seen.statements[:given], *candidate.statements()[len(candidate.given) :]]
        outcome = self._runner.run(statements)
        if outcome is None or not new <= outcome.arcs:
            return seen
        is_same = type(outcome.error) is type(seen.outcome.error)
        is_same = is_same and type(outcome.value) is type(seen.outcome.value)
        return Seen(candidate, statements, outcome) if is_same else seen

    def _may_go(self, statement: str, outcome: Outcome) -> bool | None:
        return self._clocks.may_go(statement, lines_of(outcome.arcs)) if self._clocks else True

    def _says_the_same(
        self,
        candidate: Candidate,
        one: tuple[list[str], Outcome],
        other: tuple[list[str], Outcome],
    ) -> bool:
        """Whether the tests of both would assert the same."""
        tests = [self.written(Seen(candidate, *each)) for each in (one, other)]
        said = [(test.asserts, test.raises, test.match) if test else None for test in tests]
        return said[0] is not None and said[0] == said[1]

    def _says_it_later(
        self, candidate: Candidate, seen: tuple[list[str], Outcome], at: int
    ) -> bool:
        """Whether a test asserts the same on another day: now may look like the clock that it sets.

        Args:
            candidate: What is tested.
            seen: The test's statements, and what came of them.
            at: Which of the statements sets the clock.
        """
        statements, _ = seen
        moved = [*statements[:at], later(statements[at]), *statements[at + 1 :]]
        outcome = self._runner.run(moved)
        return outcome is not None and self._says_the_same(candidate, (moved, outcome), seen)

    def whole(self, seen: Seen) -> Seen:
        """All items of something that has turned out to end."""
        value, last = seen.outcome.value, seen.statements[-1]
        head, tail = CAREFUL.split("{}")
        if not last.startswith(head) or not last.endswith(tail):
            return seen
        if seen.outcome.error is None and len(value) == MAX_LAZY:
            return seen
        statements = [*seen.statements[:-1], f"list({last.removeprefix(head).removesuffix(tail)})"]
        outcome = self._runner.run(statements)
        return replace(seen, statements=statements, outcome=outcome) if outcome else seen

    def written(self, seen: Seen) -> Written | None:
        """What was seen, as a test; None if there is nothing to be asserted."""
        candidate, statements, outcome = seen.candidate, seen.statements, seen.outcome
        if self._runner.is_stale(outcome):
            outcome = self._runner.run(statements)
        test = self._asserted(candidate, statements, outcome) if outcome else None
        if test is None:
            return None
        support = tuple(self._names.support_in(statements).values())
        return replace(test, fixtures=fixtures_in((*statements, *test.asserts)), support=support)

    def _changed(self, statements: list[str], variable: str, after: list[str]) -> list[str]:
        """The assertions about the object that were not true before the last statement."""
        if not after or len(statements) < 2:
            return []
        outcome = self._runner.run([*statements[:-1], variable], traced=False)
        if outcome is None or outcome.error is not None:
            return []
        before = self._expectations.of_state(outcome.value, variable, by_parts=True)
        return [line for line in after if line not in before]

    def _left(self, is_private: bool) -> list[str]:
        """Assertions about the module's state, for what returns nothing.

        Args:
            is_private: Whether the test knows the module's inside as it is.
        """
        leftovers = self._runner.leftovers
        found: list[str] = []
        for name, before, now in leftovers.added() if leftovers else ():
            if is_private or "_" not in (part[0] for part in name.path.split(".")):
                subject = f"{self._names.module_of(name.module)}.{name.path}"
                found += of_module(subject, before, now, self._expectations.literal)
        return found[:MAX_LEFT]

    def _effects(self, statements: list[str], outcome: Outcome) -> list[str]:
        """Assertions about what is printed, and about files."""
        literal = self._expectations.literal
        found = of_output(outcome.printed, literal)
        if any("tmp_path" in text for text in statements):
            read = self._runner.run([*statements, READ], traced=False)
            found += of_files(statements, read.value if read else None, literal)
        return found

    def _asserted(
        self, candidate: Candidate, statements: list[str], outcome: Outcome
    ) -> Written | None:
        facts = self._expectations
        if outcome.error is not None:
            raised, match, asserts = facts.of_error(outcome.error, outcome.raised_by_module)
            return Written(
                candidate.target, tuple(statements), tuple(asserts), raises=raised, match=match
            )
        variable, use = candidate.variable or receiver(statements[-1]), candidate.last
        block = statements[-1].startswith("with ")
        changes = use is not None and not block and _is_statement(statements[-1])
        # First of all: other runs may change what the value is a part of, and put back the rest.
        is_itself = outcome.value is outcome.names.get(variable) is not None
        answer = [f"assert result is {variable}"] if is_itself else facts.of_value(outcome.value)
        about = [] if changes else answer
        if outcome.value is None:
            about += self._left(use.target.is_private if use else False)
        after: list[str] = []
        if variable in outcome.names and variable not in self._names.space:
            after = facts.of_state(outcome.names[variable], variable, by_parts=True)
        changed = self._changed(statements, variable, after)
        effects = self._effects(statements, outcome)
        if changed or effects or not changes:
            after = changed
        elif use is not None and use.target.sort == "setter":
            own = f"assert {variable}.{use.target.name} "
            after = [line for line in after if line.startswith(own)] or after
        if changes:
            if not after and not effects:
                return None  # nothing to be seen from outside
            asserts = [*after, *effects]
            return Written(candidate.target, tuple(statements), tuple(asserts), needs_result=False)
        if use is None and _is_statement(statements[-1]) and not block:
            return None
        asserts = [*about, *after, *effects]
        return Written(candidate.target, tuple(statements), tuple(asserts), needs_result=not block)


def _type(value: Any) -> type[Any]:
    return cast("type[Any]", type(value))


def _is_statement(text: str) -> bool:
    return not isinstance(ast.parse(text).body[0], ast.Expr)
