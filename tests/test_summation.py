"""Sums in PyTorch's order, against the same order written out number by number."""

import numpy as np
import pytest

import chainrule as torch
from chainrule.ops.summation import LANES, adder


def chain(numbers):
    """One after the other."""
    total = numbers[0]
    for x in numbers[1:]:
        total = total + x
    return total


def blocks(numbers):
    """Up to 16 in a chain; of more, the rest after the last block first, then the sum of the blocks' sums."""
    if len(numbers) < 16:
        return chain(numbers)
    whole = len(numbers) - len(numbers) % 16
    sums = [chain(numbers[k : k + 16]) for k in range(0, whole, 16)]
    rest = chain(numbers[whole:]) if whole < len(numbers) else None
    while len(sums) >= 16:
        left = sums[len(sums) - len(sums) % 16 :]
        if left:
            rest = chain(left) if rest is None else rest + chain(left)
        sums = [chain(sums[k : k + 16]) for k in range(0, len(sums) - len(left), 16)]
    return chain(sums) if rest is None else rest + chain(sums)


def fours(numbers):
    """Four sums side by side, the numbers left over joining the first, then the four in turn."""
    if len(numbers) < 4:
        return chain(numbers)
    whole = len(numbers) - len(numbers) % 4
    first, *others = [blocks(numbers[k:whole:4]) for k in range(4)]
    return chain([first, *numbers[whole:], *others])


def written_out(x):
    lanes = LANES[x.dtype]
    whole = len(x) - len(x) % lanes
    if not whole:
        return fours(list(x))
    return chain([*x[whole:], *[fours(list(x[k:whole:lanes])) for k in range(lanes)]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows(dtype):
    rng = np.random.default_rng(3)
    for size in (*range(1, 140), 255, 256, 511, 512, 513, 1000, 2049):
        x = (rng.standard_normal(size) * 10.0 ** rng.integers(-3, 4, size)).astype(dtype)
        assert adder(x.shape, x.dtype, (0,), False)(x) == written_out(x), size
        kept = adder(x.shape, x.dtype, (0,), True)(x)
        assert kept.shape == (1,)
        assert kept[0] == written_out(x)


def test_half_precision_is_added_in_single():
    x = torch.full((3000,), 1.0, dtype=torch.float16)
    assert x.mean() == 1
    assert x.mean().dtype == torch.float16


def test_rows_that_do_not_lie_in_one_piece():
    x = np.arange(100, dtype="float32")[::2]
    assert adder(x.shape, x.dtype, (0,), False)(x) == x.sum()
