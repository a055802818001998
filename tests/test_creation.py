"""Making tensors: known values, dtypes and shapes; tests/parity compares the same with torch."""

import numpy as np
import pytest

import chainrule as torch

MADE = {
    "zeros": (torch.zeros(2, 3), [[0, 0, 0], [0, 0, 0]], torch.float32),
    "zeros of a tuple": (torch.zeros((2,), dtype=torch.int64), [0, 0], torch.int64),
    "zeros of no axis": (torch.zeros(()), 0.0, torch.float32),
    "ones": (torch.ones(2), [1, 1], torch.float32),
    "full of ints": (torch.full((2,), 7), [7, 7], torch.int64),
    "full of floats": (torch.full((1, 2), 0.5), [[0.5, 0.5]], torch.float32),
    "full of bools": (torch.full((), True), True, torch.bool),
    "eye": (torch.eye(2, 3), [[1, 0, 0], [0, 1, 0]], torch.float32),
    "like": (torch.ones_like(torch.arange(3)), [1, 1, 1], torch.int64),
    "full like": (torch.full_like(torch.zeros(2), 3), [3, 3], torch.float32),
    "arange of ints": (torch.arange(4), [0, 1, 2, 3], torch.int64),
    "arange of floats": (torch.arange(0, 1, 0.25), [0, 0.25, 0.5, 0.75], torch.float32),
    "arange down": (torch.arange(5, 0, -2), [5, 3, 1], torch.int64),
    "arange of nothing": (torch.arange(2, 2), [], torch.int64),
    "linspace": (torch.linspace(0, 1, 5), [0, 0.25, 0.5, 0.75, 1], torch.float32),
    "linspace of one": (torch.linspace(3, 9, 1), [3], torch.float32),
    "linspace of none": (torch.linspace(3, 9, 0), [], torch.float32),
    "linspace down": (torch.linspace(1, -1, 3, dtype=torch.float64), [1, 0, -1], torch.float64),
}


@pytest.mark.parametrize(("tensor", "values", "dtype"), MADE.values(), ids=MADE)
def test_known_values(tensor, values, dtype):
    assert tensor.tolist() == values
    assert tensor.dtype is dtype
    assert tensor.is_leaf
    assert not tensor.requires_grad


INFERRED = {
    "1": (1, torch.int64),
    "1.0": (1.0, torch.float32),
    "True": (True, torch.bool),
    "[1, 2.5]": ([1, 2.5], torch.float32),
    "[True, 2]": ([True, 2], torch.int64),
    "[]": ([], torch.float32),
    "1j": (1j, torch.complex64),
    "a float64 array": (np.ones(2), torch.float64),
    "a float32 number": (np.float32(1), torch.float32),
    "an int32 array": (np.ones(2, "int32"), torch.int32),
    "nested": ([[1, 2], (3, 4)], torch.int64),
}


@pytest.mark.parametrize(("data", "dtype"), INFERRED.values(), ids=INFERRED)
def test_dtypes_are_inferred(data, dtype):
    tensor = torch.tensor(data)
    assert tensor.dtype is dtype
    np.testing.assert_array_equal(tensor.numpy(), data)


def test_dtypes_are_obeyed():
    assert torch.tensor([1.9, -1.9], dtype=torch.int64).tolist() == [1, -1]
    assert torch.tensor([2, 0], dtype=torch.bool).tolist() == [True, False]
    assert torch.tensor(1, dtype=float).dtype is torch.float64
    assert torch.zeros(1, dtype=torch.half).dtype is torch.float16


def test_tensor_copies_and_from_numpy_shares():
    array = np.zeros(2)
    copied, shared, also = torch.tensor(array), torch.from_numpy(array), torch.as_tensor(array)
    array[0] = 5
    assert (copied.tolist(), shared.tolist(), also.tolist()) == ([0, 0], [5, 0], [5, 0])
    x = torch.ones(2)
    assert torch.as_tensor(x) is x
    assert torch.tensor(x).data_ptr() != x.data_ptr()


def test_requires_grad_at_birth():
    made = [torch.tensor([1.0], requires_grad=True), torch.zeros(2, requires_grad=True),
            torch.rand(2, requires_grad=True), torch.linspace(0, 1, 3, requires_grad=True),
            torch.full((2,), 0.5, requires_grad=True)]  # fmt: skip
    assert all(x.requires_grad and x.is_leaf and x.grad is None for x in made)


def test_linspace_is_even_and_ends_where_it_should():
    for steps in (2, 3, 50, 101, 1000):
        x = torch.linspace(-1.3, 2.7, steps).numpy()
        assert (x[0], x[-1]) == (np.float32(-1.3), np.float32(2.7))
        np.testing.assert_allclose(x, np.linspace(-1.3, 2.7, steps), rtol=3e-7, atol=3e-7)


def test_a_default_dtype_is_what_floats_become():
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.get_default_dtype() is torch.float64
        for made in (torch.tensor(1.0), torch.zeros(1), torch.rand(1), torch.linspace(0, 1, 2), torch.tensor([1]) / 2):
            assert made.dtype is torch.float64
        assert torch.tensor(1).dtype is torch.int64
    finally:
        torch.set_default_dtype(torch.float32)
    with pytest.raises(TypeError, match="only floating-point types"):
        torch.set_default_dtype(torch.int64)


def test_one_seed_one_stream():
    torch.manual_seed(3)
    first = [torch.rand(2, 2), torch.randn(3), torch.randint(10, (4,)), torch.randperm(5)]
    torch.manual_seed(3)
    again = [torch.rand(2, 2), torch.randn(3), torch.randint(10, (4,)), torch.randperm(5)]
    assert [x.tolist() for x in first] == [x.tolist() for x in again]
    assert torch.initial_seed() == 3
    own = torch.Generator().manual_seed(3)
    assert torch.rand(2, 2, generator=own).tolist() == first[0].tolist()
    assert [x.dtype for x in first] == [torch.float32, torch.float32, torch.int64, torch.int64]
    assert torch.rand_like(torch.zeros(2, 3, dtype=torch.float64)).dtype is torch.float64


def test_the_old_constructor():
    assert torch.Tensor([1, 2]).tolist() == [1, 2]
    assert torch.Tensor(2, 3).shape == (2, 3)
    assert torch.Tensor().shape == (0,)
    assert torch.FloatTensor([1]).dtype is torch.float32
