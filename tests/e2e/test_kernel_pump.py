"""The thread that feeds the cards, on a real engine, with cards that only take notes."""

import os
import time
from collections.abc import Callable, Iterator

import pytest

from tta_interactive.blocking import BlockingEngine
from tta_interactive.notebook.pump import Pump
from tta_interactive.task import Task

BOUND = 20.0


class Notes:
    """A card that remembers what it was told."""

    def __init__(self, *, is_broken: bool = False) -> None:
        self.painted: list[str] = []
        self.finished: list[str] = []
        self.problems: list[str] = []
        self.logs: list[str] = []
        self._is_broken = is_broken

    def show(self, task: Task) -> None:
        self.paint(task)

    def paint(self, task: Task, log: str = "", problem: str = "") -> None:
        if self._is_broken:
            raise RuntimeError("the front end went away")
        self.painted.append(task.status.value)
        self.logs.append(log)
        self.problems.append(problem)

    def finish(self, task: Task, log: str = "") -> None:
        self.paint(task, log)
        self.finished.append(task.status.value)


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + BOUND
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def pump(engine: BlockingEngine) -> Iterator[Pump]:
    pump = Pump(engine)
    yield pump
    pump.close()


def submitted(engine: BlockingEngine, script: str) -> Task:
    return engine.status(engine.submit("shell", {"script": script}))


def test_the_final_state_is_painted_last_and_once(engine: BlockingEngine, pump: Pump) -> None:
    task, card = submitted(engine, "sleep 0.3"), Notes()
    pump.feed(task, card)
    until(lambda: card.finished)
    engine.wait(task.id)
    time.sleep(0.5)  # nothing may come any more
    assert card.finished == ["completed"]
    assert card.painted[-1] == "completed"
    assert pump.card_of(task.id) is None


def test_a_task_that_ended_before_its_card_was_fed_is_finished_too(
    engine: BlockingEngine, pump: Pump
) -> None:
    seen = submitted(engine, "true")
    engine.wait(seen.id)
    card = Notes()
    pump.feed(seen, card)
    until(lambda: card.finished)


def test_a_card_whose_front_end_went_away_does_not_stop_the_others(
    engine: BlockingEngine, pump: Pump
) -> None:
    broken, good = submitted(engine, "sleep 0.3"), submitted(engine, "sleep 0.3")
    card = Notes()
    pump.feed(broken, Notes(is_broken=True))
    pump.feed(good, card)
    until(lambda: card.finished)


def test_a_click_is_handed_over_and_the_task_ends(engine: BlockingEngine, pump: Pump) -> None:
    task, card = submitted(engine, "sleep 60"), Notes()
    pump.feed(task, card)
    pump.cancel(task.id)
    until(lambda: card.finished)
    assert card.finished == ["cancelled"]


def test_the_seconds_of_a_running_task_go_on_without_news(
    engine: BlockingEngine, pump: Pump
) -> None:
    task, card = submitted(engine, "sleep 60"), Notes()
    pump.feed(task, card)
    until(lambda: card.painted.count("running") >= 3)


def test_the_end_of_the_output_comes_without_any_progress(
    engine: BlockingEngine, pump: Pump
) -> None:
    script = "yes x | head -c 5000000; echo; echo begun; sleep 0.1; echo second; sleep 60"
    task, card = submitted(engine, script), Notes()
    pump.feed(task, card)
    until(lambda: card.logs and card.logs[-1].endswith("begun\nsecond\n"))
    assert max(map(len, card.logs)) < 10_000
    engine.cancel(task.id)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_knows_that_the_pump_is_not_its_own(pump: Pump) -> None:
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, b"foreign" if not pump.belongs_here else b"own")
        os._exit(0)
    os.wait()
    os.close(write)
    assert os.read(read, 10) == b"foreign"
    os.close(read)
    assert pump.belongs_here
