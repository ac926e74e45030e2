"""Arrays and frames are compared as their own packages do it, and made from plain lists."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pandas
import pandas.testing
import pytest

from tests.unit.testgen.test_devices import generated
from tta_interactive.runners.testgen.inside.generate.numeric import assertions

NAN = float("nan")
VALUES: list[tuple[Any, list[str]]] = [
    (
        numpy.array([1.5, NAN]),
        [
            "numpy.testing.assert_allclose(result, [1.5, float('nan')])",
            "assert result.dtype == 'float64'",
        ],
    ),
    (
        numpy.array([[1, 2], [3, 4]]),
        [
            "numpy.testing.assert_array_equal(result, [[1, 2], [3, 4]])",
            "assert result.dtype == 'int64'",
        ],
    ),
    (
        numpy.zeros((20, 30)),
        ["assert result.shape == (20, 30)", "assert result.dtype == 'float64'"],
    ),
    (
        numpy.float64(0.1),
        ["assert result == pytest.approx(0.1)", "assert result.dtype == 'float64'"],
    ),
    (numpy.int32(3), ["assert result == 3", "assert result.dtype == 'int32'"]),
    (
        pandas.Series([1, 2], name="n", index=["a", "b"]),
        [
            "pandas.testing.assert_series_equal(result, pandas.Series([1, 2], "
            "index=['a', 'b'], dtype='int64', name='n'))"
        ],
    ),
    (
        pandas.DataFrame({"a": [1.5, NAN], "b": ["x", "y"]}),
        [
            "pandas.testing.assert_frame_equal(result, "
            "pandas.DataFrame({'a': [1.5, float('nan')], 'b': ['x', 'y']}))"
        ],
    ),
    (pandas.DataFrame({"a": [object(), 1]}), ["assert result.shape == (2, 1)"]),
]


@pytest.mark.parametrize(("value", "lines"), VALUES, ids=range(len(VALUES)))
def test_an_array_or_frame_is_compared_by_its_package(value: Any, lines: list[str]) -> None:
    assert assertions(value, "result") == lines
    space = {"numpy": numpy, "pandas": pandas, "pytest": pytest, "result": value}
    for line in lines:
        exec(line, dict(space))


@pytest.mark.parametrize("value", [[1, 2], 1.5, "text", None, {"a": 1}])
def test_plain_values_are_left_to_plain_assertions(value: object) -> None:
    assert assertions(value, "result") == []


MODULE = """
    import numpy as np
    import numpy.typing as npt
    import pandas as pd


    def scaled(values):
        values = np.asarray(values)
        if values.ndim == 2:
            return values / 2
        return values * 2.5


    def positive(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        return values > 0


    def doubled(frame: pd.DataFrame) -> pd.DataFrame:
        if frame.empty:
            raise ValueError("nothing to double")
        return pd.concat([frame, frame], ignore_index=True)
"""


def test_functions_that_take_arrays_and_frames_get_tests_that_pass(tmp_path: Path) -> None:
    report = generated(tmp_path, MODULE, seconds=4.0)
    assert report["missing"] == []
    source = report["source"]
    assert "numpy.testing.assert_allclose(" in source
    assert "pandas.testing.assert_frame_equal(" in source
    assert "match=re.escape('nothing to double')" in source
    (tmp_path / "test_m.py").write_text(source, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_m.py"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout
