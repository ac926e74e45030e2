"""`tta doctor`: it looks at any store, also a broken one, and never writes."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.tta_command import fingerprint, surroundings
from tta_interactive.blocking import BlockingEngine
from tta_interactive.cli.doctor import all_checks
from tta_interactive.worker.start import stop_worker

DOCTOR_WITH_WITNESS = """
import os, sys
touched = []
def witness(event, args):
    if event in ("open", "os.open") and "tasks.db" in str(args[0]):
        touched.append((event, args))
sys.addaudithook(witness)
from tta_interactive.cli.main import main
code = main(["doctor", "--json"])
assert not touched, touched
sys.exit(code)
"""


def a_finished_store(home: Path) -> None:
    with BlockingEngine(home) as engine:
        engine.wait(engine.submit("shell", {"script": "true"}), 30)
    assert stop_worker(home)


def doctors_view(home: Path) -> tuple[int, dict[str, dict[str, str]]]:
    command = subprocess.run(
        [sys.executable, "-c", DOCTOR_WITH_WITNESS],
        env=surroundings(home),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert command.stderr == ""
    return command.returncode, {each["name"]: each for each in json.loads(command.stdout)["checks"]}


def damage_not_a_database(home: Path) -> None:
    (home / "tasks.db").write_bytes(b"no database at all " * 400)


def damage_flipped(home: Path) -> None:
    data = bytearray((home / "tasks.db").read_bytes())
    data[4096 : 4096 + 2000] = b"\xff" * 2000
    (home / "tasks.db").write_bytes(data)


def damage_truncated(home: Path) -> None:
    os.truncate(home / "tasks.db", 4096)


def damage_newer(home: Path) -> None:
    data = bytearray((home / "tasks.db").read_bytes())
    data[60:64] = (99).to_bytes(4, "big")  # user_version: sqlite.org/fileformat2.html 1.3
    (home / "tasks.db").write_bytes(data)


def damage_linked(home: Path) -> None:
    (home / "tasks.db").rename(home / "elsewhere")
    (home / "tasks.db").symlink_to(home / "elsewhere")


def damage_open_to_others(home: Path) -> None:
    home.chmod(0o777)


DAMAGE = [
    damage_not_a_database,
    damage_flipped,
    damage_truncated,
    damage_newer,
    damage_linked,
    damage_open_to_others,
]


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_c7_doctor_tells_of_a_broken_store_and_touches_nothing(home: Path, damage: Any) -> None:
    a_finished_store(home)
    damage(home)
    before = fingerprint(home)
    code, checks = doctors_view(home)
    assert code == 6
    assert checks["store"]["state"] == "trouble"
    assert fingerprint(home) == before


def test_c7_doctor_writes_nothing_to_a_store_at_rest(home: Path) -> None:
    a_finished_store(home)
    before = fingerprint(home)
    code, checks = doctors_view(home)
    assert code == 0
    assert "intact" in checks["store"]["detail"]
    assert "1 completed" in checks["store"]["detail"]
    assert fingerprint(home) == before


def test_c7_doctor_writes_nothing_to_what_a_crash_left(home: Path) -> None:
    crash = (
        "import os, sys\nfrom pathlib import Path\nfrom tests.conftest import a_task\n"
        "from tta_interactive.store import open_store\n"
        "open_store(Path(sys.argv[1])).add([a_task()])\n"
        "os.kill(os.getpid(), 9)\n"
    )
    a_finished_store(home)
    environment = surroundings(home)
    crashed = subprocess.run([sys.executable, "-c", crash, str(home)], env=environment, check=False)
    assert crashed.returncode == -signal.SIGKILL
    before = fingerprint(home)
    code, checks = doctors_view(home)
    assert fingerprint(home) == before
    assert code == 0
    assert "1 queued" in checks["store"]["detail"]
    (home / "tasks.db-shm").unlink()  # half of what SQLite needs: looking would write
    half = fingerprint(home)
    assert doctors_view(home)[1]["store"]["state"] == "warning"
    assert fingerprint(home) == half


@pytest.mark.parametrize(
    ("found", "state"), [((3, 40, 1), "warning"), ((3, 51, 2), "warning"), ((3, 51, 3), "ok")]
)
def test_a_sqlite_with_the_wal_reset_bug_is_a_warning(  # D14
    home: Path, monkeypatch: pytest.MonkeyPatch, found: tuple[int, int, int], state: str
) -> None:
    monkeypatch.setenv("TTA_HOME", str(home))
    monkeypatch.setattr(sqlite3, "sqlite_version_info", found)
    (check,) = [check for check in all_checks() if check.name == "sqlite"]
    assert check.state == state
    assert ("3.51.3" in check.detail) == (state == "warning")


def test_the_fingerprint_sees_what_a_read_only_sqlite_would_write(home: Path) -> None:
    a_finished_store(home)
    before = fingerprint(home)
    look = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], uri=True);"
    look += "db.execute('SELECT count(*) FROM tasks').fetchone()"
    uri = f"file:{home}/tasks.db?mode=ro"
    subprocess.run([sys.executable, "-c", look, uri], check=True)
    assert fingerprint(home) != before


def test_c7_doctor_looks_at_a_store_in_use_without_disturbing_it(
    home: Path, engine: BlockingEngine
) -> None:
    engine.wait(engine.submit("shell", {"script": "true"}), 30)
    code, checks = doctors_view(home)
    assert code == 0
    assert "1 completed" in checks["store"]["detail"]
    assert "is process" in checks["worker"]["detail"]
    assert "rings" in checks["doorbell"]["detail"]
    assert engine.wait(engine.submit("shell", {"script": "true"}), 30).status == "completed"


def test_c7_doctor_on_a_missing_store_makes_none(home: Path) -> None:
    code, checks = doctors_view(home)
    assert code == 0
    assert "none yet" in checks["store"]["detail"]
    assert not home.exists()


# ---- C9: poor terminals
