"""What an interpreter is, and where it finds a module. Runs in any Python from 3.8 on."""

from __future__ import annotations

import importlib.util
import sys
from importlib import metadata
from typing import Any

from .place import write_report

TOOLS = ("pytest", "coverage", "pluggy", "iniconfig", "packaging", "pygments")


def run(job: dict[str, Any]) -> None:
    """Report its version and path, its tools, and where the module `find` would come from."""
    found = importlib.util.find_spec(job["find"]) if job["find"] else None
    report = {
        "version": list(sys.version_info[:3]),
        "implementation": sys.implementation.name,
        "text": sys.version,
        "path": sys.path,
        "tools": {name: version for name in TOOLS if (version := _version(name))},
        "found": None if found is None else _places(found),
    }
    write_report(job["report"], report)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _places(found: Any) -> dict[str, Any]:
    folders = found.submodule_search_locations
    return {
        "origin": found.origin if found.has_location else None,
        "folders": None if folders is None else list(folders),
    }
