"""What a finished generation tells: figures that were measured, and how to get them again."""

from typing import Annotated

from pydantic import StringConstraints

from tta_interactive.described import Described

Shown = Annotated[str, StringConstraints(max_length=1000)]


class Coverage(Described):
    """Branch coverage of the module, in percent."""

    line: float
    """Of its lines."""
    branch: float
    """Of its branches; 100 if it has none."""


class Durations(Described):
    """Seconds of wall-clock time."""

    generate: float
    verify: float
    measure: float
    total: float


class Suspicion(Described):
    """Something that looks like a bug. No test holds it."""

    kind: Shown
    """`undocumented exception`, `example fails`, `no round trip`, `equality` or `order`."""
    subject: Shown
    """The function or method, as `Class.method`."""
    call: Shown
    """Source text that shows it. Untrusted, as are all texts here."""
    said: Shown
    """What one would expect, and where that is said."""
    seen: Shown
    """What came instead."""
    line: int = 0
    """The line of the module that it points at; 0: none."""


class Survivor(Described):
    """A small change of the module that no kept test notices."""

    line: int
    was: str
    """The line as it is."""
    became: str
    """The line as it was changed; empty if it was taken away."""


class Mutation(Described):
    """How many small changes of the module the kept tests notice."""

    sampled: int
    """Changes that were tried, or that no test reaches."""
    killed: int
    """Of these, those that make a test fail."""
    percent: float
    """Killed of sampled; 100 if there was nothing to change."""
    survived: tuple[Survivor, ...]


class TestsReport(Described):
    """The result of a `tests` task."""

    __test__ = False  # the name is a user's word: pytest must not collect it
    success: bool
    """Whether the threshold was met. The file is on disk and passes either way."""
    module_path: str
    """As it was asked for."""
    module: str
    """As `import` calls it."""
    output_path: str
    """The test file, relative to the workspace."""
    generated: int
    """Tests that the backend wrote."""
    kept: int
    """Tests in the file: each passed three times of three, and in the real tree. Each row of a
    parametrised test counts."""
    functions: int = 0
    """Test functions that hold them."""
    failed: int
    """Dropped: did not pass."""
    flaky: int
    """Dropped: passed once and not again."""
    useless: int
    """Dropped: reached nothing that the others do not reach."""
    line: float
    """Percent of the module's lines that the kept tests run."""
    branch: float
    """Percent of its branches; 100 if it has none."""
    baseline: Coverage
    """What the import alone reaches; of a file that was extended: what its tests reached."""
    extended: bool = False
    """Whether the tests were added to a file that was there, and nothing else in it touched."""
    uncovered: str
    """The lines that no kept test runs, as `3, 7-9`."""
    covered: str
    """The lines that they run."""
    partial: str
    """Of those: the ones with a branch that they never take."""
    module_file: str
    """The module, relative to the workspace where it lies in it."""
    module_hash: str
    """SHA-256 of what was measured."""
    timeline: tuple[tuple[float, float], ...]
    """Coverage over time: seconds since the start, and percent of the module's lines."""
    files: tuple[str, ...]
    """What was written, relative to the workspace."""
    suspicious: tuple[Suspicion, ...] = ()
    """Behaviour that looks like a bug, most telling first: look there before you trust it."""
    threshold: float
    """Percent of lines that was asked for."""
    threshold_met: bool
    mutation: Mutation | None = None
    """Of the kept tests, if it was asked for."""
    durations: Durations
    command: str
    """Runs the kept file, in the workspace."""
    coverage_command: str
    """Measures it again."""
    backend: str
    seed: int
    rounds: int
    """How often the backend was asked."""
    sandbox: str
    """The level that every step ran at."""
    is_whole_project: bool
    """Whether the whole project was there to be imported; large ones are cut."""
    notes: tuple[str, ...] = ()
    """What else a reader of the file should know."""
    cached: bool = False
    """Whether this is an earlier result of the same question, and the file was put back."""
