"""Arrays of numpy and frames of pandas: as expressions, and compared as their own packages do.

Neither is imported here: a module under test that has such values has loaded them.
"""

import math
import sys
from typing import Any

MAX_SIZE = 60
MAX_TEXT = 400
KINDS = "biufU"  # bool, int, unsigned, float, text: what a list of literals makes again


def assertions(value: Any, subject: str) -> list[str]:
    """About an array, a series, a frame or a scalar of numpy; none about anything else."""
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    try:
        if pandas is not None and type(value) in (pandas.Series, pandas.DataFrame):
            return _of_pandas(pandas, value, subject)
        if numpy is not None and type(value) is numpy.ndarray:
            return _of_array(value, subject)
        if numpy is not None and isinstance(value, numpy.generic):
            return _of_scalar(value, subject)
    except (TypeError, ValueError, RecursionError):  # a dtype with ways of its own
        return []
    return []


def _of_array(value: Any, subject: str) -> list[str]:
    about = [f"assert {subject}.shape == {tuple(value.shape)}"]
    kind = f"assert {subject}.dtype == {str(value.dtype)!r}"
    if value.dtype.kind not in KINDS or value.size > MAX_SIZE:
        return [*about, kind] if value.dtype.kind != "V" else about
    written = _list(value.tolist())
    if value.size == 0 or len(written) > MAX_TEXT:
        return [*about, kind]
    same = "assert_allclose" if value.dtype.kind == "f" else "assert_array_equal"
    return [f"numpy.testing.{same}({subject}, {written})", kind]


def _of_scalar(value: Any, subject: str) -> list[str]:
    plain = value.item()
    kind = f"assert {subject}.dtype == {str(value.dtype)!r}"
    if type(plain) is float:
        if math.isnan(plain):
            return [f"assert {subject} != {subject}", kind]
        return [f"assert {subject} == pytest.approx({_item(plain)})", kind]
    return [f"assert {subject} == {plain!r}", kind] if type(plain) in (bool, int, str) else [kind]


def _of_pandas(pandas: Any, value: Any, subject: str) -> list[str]:
    is_series = type(value) is pandas.Series
    made = _series(value) if is_series else _frame(value)
    name = "series" if is_series else "frame"
    length = [f"assert len({subject}) == {len(value)}"]
    if made is None or len(made) > MAX_TEXT:
        columns = [] if is_series else [f"assert {subject}.shape == {tuple(value.shape)}"]
        return columns or length
    # Proof that the expression gives an equal one: dtypes and indexes have many forms.
    again = eval(made, {"pandas": pandas, "float": float})  # noqa: S307  (literals, written here)
    try:
        getattr(pandas.testing, f"assert_{name}_equal")(value, again)
    except AssertionError:
        return length if is_series else [f"assert {subject}.shape == {tuple(value.shape)}"]
    return [f"pandas.testing.assert_{name}_equal({subject}, {made})"]


def _series(value: Any) -> str | None:
    written = _literals(value.tolist())
    if written is None or value.size > MAX_SIZE:
        return None
    more = _index(value) + f", dtype={str(value.dtype)!r}"
    more += "" if value.name is None else f", name={value.name!r}"
    return f"pandas.Series({written}{more})"


def _frame(value: Any) -> str | None:
    if value.size > MAX_SIZE or not value.columns.is_unique:
        return None
    columns: list[str] = []
    for name in value.columns:
        written = _literals(value[name].tolist())
        if type(name) not in (str, int) or written is None:
            return None
        columns.append(f"{name!r}: {written}")
    return f"pandas.DataFrame({{{', '.join(columns)}}}{_index(value)})"


def _index(value: Any) -> str:
    there: list[Any] = value.index.tolist()
    return "" if there == list(range(len(there))) else f", index={_list(there)}"


def _literals(items: list[Any]) -> str | None:
    if all(item is None or type(item) in (bool, int, float, str) for item in items):
        return _list(items)
    return None


def _list(items: list[Any]) -> str:
    return "[" + ", ".join(_item(item) for item in items) + "]"


def _item(value: Any) -> str:
    if isinstance(value, list):
        return _list(value)  # pyright: ignore[reportUnknownArgumentType]
    if type(value) is float and not math.isfinite(value):
        return f"float('{value}')"
    return repr(value)
