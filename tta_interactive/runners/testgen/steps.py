"""Every child process of the pipeline: contained, bounded in time and output, killed whole.

    scratch/inside    our own code for the sandbox        read only in there
    scratch/project   the copy of the project             read only
    scratch/files     test files, settings, job files     read only
    scratch/steps/N   the current directory of one step   writable, nothing else is

What a step says comes back as a JSON file, read here without following links and up to a bound.
Its output is only ever shown, never believed.
"""

import contextlib
import itertools
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from tta_interactive import sandbox
from tta_interactive.kinds.base import TaskFailure
from tta_interactive.runners.testgen.reading import read_bytes
from tta_interactive.task import SandboxLevel

MAX_OUTPUT = 64 * 1024 * 1024
KEPT_OUTPUT = 16 * 1024
MAX_REPORT = 64 * 1024 * 1024
TICK = 0.1
GRACE = 0.2  # seconds for the rest of the output after the process has ended


@dataclass(frozen=True)
class Step:
    """How one child process ended."""

    ended: Literal["exited", "timeout", "flood", "stopped"]
    code: int
    """Its exit code; negative: the signal."""
    output: str
    """The last 16 KiB of what it printed: untrusted text."""
    seconds: float

    @property
    def how(self) -> str:
        """For people: how it ended."""
        if self.ended == "timeout":
            return f"was stopped after {self.seconds:.0f} s"
        if self.ended == "flood":
            return f"printed more than {MAX_OUTPUT // 1024**2} MiB"
        if self.ended == "stopped":
            return "stood still and was stopped"
        if self.code < 0 or self.code > 128:
            return f"was killed by signal {abs(self.code) % 128}"
        return f"ended with exit code {self.code}"


@dataclass
class Bench:
    """Where the steps of one task run."""

    python: str
    level: SandboxLevel
    scratch: Path
    store: Path | None = None
    """The directory of the task store: hidden wherever it lies."""
    path: Sequence[str] | None = None
    """The `sys.path` of the interpreter, if it is not ours."""
    _count: int = field(default=0, init=False)
    _hash_seeds: Iterator[int] = field(default_factory=itertools.count, init=False)

    def __post_init__(self) -> None:
        self.scratch = self.scratch.resolve()
        for name in ("inside", "project", "files", "steps"):
            (self.scratch / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        target = self.scratch / "inside" / "_tta_inside"
        if not target.exists():
            ours = Path(__file__).parent / "inside"
            shutil.copytree(ours, target, ignore=shutil.ignore_patterns("__pycache__"))

    @property
    def project(self) -> Path:
        return self.scratch / "project"

    @property
    def files(self) -> Path:
        return self.scratch / "files"

    @property
    def lent(self) -> Path:
        """What the interpreter lacks, and is lent."""
        return self.scratch / "lent"

    @property
    def has_namespaces(self) -> bool:
        return self.level >= SandboxLevel.NAMESPACES

    def next_hash_seed(self) -> int:
        """Another one each time.

        Of two words in a set every second seed shows the same first: three runs miss a test that
        depends on their order one time in four. So every process that runs tests has its own.
        """
        return next(self._hash_seeds)

    def place(self, name: str) -> Path:
        """A new writable directory for one step."""
        self._count += 1
        place = self.scratch / "steps" / f"{self._count:03d}-{name}"
        (place / "tmp").mkdir(mode=0o700, parents=True)
        return place

    def run_job(
        self,
        place: Path,
        do: str,
        facts: Mapping[str, Any],
        *,
        timeout: float,
        watch: Callable[[], bool] | None = None,
        readable: Sequence[Path] = (),
        flags: Sequence[str] = ("-P",),
    ) -> tuple[Step, dict[str, Any] | None]:
        """Run one of our own jobs; returns how it ended and its report, if it left one."""
        report = place / "report.json"
        job = {
            **facts,
            "do": do,
            "writable": [str(place)],
            "commands": self.has_namespaces,
            "report": str(report),
        }
        # The job stands beside the place: what it asks for cannot be changed from in there.
        file = self.files / f"{place.name}.json"
        file.write_text(json.dumps(job), encoding="utf-8")
        start = self.scratch / "inside" / "_tta_inside" / "start.py"
        arguments = [*flags, str(start), str(file)]
        step = self.run(place, arguments, timeout=timeout, watch=watch, readable=readable)
        return step, read_report(report)

    def run(
        self,
        place: Path,
        arguments: Sequence[str],
        *,
        timeout: float,
        environment: Mapping[str, str] | None = None,
        workspace: Path | None = None,
        readable: Sequence[Path] = (),
        hash_seed: int = 0,
        watch: Callable[[], bool] | None = None,
        said: bytes = b"",
    ) -> Step:
        """Run the task's Python with these arguments.

        Args:
            place: Its writable directory, from `place()`.
            timeout: Seconds of wall-clock time.
            environment: Variables beside the few that every step has.
            workspace: Also let it see the user's own directory, read only, and start there.
            readable: More places that it may read.
            hash_seed: For PYTHONHASHSEED.
            watch: Called about ten times a second; True stops the step.
            said: What standard input holds: a few bytes, or nothing.
        """
        variables = _environment(place, hash_seed) | dict(environment or {})
        if self.lent.is_dir():
            parts = (variables.get("PYTHONPATH"), str(self.lent))
            variables["PYTHONPATH"] = os.pathsep.join(part for part in parts if part)
        command = [self.python, *arguments]
        if self.has_namespaces:
            command = sandbox.wrap(
                command,
                level=int(self.level),
                workspace=str(workspace or place),
                workspace_writable=workspace is None,
                writable=[str(place)],
                readable=[*self._readable(), *map(str, readable)],
                store=str(self.store or ""),
                environment=variables,
            )
        return _run(command, str(workspace or place), variables, timeout, watch, said)

    def _readable(self) -> list[str]:
        places = [str(self.scratch / name) for name in ("inside", "project", "files", "lent")]
        places += sandbox.interpreter_places(self.python)
        # Dependencies that were installed in place stand on the path of the task's interpreter.
        path = sys.path if self.path is None else self.path
        places += [entry for entry in path if os.path.isabs(entry) and os.path.isdir(entry)]
        return places


def best_level(wanted: SandboxLevel) -> SandboxLevel:
    """The level for the steps: namespaces wherever they work, unless none were wanted at all.

    Raises:
        TaskFailure: The machine cannot give the level that is wanted.
    """
    if wanted == SandboxLevel.NONE:
        return SandboxLevel.LIMITS
    available = sandbox.probe()
    if available < wanted:
        raise TaskFailure("sandbox", sandbox.missing(int(wanted), available), sandbox.REMEDY)
    return SandboxLevel.NAMESPACES if available >= sandbox.NAMESPACES else SandboxLevel.LIMITS


def _environment(place: Path, hash_seed: int) -> dict[str, str]:
    """Written out, not filtered: PYTHON*, PYTEST_*, LD_* and every secret stay outside."""
    kept = {name: os.environ[name] for name in ("TZ",) if name in os.environ}
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(place),
        "TMPDIR": str(place / "tmp"),
        "PYTHONHASHSEED": str(hash_seed),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUTF8": "1",
        **kept,
    }


