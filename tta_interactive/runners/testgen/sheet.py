"""What one pytest process reported through our plugin, read as if it were hostile."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from tta_interactive.runners.testgen.reading import read_bytes
from tta_interactive.runners.testgen.steps import MAX_REPORT, Step

CANARY = "test_tta_canary_"
# Our own two tests: what a run that can be believed says of them.
CANARIES = {f"{CANARY}passes": True, f"{CANARY}fails": False}
HAS_FAILED = 1  # pytest's exit status: all ran, and one failed


@dataclass(frozen=True)
class Sheet:
    """What one pytest process reported."""

    outcomes: dict[str, str] = field(default_factory=dict[str, str])
    """Test -> empty if it passed, else why not."""
    canaries: dict[str, bool] = field(default_factory=dict[str, bool])
    """Our own tests -> whether they passed."""
    unfinished: str = ""
    """The test that was running when the process ended."""
    broken: str = ""
    """Why the file could not be collected."""
    status: int | None = None
    """pytest's exit status; None: it did not come to its end."""
    module_file: str = ""
    """Where the module under test was imported from; empty if it was not."""
    collected: int = 0
    is_authentic: bool = True
    """Whether every line is the plugin's own, and none is missing."""

    @property
    def was_collected(self) -> bool:
        """Whether pytest could read the files of tests at all."""
        return not self.broken and self.collected > 0

    def is_believable(self, step: Step) -> bool:
        """Whether nothing that ran meddled: our own tests came out right, and pytest and its
        process ended as they must when one of them fails."""
        return (
            self.is_authentic
            and self.canaries == CANARIES
            and self.status == HAS_FAILED
            and step.ended == "exited"
            and step.code == HAS_FAILED
        )


def read_sheet(path: Path, key: bytes) -> Sheet:
    """Read what the plugin wrote; a line that is not signed is none, and makes all doubtful.

    Source of the signature: `inside/record.py`.
    """
    data = read_bytes(path, MAX_REPORT)
    outcomes: dict[str, str] = {}
    canaries: dict[str, bool] = {}
    unfinished = broken = module_file = ""
    status: int | None = None
    collected = 0
    is_authentic = data is not None
    for number, line in enumerate((data or b"").split(b"\n")[:-1]):
        event = _event(line, key, number)
        if event is None:
            is_authentic = False
            break
        kind, test = event.get("event"), str(event.get("test", ""))[:200]
        if kind == "started":
            unfinished = test
        elif kind == "ended":
            unfinished = ""
            why = "" if event.get("outcome") == "passed" else str(event.get("text"))[-1000:]
            if test.startswith(CANARY):
                canaries[test] = not why
            else:  # a class is one unit: one bad test of it decides
                outcomes[test] = outcomes.get(test) or why
        elif kind == "collected":
            module_file = str(event.get("file") or "")
            collected = _number(event.get("count"))
        elif kind == "broken":
            broken = str(event.get("text"))[-4000:]
        elif kind == "finished":
            status = _number(event.get("status"))
    return Sheet(
        outcomes, canaries, unfinished, broken, status, module_file, collected, is_authentic
    )


def _number(said: object) -> int:
    return said if isinstance(said, int) else -1


def _event(line: bytes, key: bytes, number: int) -> dict[str, object] | None:
    signed, _, text = line.partition(b" ")
    proof = hashlib.blake2b(f"{number} ".encode() + text, key=key, digest_size=16).hexdigest()
    if signed != proof.encode():
        return None
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return dict(value) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownArgumentType]
