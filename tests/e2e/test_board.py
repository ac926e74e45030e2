"""The board: what a reader is told, and what a stranger on the same machine is not."""

import json
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import a_task
from tta_interactive.blocking import BlockingEngine
from tta_interactive.board import BoardFeed
from tta_interactive.board.rows import facts_of, row_of
from tta_interactive.task import Task

BOUND = 20.0
EVIL = "\x1b]0;owned\x07\u202e<img src=x onerror=alert(1)>"


class Reader:
    """A feed, and what it said."""

    def __init__(self, engine: BlockingEngine) -> None:
        self.said: list[Mapping[str, Any]] = []
        self.feed = BoardFeed(engine, self.said.append)

    def ask(self, **message: object) -> Mapping[str, Any]:
        self.feed.take(message)
        return self.said[-1]

    def labels(self, **view: object) -> list[str]:
        page = self.ask(type="view", **view)
        return [page["rows"][one]["label"] for one in page["order"]]


@pytest.fixture
def reader(engine: BlockingEngine) -> Reader:
    return Reader(engine)


def submit(engine: BlockingEngine, label: str, *argv: str) -> str:
    return engine.submit("shell", {"argv": list(argv or ("true",))}, label=label)


def test_a_reader_sees_one_page_and_then_only_rows_that_moved(
    engine: BlockingEngine, reader: Reader
) -> None:
    ids = [submit(engine, f"task {number}") for number in range(60)]
    engine.wait_all(ids, BOUND)
    slow = submit(engine, "slow", "sleep", "30")
    page = reader.ask(type="view")
    assert page["type"] == "page"
    assert page["order"] == [slow, *reversed(ids[11:])]
    assert set(page["rows"]) == set(page["order"])
    assert (page["total"], page["size"], page["counts"]["completed"]) == (61, 50, 60)
    engine.cancel(slow)
    engine.wait(slow, BOUND)
    reader.feed.refresh({slow})
    patch = reader.said[-1]
    assert (patch["type"], [*patch["rows"]], [*patch["bars"]]) == ("patch", [slow], [slow])
    assert patch["counts"]["cancelled"] == 1
    assert not {"order", "bar_order", "kinds", "total"} & patch.keys()
    told = len(reader.said)
    reader.feed.refresh({slow})
    assert len(reader.said) == told  # nothing is new, so nothing is said
    for number in (1, 7):  # beyond the last page is the last one
        assert reader.labels(page=number) == [f"task {left}" for left in range(10, -1, -1)]


def test_of_a_task_that_arrives_one_row_travels(engine: BlockingEngine, reader: Reader) -> None:
    ids = [submit(engine, f"task {number}") for number in range(50)]
    engine.wait_all(ids, BOUND)
    reader.ask(type="view")
    new = submit(engine, "new")
    reader.feed.refresh({new})
    patch = reader.said[-1]
    assert (patch["type"], [*patch["rows"]], patch["total"]) == ("patch", [new], 51)
    assert patch["order"] == [new, *reversed(ids[1:])]
    assert patch["bar_order"][:2] == [new, ids[-1]]


