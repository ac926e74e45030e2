"""What Tab offers on a line of ours."""

import pytest

from tta_interactive.notebook.completer import offers


def tasks() -> list[str]:
    return ["t_a1", "t_b2", "refit"]


def variables() -> list[str]:
    return ["data", "date", "lr"]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("%tta_submit --pri", ["--priority"]),
        ("x = %tta_submit shell --priority h", ["high"]),
        ("%tta_submit te", ["tests"]),
        ("%%tta_submit wor", ["workflow"]),
        ("%tta_submit tests src/", []),
        ("%tta_submit shell -- --pri", []),
        ("%%tta_submit --in ", ["data", "date", "lr"]),
        ("%%tta_submit --in dat", ["data", "date"]),
        ("%%tta_submit --in data,d", ["data,date"]),
        ("%tta_wait ", ["t_a1", "t_b2", "refit"]),
        ("r = %tta_wait t_", ["t_a1", "t_b2"]),
        ("%tta_logs re", ["refit"]),
        ("%tta_wait --timeout ", []),
        ("%tta_list --state can", ["cancelled"]),
    ],
)
def test_a_line_of_ours_is_completed_with_what_may_stand_there(
    line: str, offered: list[str]
) -> None:
    assert offers(line, tasks, variables) == offered


@pytest.mark.parametrize(
    "line", ["x = 1", "%time x", "%tta_nothing ", "%tta_submit", "y%tta_wait "]
)
def test_other_lines_are_left_alone(line: str) -> None:
    assert offers(line, tasks, variables) is None
