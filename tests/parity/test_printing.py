"""The text of a tensor equals torch's to the character, on random arrays and options."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from chainrule.printing import format_parameter, format_tensor, set_printoptions

INF, NAN = math.inf, math.nan


def show(values: Any, dtype: str = "float32", **kwargs: Any) -> str:
    return format_tensor(np.asarray(values, dtype=dtype), dtype_name=dtype, **kwargs)


EXAMPLES = settings(derandomize=True, max_examples=200, deadline=None)
MAGNITUDES = st.builds(lambda digits, power: digits * 10.0**power, st.integers(-9999, 9999), st.integers(-12, 8))
FLOATS = [
    st.integers(-2000, 2000).map(float),
    st.floats(-10, 10),
    MAGNITUDES,
    st.one_of(st.integers(-9, 9).map(float), st.sampled_from([NAN, INF, -INF, -0.0, 0.0])),
    st.sampled_from([0.0, -0.0]),
    st.floats(),
]
DTYPES = ["float32", "float64", "float16", "int64", "int32", "uint8", "bool", "complex64"]
SHAPES = st.one_of(
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
    st.tuples(st.integers(1, 60)),
    st.tuples(st.integers(990, 1010)),
    st.sampled_from([(1, 1001), (1001, 1), (25, 50), (4, 300), (7, 8, 20), (6, 6, 6, 6), (2, 2, 2, 200)]),
)


@st.composite
def arrays(draw: st.DrawFn) -> NDArray[Any]:
    """An array of few drawn values in random places: cheap to draw at any size."""
    dtype: np.dtype[Any] = np.dtype(draw(st.sampled_from(DTYPES)))
    if dtype.kind in "fc":
        kind = draw(st.sampled_from(FLOATS))
        values = st.builds(complex, kind, kind) if dtype.kind == "c" else kind
    else:
        bounds = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        values = st.one_of(st.integers(max(bounds[0], -9), min(bounds[1], 9)), st.integers(*bounds))
    with np.errstate(over="ignore", invalid="ignore"):
        pool = np.array(draw(st.lists(values, min_size=1, max_size=8))).astype(dtype)
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    return np.asarray(rng.choice(pool, draw(SHAPES)))


@EXAMPLES
@given(arrays(), st.sampled_from(["", "requires_grad", "grad_fn"]), st.sampled_from(["float32", "float64"]))
def test_equals_torch(array: NDArray[Any], grad: str, default_dtype: str) -> None:
    tensor = torch.from_numpy(array)
    expected: dict[str, Any] = {}
    if grad and array.dtype.kind in "fc":
        tensor.requires_grad_()
        expected["requires_grad"] = True
        if grad == "grad_fn":
            tensor = tensor.clone()
            expected["grad_fn"] = "CloneBackward0"
    torch.set_default_dtype(getattr(torch, default_dtype))
    try:
        text = repr(tensor)
    finally:
        torch.set_default_dtype(torch.float32)
    assert format_tensor(array, dtype_name=str(array.dtype), default_dtype=default_dtype, **expected) == text


OPTIONS = st.fixed_dictionaries(
    {"profile": st.sampled_from(["default", "short", "full"])},
    optional={
        "precision": st.integers(0, 8),
        "threshold": st.integers(0, 40),
        "edgeitems": st.integers(0, 4),
        "linewidth": st.integers(0, 120),
        "sci_mode": st.booleans(),
    },
)


@EXAMPLES
@given(arrays(), OPTIONS)
def test_equals_torch_under_any_options(array: NDArray[Any], options: dict[str, Any]) -> None:
    torch.set_printoptions(**options)
    set_printoptions(**options)
    try:
        assert format_tensor(array, dtype_name=str(array.dtype)) == repr(torch.from_numpy(array))
    finally:
        torch.set_printoptions(profile="default")
        set_printoptions(profile="default")


@pytest.mark.parametrize("length", range(30, 80))
def test_suffixes_break_where_torch_breaks_them(length: int) -> None:
    array = np.array([10 ** (length % 8)] * (length // 8), dtype="int32")
    floats = array.astype("float64") / 2
    assert show(array, "int32") == repr(torch.from_numpy(array))
    assert show(floats, "float64", requires_grad=True) == repr(torch.from_numpy(floats).requires_grad_())


def test_parameter_equals_torch() -> None:
    weights = np.linspace(-1, 1, 12).reshape(3, 4)
    assert format_parameter(weights, dtype_name="float64") == repr(torch.nn.Parameter(torch.from_numpy(weights)))
