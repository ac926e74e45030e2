"""Which tests add nothing to what the others reach. Pure."""

from collections.abc import Iterable, Mapping

Arc = tuple[int, int]


def useful(reached: Mapping[str, Iterable[Arc]], at_import: Iterable[Arc]) -> set[str]:
    """The tests that stay when each that adds nothing to the rest is dropped.

    The test that reaches least is asked first, so that of two that reach the same the poorer
    one goes.

    Args:
        reached: Test -> the line pairs of the module that it ran.
        at_import: What runs without any test.
    """
    known = set(at_import)
    own = {test: set(arcs) - known for test, arcs in reached.items()}
    count: dict[Arc, int] = {}
    for arcs in own.values():
        for arc in arcs:
            count[arc] = count.get(arc, 0) + 1
    stay = set(own)
    for test in sorted(own, key=lambda test: (len(own[test]), test)):
        if all(count[arc] > 1 for arc in own[test]):
            stay.discard(test)
            for arc in own[test]:
                count[arc] -= 1
    return stay
