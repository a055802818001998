"""Printing, by golden texts; tests/parity compares with PyTorch's `repr` on random arrays."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from chainrule.printing import format_parameter, format_tensor, set_printoptions

INF, NAN = math.inf, math.nan


@pytest.fixture(autouse=True)
def default_options() -> Iterator[None]:
    yield
    set_printoptions(profile="default")


def show(values: Any, dtype: str = "float32", **kwargs: Any) -> str:
    return format_tensor(np.asarray(values, dtype=dtype), dtype_name=dtype, **kwargs)


GOLDEN = [
    # notation
    (3.0, "float32", "tensor(3.)"),
    (-2.5, "float32", "tensor(-2.5000)"),
    ([1, 2.5, -3], "float32", "tensor([ 1.0000,  2.5000, -3.0000])"),
    ([1, 1000], "float32", "tensor([   1., 1000.])"),
    ([1, 1001], "float32", "tensor([1.0000e+00, 1.0010e+03])"),
    ([1.5, 1500], "float32", "tensor([   1.5000, 1500.0000])"),
    ([1e8], "float64", "tensor([100000000.], dtype=torch.float64)"),
    ([1e8 + 1], "float64", "tensor([1.0000e+08], dtype=torch.float64)"),
    ([1e-4], "float64", "tensor([0.0001], dtype=torch.float64)"),
    ([1e-4], "float32", "tensor([1.0000e-04])"),  # in float32 it is a little less than 1e-4
    ([1e308, 1e-308], "float64", "tensor([1.0000e+308, 1.0000e-308], dtype=torch.float64)"),
    ([65504, 6e-8], "float16", "tensor([6.5504e+04, 5.9605e-08], dtype=torch.float16)"),
    # what does not decide the notation or the width
    ([0, NAN], "float32", "tensor([0., nan])"),
    ([-0.0, 0, 5], "float32", "tensor([-0., 0., 5.])"),
    ([INF, -INF, 1], "float32", "tensor([inf, -inf, 1.])"),
    ([1e-5, NAN, INF], "float32", "tensor([1.0000e-05,        nan,        inf])"),
    # integers, bools, complex
    (3, "int64", "tensor(3)"),
    ([7, -10], "int64", "tensor([  7, -10])"),
    ([7, 255], "uint8", "tensor([  7, 255], dtype=torch.uint8)"),
    ([7], "int32", "tensor([7], dtype=torch.int32)"),
    ([True, False], "bool", "tensor([ True, False])"),
    ([1 + 2j] * 11, "complex64", f"tensor([{', '.join(['1.+2.j'] * 10)},\n        1.+2.j])"),
    ([1 + 2j, complex(NAN, -INF)], "complex64", "tensor([1.+2.j, nan-infj])"),
    (1 - 2.5j, "complex128", "tensor(1.-2.5000j, dtype=torch.complex128)"),
    # empty
    ([], "float32", "tensor([])"),
    ([], "int64", "tensor([], dtype=torch.int64)"),
    ([], "bool", "tensor([], dtype=torch.bool)"),
    (np.zeros((0, 3)), "float32", "tensor([], size=(0, 3))"),
    (np.zeros((2, 0)), "float64", "tensor([], size=(2, 0), dtype=torch.float64)"),
    # nesting and summarising
    ([[1], [-2]], "int64", "tensor([[ 1],\n        [-2]])"),
    ([[[1, 2]], [[3, 4]]], "int64", "tensor([[[1, 2]],\n\n        [[3, 4]]])"),
    (np.arange(1001), "int64", "tensor([   0,    1,    2,  ...,  998,  999, 1000])"),
    (np.ones((6, 200)), "float32", "tensor([" + ",\n        ".join(["[1., 1., 1.,  ..., 1., 1., 1.]"] * 6) + "])"),
    (np.zeros((1, 1001)), "float32", "tensor([[0., 0., 0.,  ..., 0., 0., 0.]])"),
    (
        np.zeros((1001, 1)),
        "float32",
        "tensor([[0.],\n        [0.],\n        [0.],\n        ...,\n        [0.],\n        [0.],\n        [0.]])",
    ),
]


@pytest.mark.parametrize(("values", "dtype", "text"), GOLDEN, ids=[text[:30] for *_, text in GOLDEN])
def test_golden(values: Any, dtype: str, text: str) -> None:
    assert show(values, dtype) == text


def test_long_rows_wrap_at_80_columns() -> None:
    first = ", ".join(f"{n:2}" for n in range(18))
    second = ", ".join(f"{n:2}" for n in range(18, 20))
    assert show(range(20), "int64") == f"tensor([{first},\n        {second}])"
    eight = ", ".join(["0.5000"] * 8)  # a ninth would fit but for the two outer brackets
    assert show(np.full((1, 1, 9), 0.5)) == f"tensor([[[{eight},\n          0.5000]]])"
    zeros = ", ".join(["0."] * 24)  # counted as one column each, for zeros do not decide the width
    assert show(np.zeros(25)) == f"tensor([{zeros},\n        0.])"


def test_1000_elements_are_all_shown() -> None:
    assert "..." not in show(range(1000), "int64")


def test_suffixes_follow_the_dtype_and_move_down_when_the_line_is_full() -> None:
    assert show([1, 2], requires_grad=True) == "tensor([1., 2.], requires_grad=True)"
    assert show(2.5, grad_fn="MulBackward0", requires_grad=True) == "tensor(2.5000, grad_fn=<MulBackward0>)"
    assert show([1], "float64", grad_fn="A") == "tensor([1.], dtype=torch.float64, grad_fn=<A>)"
    row = "tensor([0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000"
    assert show([0.5] * 6, grad_fn="MulBackward") == f"{row}], grad_fn=<MulBackward>)"
    assert show([0.5] * 6, grad_fn="MulBackward0") == f"{row}],\n       grad_fn=<MulBackward0>)"
    body, dtype, grad = "tensor([0.5000, 0.5000, 0.5000, 0.5000]", "dtype=torch.float64", "requires_grad=True"
    set_printoptions(linewidth=46)
    assert show([0.5] * 4, "float64", requires_grad=True) == f"{body},\n       {dtype}, {grad})"
    set_printoptions(linewidth=45)
    assert show([0.5] * 4, "float64", requires_grad=True) == f"{body},\n       {dtype},\n       {grad})"


def test_the_default_dtype_is_not_printed() -> None:
    assert show([1], "float64", default_dtype="float64") == "tensor([1.])"
    assert show([1], "float32", default_dtype="float64") == "tensor([1.], dtype=torch.float32)"
    assert show([1j], "complex128", default_dtype="float64") == "tensor([0.+1.j])"
    assert show([], "int64", default_dtype="float64") == "tensor([], dtype=torch.int64)"


def test_prefix_and_indent_move_the_later_lines() -> None:
    assert show([[1], [2]], "int64", prefix="Box(", indent=2) == "Box([[1],\n       [2]])"
    assert show(1, indent=60, requires_grad=True) == f"tensor(1.,\n{' ' * 67}requires_grad=True)"


def test_parameter_has_a_heading() -> None:
    text = format_parameter(np.ones((2, 2)), dtype_name="float64", requires_grad=False)
    assert text == "Parameter containing:\ntensor([[1., 1.],\n        [1., 1.]], dtype=torch.float64)"
    assert format_parameter(np.ones(1), dtype_name="float32").endswith("tensor([1.], requires_grad=True)")


def test_only_shown_elements_are_read() -> None:
    huge = np.broadcast_to(np.float32(1), (10**9, 10**9))  # reading or copying all of it would need an exabyte
    assert format_tensor(huge, dtype_name="float32") == show(np.ones((40, 40)))


def test_an_unshown_element_does_not_change_the_notation() -> None:
    values = np.ones(2000)
    values[1000] = 1e-20
    assert show(values) == "tensor([1., 1., 1.,  ..., 1., 1., 1.])"


def test_print_options() -> None:
    set_printoptions(precision=2, edgeitems=1, threshold=4)
    assert show([0.5, 1, 2, 3, 4]) == "tensor([0.50,  ..., 4.00])"
    set_printoptions(sci_mode=True)
    assert show([1]) == "tensor([1.00e+00])"
    set_printoptions(precision=1)  # as in PyTorch, sci_mode returns to None unless given again
    assert show([1]) == "tensor([1.])"
    set_printoptions(profile="short")
    assert show(np.arange(1001) / 4) == "tensor([  0.00,   0.25,  ..., 249.75, 250.00])"
    set_printoptions(profile="full")
    assert "..." not in show(range(2000), "int64")
    set_printoptions(profile="default", edgeitems=0, threshold=1)
    assert show([1, 2], "int32") == "tensor([...], size=(2,), dtype=torch.int32)"
    set_printoptions(profile="default", linewidth=20)
    assert show([1, 2, 3, 4]) == "tensor([1., 2., 3.,\n        4.])"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"profile": "tiny"}, "unknown profile 'tiny'; choose one of default, short, full"),
        ({"precision": -1}, "precision must be a whole number, 0 or more, but got -1"),
        ({"edgeitems": 2.5}, "edgeitems must be a whole number"),
        ({"threshold": NAN}, "threshold must be a whole number"),
        ({"linewidth": INF}, "linewidth must be a whole number"),
    ],
)
def test_bad_options_are_refused_and_set_nothing(option: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"set_printoptions: {message}"):
        set_printoptions(**{"sci_mode": True, **option})
    assert show([1]) == "tensor([1.])"