def test_what_does_not_move_the_bars_is_told_in_a_few_hundred_bytes(
    engine: BlockingEngine, reader: Reader, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    code = (
        "import pathlib, time, tta_interactive as t\n"
        f"while not pathlib.Path({str(go)!r}).exists(): time.sleep(.02)\n"
        "t.progress(.5, 'half'); time.sleep(60)"
    )
    engine.wait_all([submit(engine, f"task {number}") for number in range(60)], BOUND)
    task = engine.submit("python", {"code": code})
    while engine.status(task).status != "running":
        time.sleep(0.02)
    reader.ask(type="view")
    go.touch()
    while engine.status(task).progress is None:
        time.sleep(0.02)
    reader.feed.refresh({task})
    patch = reader.said[-1]
    assert patch["rows"][task]["message"] == "half"
    assert not {"bars", "bar_order", "order", "counts"} & patch.keys()
    assert len(json.dumps(patch)) < 1024
    engine.cancel(task)


def test_a_reader_filters_searches_sorts_and_turns_pages(
    engine: BlockingEngine, reader: Reader
) -> None:
    ids = [submit(engine, label) for label in ("beta", "Alpha", "gamma")]
    failed = engine.submit("python", {"code": "1/0"}, label="broken")
    engine.wait_all([*ids, failed], BOUND)
    assert reader.labels(states=["failed"]) == ["broken"]
    assert reader.labels(kind="python") == ["broken"]
    assert reader.labels(search="alph") == ["Alpha"]
    assert reader.labels(sort="label", descending=False) == ["Alpha", "beta", "broken", "gamma"]
    assert reader.ask(type="view")["kinds"] == [["python", "python"], ["shell", "shell"]]


def test_a_reader_sees_the_tasks_of_one_door_or_of_one_place(
    engine: BlockingEngine, reader: Reader, tmp_path: Path
) -> None:
    submit(engine, "program")
    with BlockingEngine(engine.home, owner="mcp:codex") as agent:
        there = agent.submit("shell", {"argv": ["true"]}, label="agent", workspace=str(tmp_path))
    assert reader.labels(owner="mcp:codex") == ["agent"]
    assert reader.labels(workspace=str(tmp_path)) == ["agent"]
    page = reader.ask(type="view")
    assert page["owners"] == [["mcp:codex", "agent codex"], ["python", "program"]]
    assert [str(tmp_path), str(tmp_path)] in page["workspaces"]
    assert page["rows"][there]["owner"] == "agent codex"


def test_a_task_leaves_the_page_that_it_does_not_belong_to_any_more(
    engine: BlockingEngine, reader: Reader
) -> None:
    slow = submit(engine, "slow", "sleep", "60")
    assert reader.labels(states=["queued", "running"]) == ["slow"]
    engine.cancel(slow)
    engine.wait(slow, BOUND)
    reader.feed.refresh({slow})
    assert (reader.said[-1]["order"], reader.said[-1]["total"]) == ([], 0)


def test_a_task_that_was_removed_is_gone_from_the_board(
    engine: BlockingEngine, reader: Reader
) -> None:
    old = submit(engine, "old")
    engine.wait(old, BOUND)
    reader.ask(type="view")
    engine.collect_garbage(timedelta(0))
    reader.feed.refresh({old})
    assert (reader.said[-1]["order"], reader.said[-1]["total"]) == ([], 0)


def test_a_reader_cancels_repeats_and_looks_closer(engine: BlockingEngine, reader: Reader) -> None:
    slow = submit(engine, "slow", "sh", "-c", "echo begun; sleep 60")
    while "begun" not in engine.logs(slow):
        time.sleep(0.02)
    reader.ask(type="view")
    assert reader.ask(type="detail", id=slow)["log"] == "begun\n"
    reader.ask(type="cancel", id=slow)
    assert engine.wait(slow, BOUND).status == "cancelled"
    patch = reader.ask(type="retry", id=slow)
    again = patch["rows"][patch["order"][0]]
    assert (again["label"], again["id"] != slow) == ("slow", True)
    engine.cancel(again["id"])


@pytest.mark.parametrize(
    "message",
    [
        None,
        "cancel",
        {"type": "sudo"},
        {"type": "view", "page": -1},
        {"type": "view", "sort": "seq; DROP TABLE tasks"},
        {"type": "view", "states": ["x"]},
        {"type": "view", "search": "x" * 201},
        {"type": "view", "limit": 10**9},
        {"type": "cancel", "id": ["t_1"]},
        {"type": "detail", "id": "x" * 65},
        {"type": "cancel", "id": "nobody"},
    ],
)
def test_a_wrong_message_is_a_sentence_on_the_page(reader: Reader, message: object) -> None:
    reader.feed.take(message)
    (told,) = reader.said
    assert (told["type"], bool(told["text"])) == ("problem", True)


def test_a_question_stands_in_its_row_and_is_answered_there_once(
    engine: BlockingEngine, reader: Reader
) -> None:
    code = f"from tta_interactive import ask\nask({EVIL!r}, choices=['yes', 'no'])"
    task_id = engine.submit("python", {"code": code}, workspace="/tmp")
    engine.wait_any([task_id], BOUND, questions=True)
    row = reader.ask(type="view")["rows"][task_id]
    assert (row["state"], row["asks"]["choices"]) == ("input_required", ["yes", "no"])
    assert not set(row["asks"]["text"]) & set("\x1b\x07\u202e")
    answer = {"type": "answer", "id": task_id, "key": row["asks"]["key"]}
    assert "Give one of" in reader.ask(**answer, value="perhaps")["text"]
    assert "followed by" in reader.ask(**{**answer, "key": "1.9"}, value="yes")["text"]
    told = reader.ask(**answer, value="yes")
    assert told["rows"][task_id]["asks"] is None
    assert "already" in reader.ask(**answer, value="no")["text"]
    assert engine.wait(task_id, BOUND).result == "yes"


def test_a_form_is_answered_as_typed_and_what_is_wrong_is_told_by_field(
    engine: BlockingEngine, reader: Reader
) -> None:
    form = {
        "type": "object",
        "required": ["branch"],
        "properties": {
            "branch": {"type": "string", "title": EVIL},
            "n": {"type": "integer", "maximum": 9},
            "push": {"type": "boolean"},
            "parts": {"type": "array", "items": {"type": "string", "enum": ["docs", "code"]}},
            "note": {"type": "string", "default": EVIL},
        },
    }
    code = f"from tta_interactive import ask\nask('Release?', form={form!r})"
    task_id = engine.submit("python", {"code": code}, workspace="/tmp")
    engine.wait_any([task_id], BOUND, questions=True)
    asks = reader.ask(type="view")["rows"][task_id]["asks"]
    assert [field["name"] for field in asks["fields"]] == [*form["properties"]]  # type: ignore[index]
    assert not set(json.dumps(asks, ensure_ascii=False)) & set("\x1b\x07\u202e")
    answer = {"type": "answer", "id": task_id, "key": asks["key"]}
    refused = reader.ask(**answer, value={"branch": "", "n": "12", "push": "perhaps"})
    assert (refused["type"], {*refused["fields"]}) == ("refused", {"branch", "n", "push"})
    assert refused["fields"]["branch"] == "The answer needs a value for 'branch'."
    typed = {"branch": "main", "n": "7", "push": "yes", "parts": ["docs"], "note": ""}
    assert reader.ask(**answer, value=typed)["rows"][task_id]["asks"] is None
    assert engine.wait(task_id, BOUND).result == {
        "branch": "main",
        "n": 7,
        "push": True,
        "parts": ["docs"],
        "note": EVIL,
    }


def test_what_a_task_says_can_neither_act_nor_hide() -> None:
    row = row_of(
        a_task(status="running", label=EVIL, kind=EVIL[:30], owner=f"mcp:{EVIL}", message=EVIL)
    )
    assert not set(json.dumps(row, ensure_ascii=False)) & set("\x1b\x07\u202e")
    assert "\\u202e<img" in str(row["label"])  # shown as what it is


def test_the_figures_are_those_of_the_tasks() -> None:
    def ended(number: int, ran: int, **facts: Any) -> Task:
        times = {"submitted_at": 0, "started_at": 2, "finished_at": 2 + ran}
        return a_task(
            **{"id": f"t_{number}", "status": "completed", "attempt": 1, **times, **facts}
        )

    tasks = [ended(n, n + 1, result={"cached": n == 0, "cost": 0.25}) for n in range(4)]
    tasks.append(ended(9, 100, status="failed", result=None))
    facts = facts_of(tasks, ended(0, 61).finished_at)  # type: ignore[arg-type]
    assert (facts["success"], facts["cached"], facts["cost"]) == (0.8, 1, 1.0)
    assert (facts["waited_p50"], facts["ran_p50"]) == (2.0, 3.0)
    assert facts["per_minute"] == 3  # one ended a whole minute ago, one will in the future


# ---- the page on loopback
