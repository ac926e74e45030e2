"""The search: try candidates, keep those that run code which none before them ran.

Everything is drawn from one seeded generator and bounded by the work that is done (`work.py`), so
that the same seed gives the same tests, however busy the machine is.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, product

from .attempt import Attempts, Seen
from .calls import Caller
from .candidate import MAX_STATEMENT, PRIVATE, Candidate
from .clocks import Clocks
from .emit import Written
from .expect import Expectations
from .leftovers import Name
from .names import Names
from .simplify import Simplifier
from .states import States
from .targets import Target
from .trace import NOTHING, Arc, Runner, lines_of
from .values import Values
from .work import Work

MAX_OBJECTS, MAX_STATES = 25, 12  # of one class: that reached something new, or a new state
GO_ON = 0.12  # how often the search goes on from an object in a new state
LEAST_SECONDS = 0.1
MAX_ACCIDENTS = 400
PRIVATE_AFTER = 3000  # tries, or half of the work: until then callers may reach it
INHERITED = 0.4  # times as likely as where it is defined
MAX_LAZY = 20  # items of something that may be endless
PATIENCE = 15_000  # tries without anything new, after which more bring next to nothing
WEIGHED = 3  # times that it is asked whether what is left behind is a table of results
SAVES = 3.0  # times as much as a run with it, if it is
KINDS = [(*kind, sound) for kind in product((False, True), repeat=2) for sound in (True, False)]
"""(private, deprecated, sound): what is taken first to reach all that was reached."""
WRONG_USE = (TypeError, AttributeError, NameError, SyntaxError, UnboundLocalError)


@dataclass(frozen=True)
class Found:
    """A candidate that reached something new."""

    candidate: Candidate
    test: Written
    arcs: frozenset[Arc]
    is_sound: bool
    """It returned, or the module raised on purpose: not an accident of wrong use."""
    step: int
    """At which try."""
    is_deprecated: bool = False
    """Whether the module warned that this will not work for long."""

    @property
    def seen(self) -> Seen:
        """As it was, before it is run again."""
        return Seen(self.candidate, list(self.test.statements), NOTHING)


class Search:
    """One search over one module."""

    def __init__(
        self,
        targets: list[Target],
        caller: Caller,
        runner: Runner,
        expectations: Expectations,
        names: Names,
        values: Values,
        draw: random.Random,
        work: Work,
        *,
        focus: set[int],
        beat: Callable[[int, str, set[int]], None],
        keep: Callable[[Found], None],
        clocks: Clocks | None = None,
    ) -> None:
        self._targets, self._caller, self._expectations = targets, caller, expectations
        self._runner, self._seconds = runner, dict[str, float]()
        self.attempts = Attempts(runner, expectations, names, values, draw, clocks)
        self._values, self._draw, self._work = values, draw, work
        self._focus, self._beat, self._keep = focus, beat, keep
        self._sound: set[Arc] = set()
        self._any: set[Arc] = set()
        self.lines: set[int] = set()
        """Those that the found ones ran."""
        self._refused: dict[str, int] = {}
        self._tries: dict[str, int] = {}
        self._corpus: list[Candidate] = []
        self._states = States()
        self._opened: set[str] = set()
        """Private classes of which public calls give objects."""
        self._weighed = Counter[Name]()
        self._ways: list[Candidate] = []
        """Those that brought an object into a new state and reached nothing new."""
        self.found: list[Found] = []
        self.accidents: dict[tuple[str, ...], Seen] = {}
        """What ended with an error that nobody raised on purpose."""
        self.steps = 0
        self._half = 0.0

    def run(self, first: list[Candidate], seconds: float) -> None:
        """Try the given candidates, then as many others as can be done in that work."""
        work = self._work
        end = work.now + seconds
        self._half = work.now + seconds / 2
        last_new = 0
        # Made one by one: objects of the first classes are arguments of what comes after.
        opening: Iterator[Candidate | None] = chain(first, self._first_of_each())
        is_open = True
        weights: list[float] = []
        while not work.is_over(end):
            if self.steps - last_new > PATIENCE and not is_open:
                break
            if self.steps % 64 == 0:
                weights = [self._weight(target) for target in self._targets]
            candidate = next(opening, None)
            if candidate is None:
                is_open = False
                candidate = self._next(weights)
            self.steps += 1
            work.tried()
            if candidate is None:
                continue
            self._beat(self.steps, candidate.target, self.lines)
            if self._consider(candidate):
                last_new = self.steps

    def chosen(self, most: int, known: Iterable[Arc], skip: int = 0) -> list[Found]:
        """Few of the found that together reach all that was reached.

        Args:
            most: No more than this.
            known: What needs no test: the import reaches it.
            skip: What the first so many tries reached is reached by others already.
        """
        new = [one for one in self.found if one.step > skip]
        left = {arc for one in new for arc in one.arcs}
        left -= {arc for one in self.found if one.step <= skip for arc in one.arcs}
        left -= set(known)
        picked: list[Found] = []
        public = {
            line
            for one in self.found
            if not one.candidate.is_private
            for line in lines_of(one.arcs)
        }
        for private, old, sound in KINDS:
            kind = (private, old, sound)
            some = sorted(
                (
                    one
                    for one in new
                    if (one.candidate.is_private, one.is_deprecated, one.is_sound) == kind
                ),
                key=lambda one: (
                    one.candidate.is_inherited,
                    -len(one.arcs),
                    sum(map(len, one.test.statements)),
                ),
            )
            for one in some:
                if private and lines_of(one.arcs & left) <= public:
                    continue  # a way that people go reaches them
                if len(picked) < most and not one.arcs.isdisjoint(left):
                    picked.append(one)
                    left -= one.arcs
        order = {target.key: at for at, target in enumerate(self._targets)}
        return sorted(picked, key=lambda one: order.get(one.candidate.target, -1))

    def simplified(self, chosen: list[Found], seconds: float) -> list[Written]:
        """The test of each of the chosen, without what it does not need."""
        simplifier = Simplifier(self.attempts, self._work, seconds)
        tests: list[Written] = []
        for one in chosen:
            seen = self.attempts.rerun(one.seen)
            same = seen is not None and one.arcs <= seen.outcome.arcs
            self._beat(self.steps, one.candidate.target, self.lines)
            tests.append(
                simplifier.simplified(seen, one.test, one.arcs) if seen and same else one.test
            )
        return tests

    def _first_of_each(self) -> Iterator[Candidate]:
        public = [
            target
            for target in self._targets
            if not (target.is_private or target.is_inherited or target.sort == "changer")
        ]
        for target in sorted(public, key=lambda one: one.sort not in ("helper", "class")):
            for _ in range(6 if target.sort in ("class", "helper") else 3):
                candidate = self._caller.new(target)
                if candidate:
                    yield candidate

    def _weight(self, target: Target) -> float:
        if target.sort == "changer":
            return 0.0
        missing = target.lines - self.lines
        weight = 1.0 + 3.0 * min(len(missing), 20) + 10.0 * len(missing & self._focus)
        if target.is_inherited:
            weight *= INHERITED
        is_open = target.owner in self._opened and not PRIVATE.match(target.name)
        if target.is_private and not is_open:
            is_late = self.steps > PRIVATE_AFTER or self._work.now > self._half
            weight = weight / 4 if missing and is_late else 0.0
        refused = self._refused.get(target.key, 0) / (1 + self._tries.get(target.key, 0))
        return weight * (1.02 - refused)

    def _next(self, weights: list[float]) -> Candidate | None:
        dice = self._draw.random()
        if self._ways and dice < GO_ON:
            return self._caller.continued(self._draw.choice(self._ways))
        if self._corpus and dice < 0.55:
            # The newest reached deepest; older ones still get their turn.
            at = int(len(self._corpus) * self._draw.random() ** 0.5)
            return self._caller.changed(self._corpus[at])
        # Where all are private, none has weight until later.
        usable = weights if any(weight > 0 for weight in weights) else None
        return self._caller.new(self._draw.choices(self._targets, usable)[0])

    def _consider(self, candidate: Candidate) -> bool:
        """Try a candidate; whether it was worth keeping."""
        self._tries[candidate.target] = self._tries.get(candidate.target, 0) + 1
        seen = self._timed(candidate)
        if seen is None:
            # Too slow or not allowed, and likely to be so again.
            self._refused[candidate.target] = self._refused.get(candidate.target, 0) + 1
            return False
        seen = self._weighed_leftovers(seen)
        candidate, outcome = seen.candidate, seen.outcome
        is_sound = outcome.error is None or outcome.raised_by_module
        wrong = isinstance(outcome.error, WRONG_USE) and not is_sound
        if not is_sound and len(self.accidents) < MAX_ACCIDENTS:
            self.accidents.setdefault(tuple(seen.statements), seen)
        # What warns of itself, is private or defined elsewhere leaves its lines to a better way.
        is_good = is_sound and not outcome.is_deprecated and _is_fit(candidate)
        new = outcome.arcs - (self._sound if is_good else self._any)
        self._caller.learn(candidate, found=bool(new), wrong_type=wrong)
        if outcome.error is None:
            self._remember(seen, bool(new))
        if not new or (candidate.last and candidate.last.target.sort == "helper"):
            if outcome.error is None and self._is_new_state(seen):
                self._ways.append(candidate)
            return False
        if wrong and not outcome.is_refusal:
            return False  # says how it is not used, and differs as soon as anything is rewritten
        if candidate.last is None and not is_sound:
            return False  # an example of the documentation that does not work here
        seen = self.attempts.shortened(self.attempts.direct(seen, new), new)
        candidate, outcome = seen.candidate, seen.outcome
        test, again = self.attempts.written(seen), self.attempts.again(seen)
        test = test.agreed(self.attempts.written(again)) if test and again else None
        if test is None:
            return False  # not the same twice: no test
        self._any |= outcome.arcs
        if is_good and _is_fit(candidate):
            self._sound |= outcome.arcs
        self.lines |= {line for pair in outcome.arcs for line in pair if line > 0}
        is_old = seen.outcome.is_deprecated
        one = Found(candidate, test, outcome.arcs, is_sound, self.steps, is_old)
        self.found.append(one)
        self._keep(one)
        if not wrong:
            self._corpus.append(candidate)
        return True

    def _timed(self, candidate: Candidate) -> Seen | None:
        """Try it; a target that took too long has half the time from then on."""
        runner, target = self._runner, candidate.target
        usual, before = runner.limit, runner.too_long
        runner.limit = self._seconds.get(target, usual)
        seen = self.attempts.seen(candidate)
        if runner.too_long > before:
            self._seconds[target] = max(LEAST_SECONDS, runner.limit / 2)
        runner.limit = usual
        return seen

    def _weighed_leftovers(self, seen: Seen) -> Seen:
        """Learn from what the run left behind in the module.

        What saves work and changes no answer is a table of results: it stays, for to fill it again
        and again costs much. All else belongs to a way that leads somewhere: others may need it.
        """
        leftovers, outcome = self._runner.leftovers, seen.outcome
        left = leftovers.left() if leftovers is not None else {}
        if leftovers is None or not left or outcome.error is not None:
            return seen
        if all(self._weighed[name] >= WEIGHED for name in left):
            self._caller.leaves(seen.candidate)
            return seen
        self._weighed.update(list(left))
        first = self.attempts.written(seen)
        again = self._runner.run(seen.statements, fresh=False)
        second = self.attempts.written(replace(seen, outcome=again)) if again else None
        if again and second == first and again.events * SAVES < outcome.events:
            leftovers.spare(left)
        else:
            self._caller.leaves(seen.candidate)
        return self.attempts.rerun(seen) or seen

    def _is_new_state(self, seen: Seen) -> bool:
        """Whether its object is now as none was before: worth going on from."""
        candidate = seen.candidate
        thing = seen.outcome.names.get(candidate.variable) if candidate.made else None
        return thing is not None and self._states.add(thing)

    def _remember(self, seen: Seen, is_new: bool) -> None:
        """Objects that worked are arguments and subjects of later candidates."""
        candidate = seen.candidate
        if (
            candidate.last is None
            or candidate.before
            or (candidate.wrap and not candidate.calls_on)
        ):
            return
        if candidate.last.target.sort == "operator":
            return
        # `Box(1).opened()`: what a method gives is an object like any other.
        made = candidate.last.on(candidate.made)
        made = candidate.wrap.format(made) if candidate.wrap else made
        if len(made) > MAX_STATEMENT / 3:
            return
        cls = self._expectations.written_class_of(seen.outcome.value)
        if cls is None:
            if candidate.last.target.sort in ("function", "static", "method"):
                arguments = [(one.slot[1], one.text) for one in candidate.last.arguments]
                self._values.echoes.learn(
                    candidate.last.target.name, seen.outcome.value, made, arguments
                )
            return
        if PRIVATE.match(cls) and not PRIVATE.search(made):
            self._opened.add(cls)
        known = self._values.objects.setdefault(cls, [])
        if made in known:
            return
        is_other = self._states.add(seen.outcome.value)
        most = MAX_OBJECTS if is_new else MAX_STATES if is_other else 5
        if len(known) < most:
            known.append(made)


def _is_fit(candidate: Candidate) -> bool:
    """Whether people should go the way that it goes."""
    return not (candidate.is_private or candidate.is_inherited)
