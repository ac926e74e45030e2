"""Who is behind a task: a retry hides nobody."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tta_interactive.owner import all_owners
from tta_interactive.task import Task

AGENT = "mcp:local"


def a_task(owner: str, **metadata: Any) -> Task:
    return Task(
        id="t_x8Kd2f9aQmBv71LkPzR3wA",
        kind="shell",
        label="",
        submitted_at=datetime(2026, 1, 1, tzinfo=UTC),
        owner=owner,
        metadata=metadata,
    )


@pytest.mark.parametrize(
    ("task", "owners"),
    [
        (a_task("notebook"), ["notebook"]),
        (a_task("notebook", retry_of="t_a", first_owners=["notebook"]), ["notebook"]),
        (a_task("notebook", retry_of="t_a", first_owners=[AGENT]), ["notebook", AGENT]),
        (a_task("notebook", retry_of="t_a"), ["notebook", "unknown"]),  # an older record
        (a_task("notebook", retry_of="t_a", first_owners="notebook"), ["notebook", "unknown"]),
        (a_task(AGENT, first_owners=["notebook"]), [AGENT, "notebook"]),
    ],
)
def test_all_who_submitted_it_are_named(task: Task, owners: list[str]) -> None:
    assert all_owners(task) == owners
