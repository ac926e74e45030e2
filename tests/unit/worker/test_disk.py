"""A task that fills the disk is stopped while something is left for everybody else."""

import os
import shutil
from pathlib import Path

from attempt_tools import Attempts

from tta_interactive.worker.disk import LONGEST, SHORTEST, DiskWatch

MIB = 1024 * 1024


def free(place: Path) -> int:
    return shutil.disk_usage(place).free


def test_a_task_that_fills_the_disk_is_stopped_and_told_so(attempts: Attempts) -> None:
    # Others write here too: the distances are large.
    limit = free(attempts.workspace) - 300 * MIB
    big = attempts.workspace / "big"
    attempt = attempts.shell(f"fallocate -l {900 * MIB} {big}; sleep 600", min_free=limit)
    outcome = attempt.outcome()
    big.unlink()
    assert outcome.error is not None
    assert (outcome.status, outcome.error["code"]) == ("failed", "disk")
    assert "nearly full" in outcome.error["message"]
    assert "Make room" in outcome.error["remedy"]
    assert outcome.survivors == ()


def test_a_task_that_writes_within_bounds_is_left_alone(attempts: Attempts) -> None:
    limit = free(attempts.workspace) - 900 * MIB
    script = f"fallocate -l {50 * MIB} {attempts.workspace}/some; sleep 0.5"
    assert attempts.shell(script, min_free=limit).outcome().status == "completed"


def test_who_starts_on_a_full_disk_is_not_blamed_for_it(tmp_path: Path) -> None:
    watch = DiskWatch([str(tmp_path)], 1 << 60)
    assert not watch.is_low(0.0)


def test_looks_are_rare_where_there_is_room_and_frequent_where_there_is_none(
    tmp_path: Path,
) -> None:
    roomy = DiskWatch([str(tmp_path)], 1)
    assert roomy.is_low(100.0) is False
    assert 100 + SHORTEST <= roomy.due <= 100 + LONGEST
    close = DiskWatch([str(tmp_path)], free(tmp_path) - 50 * MIB)
    close.is_low(100.0)
    assert close.due < roomy.due
    assert DiskWatch([str(tmp_path)], 0).due == float("inf")


def test_a_place_that_is_gone_is_not_the_disk_s_matter(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    watch = DiskWatch([str(place)], 1)
    os.rmdir(place)
    assert not watch.is_low(0.0)