def _run(
    command: Sequence[str],
    directory: str,
    environment: Mapping[str, str],
    timeout: float,
    watch: Callable[[], bool] | None,
    said: bytes,
) -> Step:
    started = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=directory,
        env=dict(environment),
        stdin=subprocess.PIPE if said else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as child:
        try:
            if child.stdin is not None:
                with contextlib.suppress(BrokenPipeError), child.stdin as pipe:
                    pipe.write(said)
            ended, output = _pump(child, started + timeout, watch)
        finally:
            _kill(child)
    code = child.returncode
    seconds = time.monotonic() - started
    return Step(ended, code, output.decode("utf-8", "replace"), seconds)


def _pump(
    child: subprocess.Popen[bytes], deadline: float, watch: Callable[[], bool] | None
) -> tuple[Literal["exited", "timeout", "flood", "stopped"], bytes]:
    assert child.stdout is not None
    pipe = child.stdout.fileno()
    os.set_blocking(pipe, False)
    kept = b""
    total = 0
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        looked = exited = 0.0
        while True:
            for _ in selector.select(0.02 if exited else 0.05):
                chunk = _read(pipe)
                if not chunk:
                    selector.unregister(pipe)
                total += len(chunk)
                kept = (kept + chunk)[-KEPT_OUTPUT:]
            now = time.monotonic()
            if not exited and child.poll() is not None:
                exited = now
            # A grandchild may hold the pipe for ever: the end of the process decides.
            if exited and (not selector.get_map() or now - exited > GRACE):
                return "exited", kept
            if total > MAX_OUTPUT:
                return "flood", kept
            if now > deadline:
                return "timeout", kept
            if watch is not None and now - looked >= TICK:
                looked = now
                if not exited and watch():
                    return "stopped", kept
            if not selector.get_map():
                time.sleep(0.01)  # nothing to select on: the pipe was closed early


def _read(pipe: int) -> bytes:
    try:
        return os.read(pipe, 65536)
    except BlockingIOError:
        return b"\0"  # a false alarm, not the end


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End the whole group, the child first of all; bubblewrap takes its namespace along."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def read_report(path: Path) -> dict[str, Any] | None:
    """The report of a step: an object of JSON; None if there is none that can be used."""
    data = read_bytes(path, MAX_REPORT)
    if data is None:
        return None
    try:
        value: object = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def bad_report(what: str, step: Step) -> TaskFailure:
    """The failure of a step that left nothing usable."""
    return TaskFailure(
        "bad_result",
        f"{what} left no usable report: its process {step.how}.",
        "Look at the detail; if the module is well, this is a defect of tta-interactive.",
        step.output[-4000:],
    )


def missing_package(name: str) -> TaskFailure:
    """The failure of a task whose interpreter lacks pytest or coverage."""
    return TaskFailure(
        "missing_package",
        f"The task's interpreter has no package {name!r}, which checks the tests.",
        'Install it with: pip install "tta-interactive[tests]".',
    )
