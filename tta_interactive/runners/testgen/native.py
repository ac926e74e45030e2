"""The backend that needs no model: a search in a sandboxed child, started again when it dies.

A function under test may end the process, crash it or never return. The child notes what it is
about to call; when it dies, that target is left out and the next child goes on from the journal.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, cast

from pydantic import ValidationError

from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.backend import Generated, Order
from tta_interactive.runners.testgen.reading import read_bytes
from tta_interactive.runners.testgen.report import Suspicion
from tta_interactive.runners.testgen.steps import Bench, Step, bad_report

# The child counts its work in seconds and ends by itself, at the latest after so many times as
# long by the clock (`inside/generate/work.py`).
WAITING = 13.0
STALL_SECONDS = 12.0  # a call has much less; others may have the processor
IMPORT_SECONDS = 20.0
MAX_DEATHS = 6
LEAST_SECONDS = 0.5
MAX_JOURNAL = 4 * 1024 * 1024
BEAT = 1024
MAX_SUSPICIOUS = 20


class NativeBackend:
    """Value mining and a search that is guided by coverage."""

    name: ClassVar[str] = "native"
    version = "1"

    def __init__(self) -> None:
        self._banned: list[str] = []
        self._journal = b""

    def generate(self, bench: Bench, order: Order, progress: Callable[[float], None]) -> Generated:
        """Tests found by a search; none if nothing could be tested.

        Raises:
            TaskFailure: The search died again and again.
        """
        done = 0.0
        last: Step | None = None
        for death in range(MAX_DEATHS):
            seconds = max(LEAST_SECONDS, order.seconds - done)
            place = bench.place("generate")
            (place / "journal").write_bytes(self._journal)
            facts = {
                "module": order.source.name,
                "file": str(order.copied.file),
                "root": str(order.copied.root),
                "journal": str(place / "journal"),
                "beat": str(place / "beat"),
                "seed": order.seed + 1000 * order.round + death,
                "banned": self._banned,
                "focus": sorted(order.missing | {line for line, _ in order.missing_branches}),
                "seconds": seconds,
                "most": order.most,
                "reached": sorted(order.reached),
                "round": order.round,
            }
            watch = _Watch(place / "beat", progress)
            limit = WAITING * seconds + IMPORT_SECONDS + STALL_SECONDS
            last, report = bench.run_job(place, "generate", facts, timeout=limit, watch=watch)
            self._journal = _whole_lines(read_bytes(place / "journal", MAX_JOURNAL) or b"")
            if report is not None and isinstance(report.get("source"), str):
                return replace(generated(report), work=done + _work(report))
            target, more = _called(place / "beat")
            done += more
            if not target or target in self._banned:
                raise bad_report("The generator", last)
            self._banned.append(target)
        assert last is not None
        raise TaskFailure(
            "error",
            f"The module {order.source.name!r} ended the generator's process {MAX_DEATHS} times; "
            f"last: it {last.how} in {self._banned[-1]!r}.",
            "Test it by hand, or split what ends the process from the rest.",
            last.output[-4000:],
        )


def generated(report: dict[str, Any]) -> Generated:
    """The child's report, of which nothing but the text of tests has to be right."""
    subjects, sharper = report.get("subjects"), report.get("sharper")
    return Generated(
        report["source"],
        {str(test): str(about)[:200] for test, about in _items(subjects)},
        frozenset(str(test) for test in cast("list[object]", sharper))
        if isinstance(sharper, list)
        else frozenset(),
        str(report.get("resets") or ""),
        tuple(_suspicions(report.get("suspicious"))),
        was_cut_short=report.get("cut_short") is True,
    )


def _items(value: object) -> list[tuple[object, object]]:
    return list(cast("dict[object, object]", value).items()) if isinstance(value, dict) else []


def _suspicions(found: object) -> Iterator[Suspicion]:
    for one in cast("list[object]", found)[:MAX_SUSPICIOUS] if isinstance(found, list) else []:
        with contextlib.suppress(ValidationError):
            yield Suspicion.model_validate(one)


class _Watch:
    """Reads the heart beat: reports progress, and stops a search that stands still."""

    def __init__(self, beat: Path, progress: Callable[[float], None]) -> None:
        self._beat, self._progress = beat, progress
        self._last: bytes | None = b""
        self._since = time.monotonic()

    def __call__(self) -> bool:
        now = time.monotonic()
        data = read_bytes(self._beat, BEAT)
        if data != self._last:
            self._last, self._since = data, now
            record = _record(data)
            if record is not None:
                _, _, reached, every, _ = record
                self._progress(min(1.0, reached / every) if every else 0.0)
        return now - self._since > (STALL_SECONDS if self._last else IMPORT_SECONDS)


def _record(data: bytes | None) -> tuple[int, str, int, int, float] | None:
    """(tries, target, lines reached, lines in all, work), as the child last wrote them."""
    try:
        step, target, reached, every, work = json.loads(data or b"")
        return int(step), str(target), int(reached), int(every), float(work)
    except (ValueError, TypeError, RecursionError):
        return None


def _called(beat: Path) -> tuple[str, float]:
    """(the target that was being called, the seconds of work before that)."""
    record = _record(read_bytes(beat, BEAT))
    return (record[1], max(0.0, record[4])) if record else ("", 0.0)


def _work(report: dict[str, Any]) -> float:
    work = report.get("work")
    return float(work) if isinstance(work, int | float) and work >= 0 else 0.0


def _whole_lines(journal: bytes) -> bytes:
    """The journal without a last line that was cut short."""
    return journal[: journal.rfind(b"\n") + 1]
