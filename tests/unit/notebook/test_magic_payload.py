"""What can be sent to a task as a pickle, one sentence per test."""

import base64
import pickle
import threading
import tracemalloc

import pytest

from tta_interactive.errors import InvalidRequestError
from tta_interactive.notebook.payload import MAX_BYTES, pickled_call


def test_a_call_comes_back_as_it_was() -> None:
    factor = 3
    data = pickled_call(lambda x, y: x * y * factor, [2], {"y": 5})
    function, args, kwargs = pickle.loads(base64.b64decode(data))
    assert function(*args, **kwargs) == 30


def test_a_function_named_by_its_module_is_imported_only_where_it_is_called() -> None:
    data = base64.b64decode(pickled_call("no_such_module:f", [{1}], {}))
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        pickle.loads(data)
    function, args, _ = pickle.loads(base64.b64decode(pickled_call("os.path:join", ["a"], {})))
    assert function(*args, "b") == "a/b"


def test_what_cannot_be_pickled_is_named() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        pickled_call("m:f", [], {"good": {1}, "bad": threading.Lock()})
    assert str(caught.value).startswith("'bad' (of type lock) cannot be sent to a task: it cannot")
    lock = threading.Lock()
    with pytest.raises(InvalidRequestError, match=r"^the function \(of type function\)"):
        pickled_call(lambda: lock, [], {})


def test_an_object_whose_pickling_raises_is_named() -> None:
    class Hostile:
        def __reduce__(self) -> str:
            raise RuntimeError("no")

    with pytest.raises(InvalidRequestError, match=r"argument 1 .*RuntimeError: no"):
        pickled_call("m:f", [Hostile()], {})


def test_a_huge_value_is_refused_by_name_without_a_copy() -> None:
    big = bytearray(100 * 1024 * 1024)
    tracemalloc.start()
    try:
        with pytest.raises(
            InvalidRequestError, match=r"^'data' \(of type bytearray\).* needs more"
        ):
            pickled_call("m:f", [], {"data": big})
        assert tracemalloc.get_traced_memory()[1] < 2 * len(big)
    finally:
        tracemalloc.stop()


def test_several_values_that_are_too_large_together_are_refused() -> None:
    half = b"x" * (MAX_BYTES // 2 + 1)
    with pytest.raises(InvalidRequestError, match=r"^the call as a whole"):
        pickled_call("m:f", [half, half + b"y"], {})
