"""Backends that return what a test says, as an agent would that claims to be done."""

from collections.abc import Callable
from typing import Any, ClassVar

from tta_interactive.runners.testgen.backend import Generated, Order
from tta_interactive.runners.testgen.pipeline import run
from tta_interactive.runners.testgen.report import TestsReport
from tta_interactive.runners.testgen.steps import Bench

from .conftest import GOOD, Lab, wished


class SaysAnything:
    """A backend that returns a given text, as an agent would that claims to be done."""

    name: ClassVar[str] = "says-anything"
    version: ClassVar[str] = "1"

    def __init__(self, text: str) -> None:
        self.text = text
        self.orders: list[Order] = []

    def generate(self, bench: Bench, order: Order, progress: Callable[[float], None]) -> Generated:
        self.orders.append(order)
        return Generated(self.text)


def ordered(lab: Lab, backend: SaysAnything, **options: Any) -> TestsReport:
    lab.write("m.py", GOOD)
    return run(wished(**options), lab.context(), backend)
