"""The same question gives the same answer at once: finished results, by what they depend on.

A result is used again if the module's text, its neighbours, the options, the generator, the
interpreter, pytest, coverage, ruff and its settings are the same. An entry that cannot be trusted in full is no entry.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from tta_interactive.runners.testgen.interpreter import Interpreter
from tta_interactive.runners.testgen.module import Source
from tta_interactive.runners.testgen.reading import read_bytes
from tta_interactive.runners.testgen.report import TestsReport
from tta_interactive.runners.testgen.scratch import Copied

FORMAT = 1
MAX_ENTRY = 16 * 1024 * 1024
MAX_ENTRIES = 200
MAX_SETTINGS = 1024 * 1024


class Entry(BaseModel):
    """One finished generation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    key: str
    report: TestsReport
    text: str
    sha256: str


def cache_key(
    source: Source,
    copied: Copied,
    options: Mapping[str, Any],
    backend: str,
    level: str,
    interpreter: Interpreter,
    settings: Iterable[Path] = (),
) -> str:
    """The fingerprint of everything that a result depends on.

    Args:
        settings: The files that say how the tests' file is laid out, there or not.
    """
    facts = {
        "module": source.name,
        "text": hashlib.sha256(source.data).hexdigest(),
        "neighbours": _neighbours(source, copied),
        "options": dict(options),
        "generator": [backend, FORMAT, _package("tta-interactive")],
        "inside": _inside(),
        "python": interpreter.identity,
        "tools": [_package("ruff")],
        "layout": [_hash_of(file) for file in settings],
        "sandbox": level,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def load(state: Path, key: str) -> tuple[TestsReport, str] | None:
    """(report, text of the file) of the same question, or None."""
    data = read_bytes(_place(state) / f"{key}.json", MAX_ENTRY)
    if data is None:
        return None
    try:
        entry = Entry.model_validate_json(data)
    except (ValidationError, RecursionError):
        return None
    is_right = entry.format == FORMAT and entry.key == key
    if not is_right or hashlib.sha256(entry.text.encode()).hexdigest() != entry.sha256:
        return None
    return entry.report.model_copy(update={"cached": True}), entry.text


def save(state: Path, key: str, report: TestsReport, text: str) -> None:
    """Keep a result. A cache that cannot be written is no reason to fail."""
    entry = Entry(
        format=FORMAT,
        key=key,
        report=report,
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )
    place = _place(state)
    with contextlib.suppress(OSError):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        number, part = tempfile.mkstemp(dir=place, prefix=".part-")
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(entry.model_dump_json())
        os.replace(part, place / f"{key}.json")
        _prune(place)


def _prune(place: Path) -> None:
    entries = sorted(place.glob("*.json"), key=lambda path: path.lstat().st_mtime, reverse=True)
    for old in entries[MAX_ENTRIES:]:
        old.unlink(missing_ok=True)


def _place(state: Path) -> Path:
    return state / "cache" / "testgen"


def _neighbours(source: Source, copied: Copied) -> str:
    """A hash of the module's package, or of the files beside a module without one.

    Files of tests do not count: our own output must not spoil the next answer.
    """
    parts = source.relative.parts
    base = copied.root / parts[0] if len(parts) > 1 else copied.root
    found = base.rglob("*.py") if len(parts) > 1 else base.glob("*.py")
    digest = hashlib.sha256()
    for path in sorted(found):
        if not path.name.startswith("test_") and path.name != "conftest.py":
            text = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path.relative_to(copied.root)}\0{text}\0".encode())
    return digest.hexdigest()


def _hash_of(file: Path) -> str:
    data = read_bytes(file, MAX_SETTINGS)
    return "" if data is None else hashlib.sha256(data).hexdigest()


def _inside() -> str:
    """A hash of the generator itself: while it is worked on, its version stays."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
