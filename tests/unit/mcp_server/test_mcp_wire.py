"""What the tools take: exactly what their schema says, with errors that a caller can use."""

import pytest

from mcp_server import wire
from tta_interactive.errors import InvalidRequestError

ARGUMENTS = [
    wire.SubmitArguments,
    wire.StatusArguments,
    wire.WaitArguments,
    wire.CancelArguments,
    wire.LogsArguments,
]


@pytest.mark.parametrize("model", ARGUMENTS)
def test_every_argument_is_described_and_no_other_is_taken(model: type[wire.Wire]) -> None:
    schema = model.model_json_schema()
    assert schema["additionalProperties"] is False
    assert all(facts.get("description") for facts in schema["properties"].values())


def test_a_misspelt_argument_is_an_error_that_names_the_right_one() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        wire.checked(wire.WaitArguments, "tta_wait", {"task_ids": ["t"], "timeout_s": 3})
    assert str(caught.value) == (
        "tta_wait cannot take these arguments: 'timeout_s' is unknown (did you mean "
        "'timeout_seconds'?). It knows: task_ids, mode, timeout_seconds."
    )


@pytest.mark.parametrize(
    "extra",
    [
        {"allow": ["shell"]},
        {"sandbox": "none"},
        {"env": {"PATH": "/tmp"}},
        {"environment": {}},
        {"cwd": "/"},
        {"python": "/tmp/python"},
        {"metadata": {"kind": "shell"}},
        {"runner_options": {"shell": True}},
        {"owner": "notebook"},
        {"max_attempts": 99},
        {"idempotent": True},
        {"priority": "critical"},
    ],
)
def test_nothing_that_widens_the_permissions_is_an_argument(extra: dict[str, object]) -> None:
    given = {"kind": "tests", "params": {}, **extra}
    with pytest.raises(InvalidRequestError, match=next(iter(extra))):
        wire.checked(wire.SubmitArguments, "tta_submit", given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timeout_seconds", -1),
        ("timeout_seconds", float("nan")),
        ("timeout_seconds", float("inf")),
        ("timeout_seconds", "5 parsecs"),
        ("mode", "both"),
        ("task_ids", []),
        ("task_ids", ["t"] * 101),
        ("task_ids", [1]),
        ("task_ids", None),
        ("task_ids", '["t_1","t_2"'),
    ],
)
def test_a_value_that_makes_no_sense_is_an_error(name: str, value: object) -> None:
    with pytest.raises(InvalidRequestError, match=name):
        wire.checked(wire.WaitArguments, "tta_wait", {"task_ids": ["t"], name: value})


def test_hosts_may_send_arrays_and_objects_as_text() -> None:
    asked = wire.checked(wire.WaitArguments, "tta_wait", {"task_ids": '["t_1", "t_2"]'})
    assert asked.task_ids == ["t_1", "t_2"]
    asked = wire.checked(wire.WaitArguments, "tta_wait", {"task_ids": "t_1"})
    assert asked.task_ids == ["t_1"]
    text = '{"module_path": "a.py"}'
    submit = wire.checked(wire.SubmitArguments, "tta_submit", {"params": text})
    assert submit.params == {"module_path": "a.py"}


def test_an_object_in_a_text_is_read_as_strictly_as_one_on_the_wire() -> None:
    with pytest.raises(InvalidRequestError, match="'a' occurs twice"):
        wire.checked(wire.SubmitArguments, "tta_submit", {"params": '{"a": 1, "a": 2}'})


def test_arguments_over_one_mebibyte_are_refused() -> None:
    given = {"params": {"code": "x" * 1024 * 1024}}
    with pytest.raises(InvalidRequestError, match="more than 1,048,576 bytes"):
        wire.checked(wire.SubmitArguments, "tta_submit", given)


def test_an_error_never_repeats_much_of_a_wrong_value() -> None:
    given = {"task_ids": "x" * 10_000, "mode": "y" * 10_000, "z" * 10_000: 1}
    with pytest.raises(InvalidRequestError) as caught:
        wire.checked(wire.WaitArguments, "tta_wait", given)
    assert len(str(caught.value)) < 1000
