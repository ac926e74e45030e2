"""`python -m benchmarks.peers`: round trips of other durable queues and of ours, in one run.

The others are installed into an environment of their own, `.cache/peers`. In each round each is
started anew in an empty directory, warmed up, measured and stopped, in another order each time:
none has to share the processors with the polling of another. On a busy machine read p10: what it
takes when nothing else is in the way.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PLACE = ROOT / ".cache" / "peers"
ROUNDS = 3
TIMES = {"submit": 100, "trip": 150, "throughput": 400}


@dataclass
class Peer:
    """One line of the table."""

    name: str
    module: str
    entry: str
    is_durable: bool = True
    found: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    @property
    def python(self) -> Path:
        return Path(sys.executable) if self.module == "with_tta" else PLACE / "bin" / "python"

    def measure(self, times: dict[str, int], base: str) -> None:
        """One turn, in a directory and processes of its own."""
        folder = tempfile.mkdtemp(prefix="ttap-", dir=base)
        command = [self.python, HERE / "contender.py", self.module, self.entry, folder]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(command, text=True, env=environment(), **pipes) as process:
            assert process.stdout.readline() == "ready\n", self.name
            for order, number in times.items():
                process.stdin.write(f"{order} {number}\n")
                process.stdin.flush()
                self.found.setdefault(order, []).extend(json.loads(process.stdout.readline()))
            process.stdin.close()
        shutil.rmtree(folder, ignore_errors=True)

    def at(self, order: str, part: float) -> float:
        """The value that so large a part of all does not exceed."""
        ordered = sorted(self.found[order])
        return ordered[int(len(ordered) * part)]


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TTA_")}
    return {**kept, "TTA_SLOTS": "2"}


def peers() -> list[Peer]:
    """Ours first: the others are set against it."""
    return [
        Peer("tta, pool", "with_tta", "Pool"),
        Peer("ProcessPoolExecutor", "with_tta", "Executor", is_durable=False),
        Peer("huey, SQLite FULL, 5 ms look", "with_huey", "Huey"),
        Peer("Celery, Redis, fsync always", "with_celery", "Celery"),
    ]


def install() -> None:
    """The others' environment, once."""
    wanted = HERE / "requirements.txt"
    done = PLACE / "requirements.txt"
    if done.exists() and done.read_text() == wanted.read_text():
        return
    venv.create(PLACE, clear=True, with_pip=True)
    run = [PLACE / "bin" / "python", "-m", "pip", "install", "-q", "-r", wanted]
    subprocess.run(run, check=True)
    shutil.copy(wanted, done)


def table(measured: list[Peer]) -> str:
    """The figures as text, and how many times ours each round trip is, at the median and p10."""
    parts = (0.1, 0.5, 0.99)
    rows = [("system", "durable", "submit p10", "p50", "p99", "trip p10", "p50", "p99", "tasks/s",
             "p10, of ours", "p50")]  # fmt: skip
    for peer in measured:
        shown = [f"{peer.at(order, part):.3g}" for order in ("submit", "trip") for part in parts]
        rate = statistics.median(peer.found["throughput"])
        ratios = [f"{peer.at('trip', part) / measured[0].at('trip', part):.2f}x"
                  for part in parts[:2]]  # fmt: skip
        rows.append((peer.name, "yes" if peer.is_durable else "no", *shown, f"{rate:.0f}", *ratios))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of the repetitions")
    help_in = "where they keep what they keep; in /dev/shm a sync to the disk costs nothing"
    parser.add_argument("--in", dest="base", default="/tmp", metavar="DIR", help=help_in)
    wish = parser.parse_args()
    times = {order: number // (5 if wish.quick else 1) for order, number in TIMES.items()}
    install()
    measured = peers()
    for turn in range(ROUNDS):
        for number in range(len(measured)):
            peer = measured[(turn + number) % len(measured)]
            peer.measure(times, wish.base)
            print(f"  round {turn + 1}, {peer.name}", file=sys.stderr)
    others = [peer for peer in measured[1:] if peer.is_durable]
    ahead = min(peer.at("trip", 0.5) for peer in others) / measured[0].at("trip", 0.5)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores; times in ms\n")
    print(table(measured))
    print(f"\nAhead of the best durable peer, round trip: {ahead:.2f}x (target: 3x)")


if __name__ == "__main__":
    main()
