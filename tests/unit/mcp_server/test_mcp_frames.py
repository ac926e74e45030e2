"""What the wire refuses, and that every refusal can be answered."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp_types.jsonrpc import JSONRPCNotification, JSONRPCRequest

from mcp_server.frames import MAX_FRAME_BYTES, JsonError, Refusal, read_frame, strict_json

PING = '{"jsonrpc":"2.0","id":7,"method":"ping"}'


def call(arguments: str) -> bytes:
    """A request with id 7 whose arguments are the given JSON text."""
    text = (
        '{"jsonrpc":"2.0","id":7,"method":"tools/call",'
        f'"params":{{"name":"tta_status","arguments":{arguments}}}}}'
    )
    return text.encode()


def refused(line: bytes) -> Refusal:
    frame = read_frame(line)
    assert isinstance(frame, Refusal)
    return frame


def test_a_request_is_read_as_it_is() -> None:
    frame = read_frame(PING.encode() + b"\r")
    assert frame == JSONRPCRequest(jsonrpc="2.0", id=7, method="ping")


def test_a_notification_is_read_as_it_is() -> None:
    frame = read_frame(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
    assert frame == JSONRPCNotification(jsonrpc="2.0", method="notifications/initialized")


@pytest.mark.parametrize("line", [b"", b"  ", b"\r"])
def test_an_empty_line_is_nothing(line: bytes) -> None:
    assert read_frame(line) is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ('{"kind":"tests","kind":"shell"}', "The key 'kind' occurs twice"),
        ('{"a":{"b":1,"b":1}}', "The key 'b' occurs twice"),
        ('{"a":NaN}', "NaN is no JSON"),
        ('{"a":-Infinity}', "-Infinity is no JSON"),
        ('{"a":1e999}', "The number 1e999 is too large"),
        ('{"a":9223372036854775808}', "more than 63 bits"),
        ('{"a":' + "9" * 100_000 + "}", "more than 63 bits"),
        (r'{"a":"\ud800"}', "half of a surrogate pair"),
        (r'{"\udfff":1}', "half of a surrogate pair"),
        ('{"a":' + "[" * 70 + "]" * 70 + "}", "nested deeper than 64 levels"),
        ('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "nested deeper than 64 levels"),
        ('{"a":' + '{"b":' * 100_000 + "1" + "}" * 100_001, "nested deeper than 64 levels"),
    ],
)
def test_json_with_more_than_one_meaning_is_refused_to_its_caller(
    arguments: str, words: str
) -> None:
    answer = refused(call(arguments)).answer
    assert answer.id == 7
    assert words in answer.error.message


def test_a_whole_surrogate_pair_is_text() -> None:
    frame = read_frame(call(r'{"task_id":"\ud83d\ude00"}'))
    assert isinstance(frame, JSONRPCRequest)
    assert frame.params == {"name": "tta_status", "arguments": {"task_id": "\U0001f600"}}


def test_the_largest_and_the_smallest_integer_pass() -> None:
    assert strict_json("[9223372036854775807, -9223372036854775807]") == [2**63 - 1, 1 - 2**63]


@pytest.mark.parametrize("line", [b"not json", b"\x00\x00\x00", b"[", b'"text"', b"[]", b"nul"])
def test_what_is_no_message_is_answered_without_an_id(line: bytes) -> None:
    assert refused(line).answer.id is None


def test_a_batch_is_refused() -> None:
    answer = refused(f"[{PING},{PING}]".encode()).answer
    assert (answer.id, answer.error.code) == (None, -32600)


@pytest.mark.parametrize("request_id", ["null", "true", "1.5", "[1]", "{}"])
def test_a_strange_id_is_refused(request_id: str) -> None:
    line = f'{{"jsonrpc":"2.0","id":{request_id},"method":"ping"}}'.encode()
    assert refused(line).answer.id is None


def test_text_that_is_not_utf8_is_refused_to_its_caller() -> None:
    answer = refused(call('{"a":"?"}').replace(b"?", b"\xff")).answer
    assert (answer.id, answer.error.code) == (7, -32700)


def test_a_line_that_is_too_long_is_refused_to_its_caller() -> None:
    line = call(json.dumps({"a": "x" * MAX_FRAME_BYTES}))
    answer = refused(line).answer
    assert answer.id == 7
    assert "more than 1,114,112 bytes" in answer.error.message


def test_no_text_in_the_arguments_passes_for_the_id() -> None:
    line = b'{"jsonrpc":"2.0","method":"tools/call","params":{"id":3,"a":'
    assert refused(line).answer.id is None
    assert refused(b'{"method":"\\"","id":3,').answer.id is None


def test_an_id_may_be_a_text() -> None:
    assert refused(b'{"id": "a-1", "jsonrpc": "2.0", ').answer.id == "a-1"


def test_strict_json_says_what_is_wrong() -> None:
    with pytest.raises(JsonError, match="occurs twice"):
        strict_json('{"a":1,"a":2}')
    with pytest.raises(JsonError, match="no JSON"):
        strict_json("{")


@given(st.binary(max_size=300))
def test_any_bytes_have_one_answer(line: bytes) -> None:
    frame = read_frame(line)
    assert (frame is None) == (not line.strip())


@given(st.data())
def test_a_damaged_request_is_read_or_refused_and_never_raises(data: st.DataObject) -> None:
    line = bytearray(call('{"task_ids":["t_1"],"timeout_seconds":2.5}'))
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(line) - 1))
        line[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
        if not line.strip():
            return
    assert read_frame(bytes(line)) is not None
