"""Makes candidates, new ones and altered ones."""

import ast
import random
from dataclasses import replace
from typing import Any

from .candidate import PRIVATE, Argument, Candidate, Use
from .clocks import Clocks
from .names import Names
from .parameters import Parameter, Parameters, first_line
from .shapes import NONE
from .targets import Target
from .usage import Usage
from .values import Values

MAX_BEFORE = 6
MAX_LED = 8  # calls of one target that left something behind in the module
LED = 0.15  # how often a call comes after such a one
COMPARABLE = 0.5  # how often an argument is of the sort of one that it is compared with
HIDDEN = 0.2  # how often a step on the way is a private method
ALONE = ("function", "class", "static")


class Caller:
    """Makes candidates and learns which shapes of arguments lead somewhere."""

    def __init__(
        self,
        targets: list[Target],
        known: dict[type, str],
        names: Names,
        values: Values,
        uses: dict[tuple[int, str], Usage],
        hint_names: dict[str, Any],
        draw: random.Random,
        clocks: Clocks | None = None,
    ) -> None:
        self._names, self._values, self._draw, self._clocks = names, values, draw, clocks
        signatures = Parameters(known, uses, hint_names)
        self._signatures, self._weights = signatures, signatures.weights
        self._parameters: dict[str, list[Parameter] | None] = {}
        self._makers = {
            target.ref: target for target in targets if target.sort in ("class", "helper")
        }
        self._methods: dict[str, list[Target]] = {}
        self._hidden: dict[str, list[Target]] = {}
        """Methods of classes that may change an object: those for all, and the inner ones."""
        self._next: dict[str, list[Target]] = {}
        self._leaders: dict[str, list[Use]] = {}
        for target in targets:
            self._parameters[target.key] = signatures.read(target)
            is_hidden = PRIVATE.match(target.name) is not None
            if target.may_change or target.sort == "changer":
                steps = self._hidden if is_hidden else self._methods
                steps.setdefault(target.owner, []).append(target)
            if target.takes_self and not is_hidden and target.sort != "changer":
                self._next.setdefault(target.owner, []).append(target)
        values.make_object = self._new_object
        values.change_object = self._changed_object
        values.call_of = self._call_of

    def new(self, target: Target) -> Candidate | None:
        """A fresh candidate for the target, or None if its signature cannot be read."""
        candidate = self._fresh(target)
        given = self._values.environment()
        if candidate is not None and self._clocks is not None:
            given += self._set_clocks(candidate, self._clocks)
        return replace(candidate, given=given) if candidate and given else candidate

    def _set_clocks(self, candidate: Candidate, clocks: Clocks) -> tuple[str, ...]:
        targets = [use.target for use in candidate.uses()]
        makers = [self._makers.get(target.owner) for target in targets if candidate.made]
        called = [*targets, *(maker for maker in makers if maker is not None)]
        return clocks.given(frozenset[int]().union(*(target.lines for target in called)))

    def _fresh(self, target: Target) -> Candidate | None:
        self._values.stand_at(first_line(target))
        self._values.echoes.begin()
        if target.sort in ("function", "class", "static", "helper"):
            before = self._led()
            use = self._use(target)
            return Candidate(last=use, before=before) if use else None
        # The object first: what it holds may be asked for.
        made = self._object(target.owner)
        before = (*self._led(), *self._before(target.owner)) if made else ()
        use = self._use(target) if made else None
        if made is None or use is None:
            return None
        return Candidate(use, made, self._names.variable(target.owner), before)

    def changed(self, candidate: Candidate) -> Candidate:
        """The candidate with one thing changed."""
        last = candidate.last
        if last is None:
            *before, shown = candidate.raw
            return replace(candidate, raw=(*before, self._values.changed_inside(shown)))
        draw = self._draw
        if self._clocks is not None and self._clocks.is_set_in(candidate.given):
            others = self._clocks.without(candidate.given)
            if draw.random() < 0.1:
                return replace(candidate, given=others + self._set_clocks(candidate, self._clocks))
        self._values.stand_at(first_line(last.target))
        arguments = (one.text for use in candidate.uses() for one in use.arguments)
        self._values.echoes.begin(candidate.made, *arguments)
        if candidate.made:
            dice = draw.random()
            if dice < 0.06:
                return self.continued(candidate)
            if dice < 0.25:
                return replace(candidate, before=self._lengthened(candidate))
            if dice < 0.35:
                made = self._object(last.target.owner) or candidate.made
                return replace(candidate, made=made)
            if dice < 0.45:
                return replace(candidate, made=self._values.changed_inside(candidate.made))
            if dice < 0.52:
                return replace(candidate, made=self._with_option(candidate.made))
            if dice < 0.62 and candidate.before:
                at = draw.randrange(len(candidate.before))
                before = list(candidate.before)
                before[at] = self._altered(before[at])
                return replace(candidate, before=tuple(before))
        elif self._leaders and draw.random() < LED:
            before = self._led()[: MAX_BEFORE - len(candidate.before)]
            return replace(candidate, before=(*before, *candidate.before))
        elif candidate.before and draw.random() < LED:
            at = draw.randrange(len(candidate.before))
            before = list(candidate.before)
            before[at] = self._altered(before[at])
            return replace(candidate, before=tuple(before))
        return replace(candidate, last=self._altered(last))

    def given(self, candidate: Candidate, value: str) -> Candidate:
        """The candidate with a value, as source, in the place of one of its constants."""
        last = candidate.last
        if last is None:
            *before, shown = candidate.raw
            return replace(candidate, raw=(*before, self._values.changed_inside(shown, value)))
        at = self._draw.randrange(-1 if candidate.made else 0, max(1, len(last.arguments)))
        if at < 0 or not last.arguments:
            made = self._values.changed_inside(candidate.made, value) if candidate.made else ""
            return replace(candidate, made=made)
        old = last.arguments[at]
        text = self._values.changed_inside(old.text, value)
        new = replace(old, text=value if text == old.text else text)
        return replace(
            candidate,
            last=Use(last.target, (*last.arguments[:at], new, *last.arguments[at + 1 :])),
        )

    def continued(self, candidate: Candidate) -> Candidate:
        """The same object, and then something else is asked of it."""
        last = candidate.last
        others = self._next.get(last.target.owner) if last else None
        use = self._use(self._draw.choice(others)) if others else None
        if last is None or use is None:
            return candidate
        before = candidate.before
        if last.target.may_change and len(before) < MAX_BEFORE:
            before = (*before, last)
        return replace(candidate, before=before, last=use, wrap="")

    def _lengthened(self, candidate: Candidate) -> tuple[Use, ...]:
        """The steps on the way, with one more, one less, or all new."""
        before, draw = candidate.before, self._draw
        owner = candidate.last.target.owner if candidate.last else ""
        dice = draw.random()
        methods = self._steps(owner)
        if dice < 0.2 or not methods:
            return self._before(owner)
        if dice < 0.35 and before:
            at = draw.randrange(len(before))
            return (*before[:at], *before[at + 1 :])
        more = self._use(draw.choice(methods))
        if more is None or len(before) >= MAX_BEFORE:
            return before
        at = draw.randint(0, len(before))
        return (*before[:at], more, *before[at:])

    def _altered(self, use: Use) -> Use:
        """The call with one argument changed, or with others in their number."""
        draw = self._draw
        dice = draw.random()
        more = self._option(use.target, {one.slot[1] for one in use.arguments})
        if more is not None and dice < (0.5 if not use.arguments else 0.15):
            return Use(use.target, (*use.arguments, more))
        if not use.arguments or dice < 0.25:
            return self._use(use.target) or use
        at = draw.randrange(len(use.arguments))
        old = use.arguments[at]
        if draw.random() < 0.7:
            new = replace(old, text=self._values.changed(old.text, old.shape))
        else:
            new = self._argument(old.slot, old.keyword)
        return Use(use.target, (*use.arguments[:at], new, *use.arguments[at + 1 :]))

    def _option(self, target: Target, taken: set[str]) -> Argument | None:
        """One more optional argument, by its name."""
        free = [
            one
            for one in self._parameters.get(target.key) or ()
            if one.is_optional and one.can_be_named and not one.is_star and one.slot[1] not in taken
        ]
        if not free:
            return None
        name = self._draw.choice(free).slot
        return self._argument(name, name[1])

    def _with_option(self, made: str) -> str:
        """The expression of an object, with one more optional argument for its class."""
        match ast.parse(made, mode="eval").body:
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords) if (
                name in self._makers
            ):
                pass
            case _:
                return made
        maker = self._makers[name]
        known = self._parameters.get(maker.key) or ()
        taken = {one.slot[1] for one in known[: len(args)]} | {one.arg or "" for one in keywords}
        more = self._option(maker, taken)
        if more is None or any(isinstance(one, ast.Starred) for one in args):
            return made
        return f"{made[:-1]}{', ' if args or keywords else ''}{more.written})"

    def leaves(self, candidate: Candidate) -> None:
        """It left something behind in the module: what comes after it may do something else."""
        use = candidate.last
        if use is None or use.target.sort not in ALONE or use.target.is_private:
            return
        known = self._leaders.setdefault(use.target.key, [])
        if use not in known and len(known) < MAX_LED:
            known.append(use)

    def _led(self) -> tuple[Use, ...]:
        """Now and then a call that leaves something behind in the module."""
        if not self._leaders or self._draw.random() > LED:
            return ()
        use = self._draw.choice(self._leaders[self._draw.choice(list(self._leaders))])
        for one in use.arguments:
            self._values.echoes.note(one.text)
            self._values.echoes.named(one.slot[1], one.text)
        return (use,)

    def learn(self, candidate: Candidate, *, found: bool, wrong_type: bool) -> None:
        """Make the shapes of a candidate more likely, or less."""
        factor = 0.9 if wrong_type else 1.3 if found else 1.03
        for use in candidate.uses():
            for argument in use.arguments:
                slot = self._weights.get(argument.slot)
                if slot and argument.shape in slot:
                    slot[argument.shape] = min(30.0, max(0.1, slot[argument.shape] * factor))

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
            peers = [one for one in arguments if one.slot[1] in parameter.peers]
            arguments.append(
                self._comparable(parameter.slot, keyword, draw.choice(peers))
                if peers and draw.random() < COMPARABLE
                else self._argument(parameter.slot, keyword)
            )
        return Use(target, tuple(arguments))

    def _comparable(self, slot: tuple[str, str], keyword: str, peer: Argument) -> Argument:
        """One of the sort that another argument is of, which it is compared with."""
        values, dice = self._values, self._draw.random()
        made = values.changed(peer.text, peer.shape) if dice < 0.5 else values.make(peer.shape)
        return Argument(slot, peer.shape, peer.text if dice > 0.8 else made, keyword)

    def _argument(self, slot: tuple[str, str], keyword: str) -> Argument:
        choices = self._weights.get(slot) or {NONE: 1.0}
        shape = self._draw.choices(list(choices), list(choices.values()))[0]
        echoes = self._values.echoes
        text = echoes.argument(slot[1], slot[0], shape) or self._values.make(shape)
        echoes.named(slot[1], text)
        return Argument(slot, shape, text, keyword)

    def _object(self, owner: str) -> str | None:
        known = self._values.objects.get(owner)
        if known and PRIVATE.match(owner):
            # Better what a public function gives, if one does.
            known = [made for made in known if not PRIVATE.search(made)] or known
        if known and self._draw.random() < 0.85:
            made = self._draw.choice(known)
            self._values.echoes.note(made)
            return made
        return self._new_object(owner)

    def _new_object(self, owner: str) -> str | None:
        maker = self._makers.get(owner)
        use = self._use(maker) if maker else None
        return use.on("") if use else None

    def _call_of(self, function: Any) -> str | None:
        """The arguments of a call of an inner function: of what a decorator gives, for one."""
        name = f"{function.__name__} {function.__code__.co_firstlineno}"
        target = Target("function", "", name, name, function, frozenset())
        if target.key not in self._parameters:
            self._parameters[target.key] = self._signatures.read(target)
        use = self._use(target)
        return f"({', '.join(one.written for one in use.arguments)})" if use else None

    def _changed_object(self, owner: str) -> str | None:
        """A variable for an object on which something was called before."""
        methods, known = self._methods.get(owner), self._values.objects.get(owner)
        if not methods or not known:
            return None
        variable, draw = self._names.variable(owner), self._draw
        setup = self._values.setup
        if not setup.has_room(variable) or (setup.known(variable) and draw.random() < 0.5):
            return draw.choice(setup.known(variable))
        uses = [self._use(draw.choice(methods)) for _ in range(draw.choice((1, 1, 2, 3)))]
        changes = [use.on("\0") for use in uses if use is not None]
        return setup.add(variable, draw.choice(known), changes)

    def _steps(self, owner: str) -> list[Target]:
        """What may be called on the way: mostly what others than the module call too."""
        public, hidden = self._methods.get(owner, []), self._hidden.get(owner, [])
        return hidden if hidden and (not public or self._draw.random() < HIDDEN) else public

    def _before(self, owner: str) -> tuple[Use, ...]:
        methods = self._steps(owner)
        if not methods or self._draw.random() < 0.6:
            return ()
        count = self._draw.choice((1, 1, 1, 1, 2, 2, 3))
        uses = [self._use(self._draw.choice(methods)) for _ in range(count)]
        return tuple(use for use in uses if use is not None)
